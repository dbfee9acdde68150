"""Frames into an MP4: H.264 by libx264, yuv420p, BT.709, the same bytes on every machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.encode.ffmpeg.executable import Program
from daddy_encode.encode.ffmpeg.process import Watch, run_ffmpeg
from daddy_encode.encode.frames.source import FrameSource
from daddy_encode.encode.settings import Mp4Settings

if TYPE_CHECKING:
    from daddy_encode.encode.gif.first_pass import FirstPass

# Fixed, never the node's core count: x264's output depends on them. Four keep a single 720p job busy on the small
# nodes that encoders get; more jobs side by side, not more threads, fill a large one.
ENCODE_THREADS = "4"
DECODE_THREADS = "2"
# ffmpeg's default is a thread for each CPU. Two convert 720p faster than x264 takes it; for pictures of less than so
# many pixels, such as Atari's, handing them over takes longer than converting them: 7 % of all of ffmpeg's work.
FILTER_THREADS = "2"
ALONE_PIXELS = 2**17


def encode_mp4(
    program: Program,
    source: FrameSource,
    settings: Mp4Settings,
    target: Path,
    watch: Watch,
    first: FirstPass | None = None,
) -> None:
    """Write all frames of `source` to `target`, an existing file that is replaced.

    first: the GIF's first pass over the same frames, which is made along with this one.
    Raises EncodeError, Interrupted, and what `source` raises.
    """
    arguments = [
        *("-filter_threads", filter_threads(source.width, source.height)),
        *input_arguments(source, settings.fps),
        *("-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-vf", filters(source.width, source.height, settings.scale)),
        *("-c:v", "libx264", "-preset", settings.preset, "-crf", str(settings.crf)),
        # No B-frames: the track begins at time 0 without an edit list. A key frame every 60: seeking is quick.
        *("-bf", "0", "-g", "60", "-threads", ENCODE_THREADS),
        *("-x264-params", "cpu-independent=1:lookahead-threads=1"),
        *("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1"),
        *("-movflags", "+faststart", "-f", "mp4", "{output}"),
    ]
    width, height = output_size(source.width, source.height, settings.scale)
    frames = source.frames() if first is None else first.listen(source.frames())
    beside = [] if first is None else first.output_beside()
    palette = run_ffmpeg(
        program,
        [*arguments, *beside],
        frames,
        folder=target.parent,
        watch=watch,
        pixels=width * height,
        output=target,
    )
    if first is not None:
        first.palette = palette


def input_arguments(source: FrameSource, fps: str, size: tuple[int, int] | None = None) -> list[str]:
    """ffmpeg's options for `source` on its standard input, played at `fps`.

    size: (width, height) of raw frames; by default the source's own.
    """
    if source.raw:
        width, height = size or (source.width, source.height)
        kind, codec = "rawvideo", "rawvideo"
        layout = ["-pixel_format", "rgb24", "-video_size", f"{width}x{height}"]
    else:
        kind, codec = "image2pipe", "png"
        # One read is one frame: no search for its end.
        layout = ["-frame_size", str(source.item_bytes), "-err_detect", "explode"]
    return [
        *("-protocol_whitelist", "pipe", "-format_whitelist", kind, "-codec_whitelist", codec),
        # Decoders round a size up to what suits their memory.
        *("-max_pixels", str((source.width + 128) * (source.height + 128)), "-threads", DECODE_THREADS),
        *("-f", kind, "-c:v", codec),
        # Nothing is left to be found out by reading 5 MB ahead, the default, which costs a short clip 2 ms.
        *("-probesize", "32", "-analyzeduration", "0"),
        *layout,
        *("-framerate", fps, "-i", "pipe:0"),
    ]


def output_size(width: int, height: int, scale: int) -> tuple[int, int]:
    """The MP4's (width, height): scaled, then padded to even numbers, which 4:2:0 needs."""
    return width * scale + width * scale % 2, height * scale + height * scale % 2


def filter_threads(width: int, height: int) -> str:
    """How many threads convert pictures of `width` x `height`."""
    return FILTER_THREADS if width * height >= ALONE_PIXELS else "1"


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
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1",
    ]
    return ",".join(chain)
