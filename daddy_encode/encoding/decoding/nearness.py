"""How near each frame of a video is to the picture that its settings should give, before it was compressed.

One ffmpeg reads the frames, makes them into those pictures as an encode does, decodes the video beside them, and says
how far apart they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct

from daddy_encode.encoding.decoding.decode import DIRECTORY, other_samples, video_input
from daddy_encode.encoding.ffmpeg.children import scratch_file
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.mp4.encode import TAGS, filters, output_size
from daddy_encode.encoding.settings import Mp4Settings
from daddy_encode.spool.paths import Kind

# Both inputs by their frames' numbers, whatever their own times are.
FPS = "25"
_BY_NUMBER = f"settb=1/{FPS},setpts=N"


class Comparison(Struct, frozen=True):
    """A video beside its frames; of a GIF the frames are those that it shows.

    Attributes:
        error: Of each frame: how far the video's picture is from its own, squared, the mean over all samples.
        ssim: Of each frame: their structural similarity.
        decoded: How many pictures came out of an MP4; None of a GIF, of which one may stand for several.
        samples: As of Decoded.
    """

    error: Sequence[float]
    ssim: Sequence[float]
    decoded: int | None
    samples: str


def psnr(error: float) -> float:
    """The peak signal-to-noise ratio in dB of a mean squared error of 8-bit samples; infinite where there is none."""
    return 10 * math.log10(255 * 255 / error) if error > 0 else math.inf


class Shown(Struct, frozen=True):
    """The pictures that a video should show, and how its own come beside them.

    Attributes:
        frames: What they are made of.
        kind: Of the video.
        size: Its (width, height).
        filters: From `frames` to the pictures.
    """

    frames: FrameInput
    kind: Kind
    size: tuple[int, int]
    filters: str

    def graph(self, count: int = 1) -> str:
        """The filters from ffmpeg's inputs, the frames and `count` videos of them, to [shown], [video1] and so on."""
        numbers = range(1, count + 1)
        if self.kind == "mp4":
            videos = [f"[{number}:v:0]{_BY_NUMBER}[video{number}];" for number in numbers]
            return f"[0:v:0]{self.filters},{_BY_NUMBER}[shown];" + "".join(videos)
        # What the GIF shows at the time at which each picture should begin.
        videos = [
            f"[{number}:v:0]settb=1/100,format=gbrp[over{number}];"
            f"[under{number}][over{number}]overlay=format=gbrp,{_BY_NUMBER}[video{number}];"
            for number in numbers
        ]
        under = "".join(f"[under{number}]" for number in numbers)
        return f"[0:v:0]{self.filters},split={count + 1}[then]{under};[then]{_BY_NUMBER}[shown];" + "".join(videos)


def shown_by_mp4(frames: FrameInput, settings: Mp4Settings) -> Shown:
    """What an MP4 shows of these frames, in yuv420p."""
    # Samples that do not say what they are would be converted, and be off by one.
    chain = TAGS
    if frames.pixel_format != "yuv420p":
        chain = filters(frames.width, frames.height, settings.scale)
    return Shown(frames, "mp4", output_size(frames.width, frames.height, settings.scale), chain)


def shown_by_gif(frames: FrameInput, begins: Sequence[int], length: Fraction, scale: int) -> Shown:
    """What a GIF shows, in RGB; a picture of it may stand for several equal ones.

    Args:
        frames: The pictures that it shows, as pixels.
        begins: When each of them begins, in hundredths of a second.
        length: Of a picture, in seconds, before that is rounded.
        scale: How many times as large the GIF is.
    """
    size = frames.width * scale, frames.height * scale
    enlarged = f"scale={size[0]}:{size[1]}:flags=neighbor," if scale > 1 else ""
    return Shown(frames, "gif", size, f"{enlarged}format=gbrp,settb=1/100,setpts={_times(begins, length)}")


def _times(begins: Sequence[int], length: Fraction) -> str:
    """An expression in N, the number of a picture, that is its begin: N times `length`, rounded, but for a few."""
    # In hundredths of a second, half of one rounded up, as `gif.timing.delays` has it.
    up, half = 200 * length.numerator, length.denominator
    text = f"floor((N*{up}+{half})/{2 * half})"
    for number, begin in enumerate(begins):
        if (number * up + half) // (2 * half) != begin:
            text = f"if(eq(N,{number}),{begin},{text})"
    return text.replace(",", "\\,")


def compare(ffmpeg: FfmpegExecutable, shown: Shown, count: int, descriptor: int, limits: RunLimits) -> Comparison:
    """Compare a video with the pictures that it should show.

    Args:
        ffmpeg: The executable.
        shown: These.
        count: How many they are.
        descriptor: The video, open for reading.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed, or reported an error in the video.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever the frames raise.
    """
    kind, size, frames = shown.kind, shown.size, shown.frames
    with scratch_file() as file:
        run = run_ffmpeg(
            ffmpeg,
            [
                *("-filter_threads", "1", "-filter_complex_threads", "1"),
                *frames.arguments(FPS),
                *video_input(kind, descriptor, size),
                *("-filter_complex", shown.graph() + _MEASURING.format(file.fileno())),
                # The first is what ffmpeg counts, and of which it says how it is tagged.
                *("-map", "1:v:0", "-fps_mode", "passthrough", "-threads", "1", "-f", "null", "-"),
                *("-map", "[measured]", "-fps_mode", "passthrough", "-threads", "1", "-f", "null", "-"),
            ],
            frames.frames,
            directory=DIRECTORY,
            limits=limits,
            pixels=size[0] * size[1],
            descriptors=[descriptor, file.fileno()],
        )
        file.seek(0)
        values = _values(file.read())
    return Comparison(
        error=values["psnr.mse_avg"][:count],
        ssim=values["ssim.All"][:count],
        decoded=run.frames if kind == "mp4" else None,
        samples=other_samples(run.said, 1) if kind == "mp4" else "",
    )


# What compares [shown] with [video1], and writes what it finds of each frame to a file.
_MEASURING = (
    "[video1]split[video0][same];[shown][video0]ssim[like];"
    "[like][same]psnr,metadata=print:file=/proc/self/fd/{}[measured]"
)


def _values(said: bytes) -> dict[str, list[float]]:
    """What was found of each frame, by its name."""
    found: dict[str, list[float]] = {}
    for name, value in re.findall(rb"^lavfi\.(\S+)=(\S+)$", said, re.MULTILINE):
        found.setdefault(name.decode(), []).append(float(value))
    return found
