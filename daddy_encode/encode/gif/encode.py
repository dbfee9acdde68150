"""Frames into a GIF: exact where its colours allow, else in a palette of the whole clip; in bounded memory."""

from __future__ import annotations

import contextlib
import itertools
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.encode.ffmpeg.executable import Program
from daddy_encode.encode.ffmpeg.process import Watch
from daddy_encode.encode.frames.source import FrameSource
from daddy_encode.encode.gif.gifsicle import find_gifsicle
from daddy_encode.encode.settings import GifSettings, Mp4Settings
from daddy_encode.spool.rate import parse_fps

if TYPE_CHECKING:
    from daddy_encode.encode.gif.first_pass import FirstPass

# Browsers show a delay of 0 or 1 hundredths of a second as 10.
SHORTEST_DELAY = 2


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
    from daddy_encode.encode.gif.first_pass import FirstPass

    return FirstPass(source, settings, folder)


def encode_gif(
    program: Program, source: FrameSource, settings: GifSettings, target: Path, watch: Watch, first: FirstPass
) -> None:
    """Write every `settings.step`-th frame of `source`, whose `count` is known, to `target`, an existing file that
    is replaced: in the clip's own colours where the pictures have at most 256 in all, else in a palette of 256.

    first: the first pass, made already, beside an MP4's, or to be made now.
    Raises EncodeError, Interrupted, SpoolError, and what `source` raises.
    """
    from daddy_encode.encode.gif.palette import write_in_palette

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

    Each picture begins at its own time, rounded; so nothing drifts, and the sum is the recording's length. Only the
    last one may stand for fewer frames than `settings.step`: browsers would slow it down where it came out below
    2 hundredths, so it gets them from those before it, as far as they have more.
    """
    rate = parse_fps(settings.fps)
    # Index / rate, in hundredths, half of one rounded up, in whole numbers.
    begins = [
        (200 * index * rate.denominator + rate.numerator) // (2 * rate.numerator)
        for index in (*range(0, frames, settings.step), frames)
    ]
    found = [after - before for before, after in itertools.pairwise(begins)]
    lacking = max(0, SHORTEST_DELAY - found[-1])
    found[-1] += lacking
    for index in range(len(found) - 2, -1, -1):
        given = min(lacking, found[index] - SHORTEST_DELAY)
        found[index] -= given
        lacking -= given
        if not lacking:
            break
    return found
