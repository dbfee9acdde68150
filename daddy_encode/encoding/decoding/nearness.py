"""How near each frame of a video is to the picture that its settings should give, before it was compressed.

One ffmpeg reads the frames, makes them into those pictures as an encode does, decodes the video beside them, and says
how far apart they are; neighbours in time are compared as well, so that a video that shows the right pictures at the
wrong time is known from one that is merely compressed a lot.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import IO

from msgspec import Struct

from daddy_encode.encoding.decoding.decode import DIRECTORY, other_samples, video_input
from daddy_encode.encoding.ffmpeg.children import scratch_file
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.mp4.encode import filters
from daddy_encode.encoding.settings import Mp4Settings
from daddy_encode.spool.paths import Kind

_ERROR = "lavfi.psnr.mse_avg"
_SSIM = "lavfi.ssim.All"
# Both inputs by their frames' numbers, whatever their own times are.
FPS = "25"
_BY_NUMBER = f"settb=1/{FPS},setpts=N"


class Comparison(Struct, frozen=True):
    """A video beside its frames; of a GIF the frames are those that it shows.

    Errors, and what else is a distance, are squared: the mean over all samples.

    Attributes:
        error: Of each frame: how far the video's picture is from its own.
        ssim: Of each frame: their structural similarity.
        from_before: How far the picture of the frame before, in the video, is from this frame.
        from_after: How far the picture of the frame after, in the video, is from this frame.
        change: How far the frame is from the one before it.
        decoded: How many pictures came out of an MP4; None of a GIF, of which one may stand for several.
        samples: As of Decoded.
    """

    error: Sequence[float]
    ssim: Sequence[float]
    from_before: Sequence[float]
    from_after: Sequence[float]
    change: Sequence[float]
    decoded: int | None
    samples: str


def psnr(error: float) -> float:
    """The peak signal-to-noise ratio in dB of a mean squared error of 8-bit samples; infinite where there is none."""
    return 10 * math.log10(255 * 255 / error) if error > 0 else math.inf


def compare_mp4(
    ffmpeg: FfmpegExecutable,
    frames: FrameInput,
    count: int,
    settings: Mp4Settings,
    descriptor: int,
    limits: RunLimits,
) -> Comparison:
    """Compare an MP4 with its frames, in yuv420p.

    Args:
        ffmpeg: The executable.
        frames: What it shows.
        count: How many these are.
        settings: What it was made with.
        descriptor: The MP4, open for reading.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed, or reported an error in the video.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `frames` raises.
    """
    chain = "null"
    if frames.pixel_format != "yuv420p":
        chain = filters(frames.width, frames.height, settings.scale)
    size = frames.width * settings.scale, frames.height * settings.scale
    graph = f"[0:v:0]{chain},{_BY_NUMBER}[shown];[1:v:0]{_BY_NUMBER}[video];"
    return _compare(ffmpeg, frames, count, graph, "mp4", size, descriptor, limits)


def compare_gif(
    ffmpeg: FfmpegExecutable,
    frames: FrameInput,
    begins: Sequence[int],
    length: Fraction,
    scale: int,
    descriptor: int,
    limits: RunLimits,
) -> Comparison:
    """Compare a GIF with the pictures that it shows, in RGB; a picture of it may stand for several equal ones.

    Args:
        ffmpeg: The executable.
        frames: The pictures that it shows, as pixels.
        begins: When each of them begins, in hundredths of a second.
        length: Of a picture, in seconds, before that is rounded.
        scale: How many times as large the GIF is.
        descriptor: The GIF, open for reading.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed, or reported an error in the video.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `frames` raises.
    """
    size = frames.width * scale, frames.height * scale
    enlarged = f"scale={size[0]}:{size[1]}:flags=neighbor," if scale > 1 else ""
    # What the GIF shows at the time at which each picture should begin.
    graph = (
        f"[0:v:0]{enlarged}format=gbrp,settb=1/100,setpts={_times(begins, length)},split[under][then];"
        "[1:v:0]settb=1/100,format=gbrp[over];"
        f"[under][over]overlay=format=gbrp,{_BY_NUMBER}[video];[then]{_BY_NUMBER}[shown];"
    )
    return _compare(ffmpeg, frames, len(begins), graph, "gif", size, descriptor, limits)


def _times(begins: Sequence[int], length: Fraction) -> str:
    """An expression in N, the number of a picture, that is its begin: N times `length`, rounded, but for a few."""
    # In hundredths of a second, half of one rounded up, as `gif.timing.delays` has it.
    up, half = 200 * length.numerator, length.denominator
    text = f"floor((N*{up}+{half})/{2 * half})"
    for number, begin in enumerate(begins):
        if (number * up + half) // (2 * half) != begin:
            text = f"if(eq(N,{number}),{begin},{text})"
    return text.replace(",", "\\,")


def _compare(
    ffmpeg: FfmpegExecutable,
    frames: FrameInput,
    count: int,
    graph: str,
    kind: Kind,
    size: tuple[int, int],
    descriptor: int,
    limits: RunLimits,
) -> Comparison:
    with contextlib.ExitStack() as stack:
        results: list[tuple[IO[bytes], str]] = [
            (stack.enter_context(scratch_file()), key) for key in (_SSIM, _ERROR, _ERROR, _ERROR, _ERROR)
        ]
        run = run_ffmpeg(
            ffmpeg,
            [
                *("-filter_threads", "1", "-filter_complex_threads", "1"),
                *frames.arguments(FPS),
                *video_input(kind, descriptor, size),
                *("-filter_complex", graph + _measuring([(file.fileno(), key) for file, key in results])),
                # The first is what ffmpeg counts, and of which it says how it is tagged.
                *("-map", "1:v:0", "-fps_mode", "passthrough", "-threads", "1", "-f", "null", "-"),
                *("-map", f"[a{len(results)}]", "-fps_mode", "passthrough", "-threads", "1", "-f", "null", "-"),
            ],
            frames.frames,
            directory=DIRECTORY,
            limits=limits,
            pixels=size[0] * size[1],
            descriptors=[descriptor, *(file.fileno() for file, _ in results)],
        )
        ssim, error, before, after, change = (_values(file, key) for file, key in results)
    return Comparison(
        error=error[:count],
        ssim=ssim[:count],
        from_before=before[:count],
        from_after=after[:count],
        change=change[:count],
        decoded=run.frames if kind == "mp4" else None,
        samples=other_samples(run.said, 1) if kind == "mp4" else "",
    )


def _measuring(files: Sequence[tuple[int, str]]) -> str:
    """The filters that compare [shown] with [video], and write a key's value for each frame to each of the files."""
    others = (
        ("[v0]null", "ssim"),
        ("[v1]null", "psnr"),
        (f"[v2]tpad=start=1:start_mode=clone,{_BY_NUMBER}", "psnr"),
        (f"[v3]trim=start_frame=1,{_BY_NUMBER}", "psnr"),
        (f"[s1]tpad=start=1:start_mode=clone,{_BY_NUMBER}", "psnr"),
    )
    text = "[shown]split[a0][s1];[video]split=4[v0][v1][v2][v3]"
    for number, ((other, measure), (descriptor, key)) in enumerate(zip(others, files, strict=True)):
        text += (
            f";{other}[b{number}];[a{number}][b{number}]{measure},"
            f"metadata=print:key={key}:file=/proc/self/fd/{descriptor}[a{number + 1}]"
        )
    return text


def _values(file: IO[bytes], key: str) -> list[float]:
    file.seek(0)
    return [float(value) for value in re.findall(rf"^{re.escape(key)}=(\S+)$".encode(), file.read(), re.MULTILINE)]
