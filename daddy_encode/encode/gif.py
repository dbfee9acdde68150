"""Frames into a GIF: a palette from the whole clip, then the pictures, in two passes and bounded memory."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from pathlib import Path

from daddy_encode.encode.mp4 import input_arguments
from daddy_encode.encode.process import Watch, run_ffmpeg
from daddy_encode.encode.program import Program
from daddy_encode.encode.settings import GifSettings
from daddy_encode.encode.source import FrameSource
from daddy_encode.spool.rate import format_fps, parse_fps


def encode_gif(program: Program, source: FrameSource, settings: GifSettings, target: Path, watch: Watch) -> None:
    """Write every `settings.step`-th frame of `source`, whose `count` is known, to `target`, an existing file that
    is replaced.

    Raises EncodeError, Interrupted, and what `source` raises.
    """
    shown = format_fps(shown_rate(settings))
    enlarge = f"scale=iw*{settings.scale}:ih*{settings.scale}:flags=neighbor," if settings.scale > 1 else ""
    pixels = source.width * source.height * settings.scale**2
    # Two passes: ffmpeg's one-pass `split` keeps every frame in memory until the palette is known.
    palette = run_ffmpeg(
        program,
        [
            *input_arguments(source, shown),
            *("-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-vf", "palettegen=reserve_transparent=0", "-c:v", "png", "-f", "image2pipe", "pipe:1"),
        ],
        source.frames(settings.step),
        folder=target.parent,
        watch=watch,
        pixels=pixels,
    )
    run_ffmpeg(
        program,
        [
            *input_arguments(source, shown),
            *("-protocol_whitelist", "pipe", "-format_whitelist", "png_pipe", "-codec_whitelist", "png"),
            *("-f", "png_pipe", "-i", "{input0}"),
            *("-filter_complex", f"[0:v:0]{enlarge}null[v];[v][1:v:0]paletteuse=dither=none:diff_mode=rectangle"),
            *("-fps_mode", "passthrough", "-fflags", "+bitexact", "-map_metadata", "-1"),
            *("-loop", "0", "-final_delay", str(delays(source.count, settings)[-1])),
            *("-f", "gif", "{output}"),
        ],
        source.frames(settings.step),
        folder=target.parent,
        watch=watch,
        pixels=pixels,
        inputs=[palette],
        output=target,
    )


def shown_rate(settings: GifSettings) -> Fraction:
    """Frames per second that the GIF shows."""
    return parse_fps(settings.fps) / settings.step


def delays(frames: int, settings: GifSettings) -> list[int]:
    """The delay of each picture in hundredths of a second, for a recording of `frames` frames.

    Each picture begins at its own time, rounded; so nothing drifts, and the sum is the recording's length.
    """
    rate = parse_fps(settings.fps)
    # Half a hundredth rounds up, as in ffmpeg's muxer.
    begins = [math.floor(index * 100 / rate + Fraction(1, 2)) for index in (*range(0, frames, settings.step), frames)]
    return [after - before for before, after in itertools.pairwise(begins)]
