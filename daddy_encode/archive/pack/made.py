"""The packed file as it is made, and whether it is worth it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daddy_encode.archive.pack.frames import PngFrames
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import run_ffmpeg
from daddy_encode.encoding.stored.layout import Layout
from daddy_encode.encoding.yuv.worth import second_frames
from daddy_encode.report.log import counted, size
from daddy_encode.spool.held_file import HeldFile

# The packed file and its record.
PACKED_FILES = 2
# The share of samples that change from a frame to the next by more or less than the pixel beside them: where it is
# larger, frames are busy. Measured: Breakout 0.0007, CartPole 0.0025; MuJoCo 0.012 to 0.02.
_BUSY = 0.006
# Of common file systems: a file takes whole ones.
_DISK_BLOCK = 4096


def encode_frames(
    ffmpeg: FfmpegExecutable, frames: PngFrames, layout: Layout, context: Context, temp: HeldFile
) -> None:
    """Write the samples of all frames to `temp`. Raises what `run_ffmpeg` and `PngFrames.to_pack` raise."""
    run_ffmpeg(
        ffmpeg,
        [
            *("-protocol_whitelist", "pipe", "-format_whitelist", "rawvideo", "-codec_whitelist", "rawvideo"),
            *("-filter_threads", "1", "-f", "rawvideo", "-c:v", "rawvideo", *layout.size_arguments),
            *("-framerate", "25", "-i", "pipe:0", *layout.output_arguments(is_busy=is_busy(frames))),
        ],
        frames.to_pack(),
        directory=frames.path,
        limits=context.limits,
        pixels=layout.width * layout.height,
        output=temp,
    )


def is_busy(frames: PngFrames) -> bool:
    """Whether much changes from frame to frame, judged by the samples of a few of them and nothing else."""
    if len(frames.names) < 2:
        return False
    step = 3 if frames.png.plain else 1
    changed = seen = 0
    for second in sorted(set(second_frames(len(frames.names)))):
        old, new = (frames.samples(name) for name in frames.names[second - 1 : second + 1])
        if old is None or new is None:
            return False
        difference = new - old
        changed += int(np.count_nonzero(difference[step:] != difference[:-step]))
        seen += difference.size
    return changed > _BUSY * seen


def why_not_worth(before: Sequence[int], after: Sequence[int]) -> str | None:
    """Why files of the sizes `after`, in bytes, are no gain over those `before`: neither fewer nor smaller on disk."""
    then, now = sum(map(_on_disk, before)), sum(map(_on_disk, after))
    if len(after) < len(before) or now < then:
        return None
    return (
        f"it would be no smaller: {counted(len(before), 'file')} of {size(then)} on disk would become {len(after)} of "
        f"{size(now)}"
    )


def _on_disk(count: int) -> int:
    return -(-count // _DISK_BLOCK) * _DISK_BLOCK
