"""Frames into an MP4: H.264 by libx264, yuv420p, BT.709, the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.settings import Mp4Settings
from daddy_encode.spool.held_file import HeldFile

# Fixed, never the node's core count: x264's output depends on them. Four keep a single 720p job busy on the small
# nodes that encoders get; more jobs side by side, not more threads, fill a large one.
ENCODE_THREADS = "4"
# ffmpeg's default is a thread for each CPU. Two convert 720p faster than x264 takes it; for pictures of less than so
# many pixels, such as Atari's, handing them over takes longer than converting them: 7 % of all of ffmpeg's work.
FILTER_THREADS = "2"
TWO_THREADS_PIXELS = 2**17
# What its samples are.
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1"
# libx264 refuses larger pictures.
MAX_EXTENT = 16_384


def encode_mp4(
    ffmpeg: FfmpegExecutable,
    frames: FrameInput,
    settings: Mp4Settings,
    target: HeldFile,
    limits: RunLimits,
    extra_output: Sequence[str] = (),
    sink: Callable[[bytes], None] | None = None,
) -> bytes:
    """Write all frames to an MP4.

    Args:
        ffmpeg: The executable.
        frames: What the MP4 shows.
        settings: All that decides its bytes, given the frames.
        target: The file, empty yet.
        limits: When to give up.
        extra_output: ffmpeg's arguments for one more output of the same frames, to its standard output.
        sink: Called with that as it comes, in another thread. Default: it is returned.

    Returns:
        The extra output; empty where there is none, or `sink` took it.

    Raises:
        EncodeError: ffmpeg failed.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `frames` or `sink` raises.
    """
    is_converted = frames.pixel_format == "yuv420p"
    # Planes are converted to the same bytes as packed pixels, without these being made first; but not enlarged.
    before = frames.filters(settings.fps, "gbrp" if settings.scale == 1 else "rgb24")
    arguments = [
        *("-filter_threads", "1" if is_converted else filter_threads(frames.width, frames.height)),
        *frames.arguments(settings.fps),
        *mp4_output(frames.width, frames.height, settings, before=before, is_converted=is_converted),
    ]
    width, height = output_size(frames.width, frames.height, settings.scale)
    return run_ffmpeg(
        ffmpeg,
        [*arguments, *extra_output],
        frames.frames,
        directory=target.path.parent,
        limits=limits,
        pixels=width * height,
        output=target,
        sink=sink,
    ).output


def mp4_output(
    width: int,
    height: int,
    settings: Mp4Settings,
    stream: str = "0:v:0",
    *,
    before: str = "",
    is_converted: bool = False,
) -> list[str]:
    """ffmpeg's options for an MP4 in "{output}" of a stream of frames of `width` x `height` pixels.

    Args:
        width: Of the stream's frames.
        height: Of the stream's frames.
        settings: All that decides the MP4's bytes, given the frames.
        stream: Which one. Default: the only one.
        before: The filters of its input; see `FrameInput.filters`. Default: none.
        is_converted: Whether its frames are what is encoded, not RGB. Default: no.
    """
    return [
        *("-map", stream, "-fps_mode", "passthrough"),
        *("-vf", TAGS if is_converted else before + filters(width, height, settings.scale)),
        *("-c:v", "libx264", "-preset", settings.preset, "-crf", str(settings.crf)),
        # No B-frames: the track begins at time 0. A key frame every 60: seeking is quick.
        *("-bf", "0", "-g", "60", "-threads", ENCODE_THREADS),
        *("-x264-params", "cpu-independent=1:lookahead-threads=1"),
        *("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1"),
        *("-movflags", "+faststart", "-f", "mp4", "{output}"),
    ]


def output_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """The MP4's (width, height): scaled, then padded to even numbers, which 4:2:0 needs."""
    return width * scale + width * scale % 2, height * scale + height * scale % 2


def mp4_fault(width: int, height: int, scale: int) -> str:
    """Why there can be no MP4 of that size, and what to do; empty where there can."""
    size = output_size(width, height, scale)
    if max(size) <= MAX_EXTENT:
        return ""
    largest = MAX_EXTENT // max(output_size(width, height, 1))
    advice = (
        f"--scale {largest} is the largest that fits"
        if largest
        else "--scale only enlarges; --video gif with --gif-width makes it smaller"
    )
    return f"libx264 takes at most {MAX_EXTENT} pixels a side, this one would be {size[0]}x{size[1]}; {advice}"


def filter_threads(width: int, height: int) -> str:
    """How many threads convert pictures of `width` x `height` pixels."""
    return FILTER_THREADS if width * height >= TWO_THREADS_PIXELS else "1"


def filters(width: int, height: int, scale: int) -> str:
    """The filter chain from RGB at `width` x `height` to what is encoded.

    Converted and tagged as BT.709 with sRGB's transfer curve, limited range: untagged BT.601, ffmpeg's default,
    plays with red as orange-red.
    """
    chain = []
    wide, high = width * scale, height * scale
    if scale > 1:
        chain.append(f"scale={wide}:{high}:flags=neighbor")
    target = output_size(width, height, scale)
    if target != (wide, high):
        # fillborders repeats the edge into the padding; it works on planar pixels.
        right, bottom = target[0] - wide, target[1] - high
        chain += [
            "format=gbrp",
            f"pad={target[0]}:{target[1]}:0:0",
            f"fillborders=right={right}:bottom={bottom}:mode=smear",
        ]
    chain += [
        "scale=flags=area+accurate_rnd+bitexact:out_color_matrix=bt709:out_range=tv",
        "format=yuv420p",
        TAGS,
    ]
    return ",".join(chain)
