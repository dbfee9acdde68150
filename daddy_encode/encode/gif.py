"""Frames into a GIF: exact where its colours allow, else in a palette of the whole clip; in bounded memory."""

from __future__ import annotations

import contextlib
import itertools
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.encode.gif_optimize import find_gifsicle
from daddy_encode.encode.process import Watch
from daddy_encode.encode.program import Program
from daddy_encode.encode.settings import GifSettings, Mp4Settings
from daddy_encode.encode.source import FrameSource
from daddy_encode.spool.rate import parse_fps

if TYPE_CHECKING:
    from daddy_encode.encode.gif_first import FirstPass


def first_pass(
    source: FrameSource, settings: Mp4Settings | GifSettings | None, folder: Path
) -> contextlib.AbstractContextManager[FirstPass | None]:
    """What `encode_gif` needs, for frames that are still to be gone through; None where `settings` are no GIF's.

    folder: an existing one, for a temporary file. Raises as FirstPass does.
    """
    if not isinstance(settings, GifSettings):
        return contextlib.nullcontext()
    if settings.optimize:
        # Before the work, not after it.
        find_gifsicle()
    # numpy and Pillow take longer to load than a small MP4 to make; only a GIF needs them.
    from daddy_encode.encode.gif_first import FirstPass

    return FirstPass(source, settings, folder)


def encode_gif(
    program: Program, source: FrameSource, settings: GifSettings, target: Path, watch: Watch, first: FirstPass
) -> None:
    """Write every `settings.step`-th frame of `source`, whose `count` is known, to `target`, an existing file that
    is replaced: in the clip's own colours where the pictures have at most 256 in all, else in a palette of 256.

    first: the first pass, made already, beside an MP4's, or to be made now.
    Raises EncodeError, Interrupted, SpoolError, and what `source` raises.
    """
    from daddy_encode.encode.gif_palette import write_in_palette

    if not first.made:
        first.make(program, watch)
    if first.exact is not None:
        first.exact.finish(target, settings.loop)
    else:
        write_in_palette(program, source, settings, first.palette, target, watch)


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
