"""Whether a video, compared with its frames, shows them: each one, in order, as near as its settings bring it. Pure.

A video that is compressed a lot is far from its frames, too, so that distance alone says little. But its pictures are
on their way to their own frame and not to a neighbour. With the change between two neighbouring frames as the unit, a
picture is at 1 where it is its own frame and at 0 where it is the neighbour; this is called its place here.

The limits are from comparisons of 17 kinds of clip, such as rollouts, stills, noise, slow fades and pans, at CRF 0 to
51 with presets from ultrafast to slow: with their own frames, which have to pass, and with a frame's shift, a doubled
frame and another rollout of the same kind. What changes less from frame to frame than compression takes away anyway, as
from CRF 35 on in many clips, cannot be told from its neighbours, and passes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from daddy_encode.archive.verify.proof import Nearness
from daddy_encode.encoding.decoding.nearness import Comparison, psnr
from daddy_encode.encoding.settings import GifSettings, Mp4Settings
from daddy_encode.spool.paths import Kind

# A frame's error is at most that of binary noise, of all clips the farthest at each CRF: 30 dB at CRF 20, 21 at 30, 13
# at 40; that of pictures of 8x8 pixels is 27, 21 and 14. In dB at CRF 20, and for each CRF above.
FLOOR = 25.0
FLOOR_PER_CRF = 0.85
# The same for pictures smaller than this, of which a block of x264's holds little: down to 24.5 dB at CRF 20.
SMALL = 8
FLOOR_SMALL = 19.0
# Of a GIF in a palette.
FLOOR_GIF = 12.0
# Of a clip's pictures in the middle: at most so far to the neighbours' side. Slow pans are at less, but then their
# error is over 10 times the change.
LEAST_PLACE = 0.4
MOST_ERRORS = 6.0
# Pictures that are farther off than what compression leaves out have to be nearer to their own frames than by chance,
# which is 0.5. Slight noise in a still picture, which has no place, is at 39 dB at CRF 20, at 31 at 30. In dB at CRF
# 20, and for each CRF above.
CHANCE_PLACE = 0.52
CHANCE_ERRORS = 1.2
CHANCE_PSNR = 36.0
CHANCE_PER_CRF = 0.8
CHANCE_GIF = 24.0
# A still picture has no place at all, and time to become clear: binary noise is at 36 dB at CRF 20, at 27 at 30.
STILL_FRAMES = 10
STILL_PSNR = 32.0
# Where a third of the pictures are surely at their own frame, one that is surely at a neighbour is wrong. Both are
# asked only where the change is as large as the usual error.
SURELY_OWN = 0.8
SURELY_NEIGHBOUR = 0.25
LEAST_CHANGE = 0.75


def judge(
    comparison: Comparison, settings: Mp4Settings | GifSettings, size: tuple[int, int], *, is_exact: bool
) -> list[str]:
    """What is wrong with a video: one line, or none.

    Args:
        comparison: The video beside the frames that it should show.
        settings: What it was made with.
        size: Its (width, height).
        is_exact: Whether a GIF has to have every pixel of its frames.
    """
    for fault in _faults(comparison, settings, size, is_exact=is_exact):
        return [fault]
    return []


def worst_of(comparison: Comparison, kind: Kind, step: int) -> Nearness:
    """The frame that is least near to what it should be; the first of several."""
    index = max(range(len(comparison.error)), key=comparison.error.__getitem__)
    return Nearness(kind, index * step, psnr(comparison.error[index]), comparison.ssim[index])


def _faults(
    comparison: Comparison, settings: Mp4Settings | GifSettings, size: tuple[int, int], *, is_exact: bool
) -> Iterator[str]:
    crf, step = (settings.crf, 1) if isinstance(settings, Mp4Settings) else (None, settings.step)
    worst = worst_of(comparison, "mp4", step)
    if is_exact or crf == 0:
        if worst.psnr != math.inf:
            yield f"its frame {worst.frame} is not exactly that of its source ({worst.psnr:.1f} dB)"
        return
    is_small = min(size) < SMALL
    change, errors = sum(comparison.change), sum(comparison.error)
    mean = psnr(errors / len(comparison.error))
    if change:
        yield from _order_faults(comparison, crf, step, mean, worst, is_small=is_small)
    elif crf is not None and len(comparison.error) >= STILL_FRAMES and mean < _at(crf, STILL_PSNR, CHANCE_PER_CRF):
        yield f"shows another picture than its source: {mean:.1f} dB (worst: frame {worst.frame})"
    floor = FLOOR_GIF if crf is None else _at(crf, FLOOR_SMALL if is_small else FLOOR, FLOOR_PER_CRF)
    if worst.psnr < floor:
        yield f"its frame {worst.frame} is not that of its source: {worst.psnr:.1f} dB, expected {floor:.1f} or more"


def _order_faults(
    comparison: Comparison, crf: int | None, step: int, mean: float, worst: Nearness, *, is_small: bool
) -> Iterator[str]:
    """Yield what is wrong with a clip that is not still, of which the pictures are at `mean` dB."""
    change, errors = sum(comparison.change), sum(comparison.error)
    distances = _distances(comparison)
    place = min(0.5 * (1 + sum(row) / change) for row in distances)
    least = CHANCE_GIF if crf is None else _at(crf, CHANCE_PSNR, CHANCE_PER_CRF)
    is_beside = place < LEAST_PLACE and errors <= MOST_ERRORS * change
    is_by_chance = place < CHANCE_PLACE and errors > CHANCE_ERRORS * change and mean < least
    if is_beside or is_by_chance:
        yield f"shows other frames than its source has there: {mean:.1f} dB (worst: frame {worst.frame})"
    if not is_small and (wrong := _misplaced(distances, comparison)) is not None:
        yield f"its frame {wrong * step} shows the frame before or after it"


def _at(crf: int, at_20: float, per_crf: float) -> float:
    return at_20 - per_crf * (crf - 20)


def _distances(comparison: Comparison) -> tuple[Sequence[float], Sequence[float]]:
    """How much farther a picture is from a neighbouring frame than its own frame is, for each two neighbouring frames.

    In the first row it is the first picture of the two, in the second row the second one.
    """
    first = [there - own for there, own in zip(comparison.from_before[1:], comparison.error, strict=False)]
    second = [there - own for there, own in zip(comparison.from_after, comparison.error[1:], strict=False)]
    return first, second


def _misplaced(distances: tuple[Sequence[float], Sequence[float]], comparison: Comparison) -> int | None:
    """Which picture is surely a neighbouring frame, where others are surely their own; None: none is."""
    usual = statistics.median(comparison.error)
    places = [
        (0.5 * (1 + distance / change), index)
        for later, row in enumerate(distances)
        for index, (distance, change) in enumerate(zip(row, comparison.change[1:], strict=False), later)
        if change > 0 and change >= LEAST_CHANGE * usual
    ]
    if 3 * sum(place >= SURELY_OWN for place, _ in places) < len(places):
        return None
    wrong = [(place, index) for place, index in places if place < SURELY_NEIGHBOUR]
    return min(wrong)[1] if wrong else None
