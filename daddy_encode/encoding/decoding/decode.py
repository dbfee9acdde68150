"""A video decoded to its last frame, from the open file: nothing is looked up by its name a second time."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.spool.paths import Kind

# Whatever the file claims to be, nothing but these reads it: the demuxers' and the decoders' names.
_READERS: dict[Kind, tuple[str, str, str]] = {
    "mp4": ("mp4", "mov,mp4,m4a,3gp,3g2,mj2", "h264"),
    "gif": ("gif", "gif", "gif"),
}
# What ffmpeg says of our MP4s' samples: 4:2:0, limited range; matrix, primaries and transfer curve.
SAMPLES = "yuv420p(tv, bt709/bt709/iec61966-2-1"
# ffmpeg works in the root directory: it opens nothing by a name of its own.
DIRECTORY = Path("/")


class Decoded(Struct, frozen=True):
    """What decoding a video to its last frame has shown.

    Attributes:
        frames: How many pictures came out.
        samples: What ffmpeg says of an MP4's samples where they are not tagged as ours are; empty where they are.
    """

    frames: int
    samples: str


def video_input(kind: Kind, descriptor: int, size: tuple[int, int]) -> list[str]:
    """ffmpeg's options for a video of (width, height) `size`, open as `descriptor`, as an input.

    One thread decodes it: several videos are decoded side by side.
    """
    reader, formats, codecs = _READERS[kind]
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", formats, "-codec_whitelist", codecs),
        *("-max_pixels", str((size[0] + 128) * (size[1] + 128)), "-threads", "1", "-f", reader),
        *("-i", f"file:/proc/self/fd/{descriptor}"),
    ]


def decode_whole(
    ffmpeg: FfmpegExecutable, kind: Kind, descriptor: int, size: tuple[int, int], limits: RunLimits
) -> Decoded:
    """Decode a video to its last frame.

    Args:
        ffmpeg: The executable.
        kind: Of the video.
        descriptor: The file, open for reading.
        size: The (width, height) that it has; one that is much larger is refused.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed, or reported an error in the video.
        Interrupted: `limits.stop` was set.
    """
    run = run_ffmpeg(
        ffmpeg,
        [
            *video_input(kind, descriptor, size),
            *("-map", "0:v:0", "-fps_mode", "passthrough", "-threads", "1", "-f", "null", "-"),
        ],
        (),
        directory=DIRECTORY,
        limits=limits,
        pixels=size[0] * size[1],
        descriptors=[descriptor],
    )
    return Decoded(run.frames, other_samples(run.said) if kind == "mp4" else "")


def other_samples(said: str, number: int = 0) -> str:
    """What ffmpeg has `said` of an MP4's samples, where they are not tagged as ours are; else empty.

    Both the container and the H.264 in it say which colours they are, and players believe the one or the other.

    Args:
        said: By a run whose first output is the decoded video, as it came out.
        number: Of the input that is the video. Default: the first.
    """
    for place in (f"Input #{number}", "Output #0"):
        part = said.partition(f"{place},")[2]
        found = re.search(r"Stream #.*?: Video: .*?, (\w+(?:\([^)]*\))?)", part)
        if found is None or not found[1].startswith(SAMPLES):
            return found[1] if found is not None else "nothing"
    return ""
