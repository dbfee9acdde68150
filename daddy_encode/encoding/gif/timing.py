"""When each picture of a GIF is shown. Pure."""

from __future__ import annotations

import itertools
from fractions import Fraction

from daddy_encode.encoding.settings import GifSettings
from daddy_encode.spool.rate import parse_fps

# Browsers show a delay of 0 or 1 hundredths of a second as 10.
SHORTEST_DELAY = 2


def shown_rate(settings: GifSettings) -> Fraction:
    """Frames per second that the GIF shows."""
    return parse_fps(settings.fps) / settings.step


def delays(frames: int, settings: GifSettings) -> list[int]:
    """The delay of each picture in hundredths of a second.

    Each picture begins at its own time, rounded; so nothing drifts, and the sum is the recording's length. Only the
    last one may stand for fewer frames than `settings.step`: browsers would slow it down where it came out below
    2 hundredths, so it gets them from those before it, as far as they have more.

    Args:
        frames: How many the recording has.
        settings: Its rate, and which frames are shown.
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
