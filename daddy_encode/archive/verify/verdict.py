"""Whether a video, compared with its frames, shows them: each one, in order, as near as its settings bring it. Pure.

How far compression takes a picture from its frame depends on both, by a factor of 1,000 at one CRF, so that no limit
tells a right video from a wrong one. So there are two steps. The first one only asks whether anything is conspicuous;
nothing is in the videos of most rollouts, and nearly everything that is wrong is. Of a conspicuous video the second
step knows what it should be like: it is made anew. The same bytes are right, whatever they look like; of others, which
another version of ffmpeg or x264 makes, each picture has to be as near to its frame as in the one made anew.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from daddy_encode.archive.verify.proof import Nearness
from daddy_encode.encoding.decoding.nearness import Comparison, psnr
from daddy_encode.encoding.settings import GifSettings, Mp4Settings
from daddy_encode.spool.paths import Kind

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.apart import Apart

# Far below what was ever seen of a right video, so that not even a fault of the encoder's own, which it would repeat,
# is taken for right: of all clips binary noise is the farthest from its frames, at 30 dB at CRF 20, 21 at 30, 13 at 40.
# In dB at CRF 20, and for each CRF above; of pictures smaller than a block of x264's; of a GIF.
FLOOR = 22.0
FLOOR_PER_CRF = 0.85
FLOOR_SMALL = 13.0
FLOOR_GIF = 12.0
SMALL = 16
# What is conspicuous at CRF 20, and by how many CRF that doubles; above MOST_CRF everything is. In videos of rollouts
# the block of Y that is the farthest off is so by 8 at most in any frame, by 4 in most; those of U and V by 3 and 2;
# planes are off by 0.2, and errors are 10 at most. Below CRF 20 blocks are off by hardly less.
MOST_CRF = 26
BLOCK_OFFSETS = (8.5, 3.5, 3.5)
USUAL_BLOCK_OFFSETS = (4.5, 2.5, 2.5)
BLOCK_DOUBLES = 10
# Or so much in a frame, where that is so many times as much as in nine of ten, and a little more.
BLOCK_OFFSETS_ALONE = (4.5, 3.5, 3.5)
BLOCK_ALONE = 1.5
PLANE_OFFSET = 0.4
PLANE_DOUBLES = 6
ERROR = 11.0
ERROR_DOUBLES = 3
# A frame of which a plane has so many times the error that nine in ten others have at most, and a little more.
ALONE = 2.0
ALONE_SPARE = 0.3
# Of a GIF in a palette, where a colour may be off in a whole block: as of an MP4 of this CRF.
GIF_CRF = 30
# Beside the video made anew: the error of a plane and of a block, as many times as large; the offset of a plane in a
# frame and in the whole video, and how much more for each root of the error; how far back on the way to its frame.
WORSE = 1.5
WORSE_SPARE = 0.3
WORSE_BLOCK = 2.5
OFFSET = 0.5
OFFSET_PER_ERROR = 0.15
OFFSET_ALL = 0.15
OFFSET_ALL_PER_ERROR = 0.05
STEP = 0.3


def worst_of(comparison: Comparison, kind: Kind, step: int) -> Nearness:
    """The frame that is least near to what it should be; the first of several."""
    index = max(range(len(comparison.error)), key=comparison.error.__getitem__)
    return Nearness(kind, index * step, psnr(comparison.error[index]), comparison.ssim[index])


def is_without_loss(settings: Mp4Settings | GifSettings, *, is_exact: bool) -> bool:
    """Whether every sample has to be the same; `is_exact`: whether a GIF has to have every pixel of its frames."""
    return is_exact or (isinstance(settings, Mp4Settings) and settings.crf == 0)


def judge_exact(worst: Nearness) -> list[str]:
    """What is wrong with a video without loss, of which this is the `worst` frame: one line, or none."""
    if worst.psnr == math.inf:
        return []
    return [f"its frame {worst.frame} is not exactly that of its source ({worst.psnr:.1f} dB)"]


def judge_floor(worst: Nearness, settings: Mp4Settings | GifSettings, size: tuple[int, int]) -> list[str]:
    """What is wrong with any video: one line, or none.

    Args:
        worst: Its worst frame.
        settings: What it was made with.
        size: Its (width, height).
    """
    floor = FLOOR_GIF
    if isinstance(settings, Mp4Settings):
        floor = (FLOOR_SMALL if min(size) < SMALL else FLOOR) - FLOOR_PER_CRF * (settings.crf - 20)
    if worst.psnr >= floor:
        return []
    return [f"its frame {worst.frame} is not that of its source: {worst.psnr:.1f} dB, expected {floor:.1f} or more"]


def is_conspicuous(comparison: Comparison, settings: Mp4Settings | GifSettings, size: tuple[int, int]) -> bool:
    """Whether only the same video made anew can tell that nothing is wrong with one; arguments as for `judge_floor`."""
    crf = settings.crf if isinstance(settings, Mp4Settings) else None
    if (crf or 0) > MOST_CRF or min(size) < SMALL:
        return True
    above = (GIF_CRF if crf is None else crf) - 20
    count = len(comparison.error)
    nine_in_ten = max(0, count * 9 // 10 - 1)
    scale = max(1, 2 ** (above / BLOCK_DOUBLES))
    for plane in range(3):
        offsets = sorted(offset.most[plane] for offset in comparison.offsets)
        most = BLOCK_OFFSETS[plane] * scale
        if crf is not None:
            most = min(most, max(BLOCK_OFFSETS_ALONE[plane], BLOCK_ALONE * offsets[nine_in_ten] + ALONE_SPARE))
        if offsets[-1] > most:
            return True
        if statistics.median(offsets) > USUAL_BLOCK_OFFSETS[plane] * scale:
            return True
    means = [sum(plane) / count for plane in zip(*(offset.mean for offset in comparison.offsets), strict=True)]
    if max(map(abs, means)) >= PLANE_OFFSET * 2 ** (above / PLANE_DOUBLES):
        return True
    scale = 2 ** (above / ERROR_DOUBLES)
    return max(comparison.error) >= ERROR * scale or any(
        max(plane) >= ALONE * sorted(plane)[nine_in_ten] + ALONE_SPARE * scale for plane in comparison.planes
    )


def judge_beside_anew(pictures: Sequence[Apart], step: int) -> list[str]:
    """What is wrong with a video that is not, byte by byte, the one that was made anew: one line, or none.

    Args:
        pictures: Of each picture, how far both are from its frame.
        step: How many frames there are for each of them.
    """
    for fault in _faults(pictures, step):
        return [fault]
    return []


def _faults(pictures: Sequence[Apart], step: int) -> Iterator[str]:
    back = [index for index, picture in enumerate(pictures) if picture.step > STEP]
    worse = [index for index in range(len(pictures)) if _is_worse(pictures, index)]
    if 3 * len(back) > len(pictures) or 3 * len(worse) > 2 * len(pictures):
        yield f"shows other frames than its source has there (first: frame {min(back + worse) * step})"
    for index in back:
        yield f"its frame {index * step} shows the frame before or after it"
    for index in worse:
        yield f"its frame {index * step} is not that of its source: {_beside(pictures[index])}"
    for index, picture in enumerate(pictures):
        if picture.local > WORSE_BLOCK:
            yield f"a part of its frame {index * step} is not as in its source: {_beside(picture)}"
    for index, picture in enumerate(pictures):
        for offset, anew, error in zip(picture.offset, picture.offset_anew, picture.anew, strict=True):
            if abs(offset - anew) > OFFSET + OFFSET_PER_ERROR * math.sqrt(error):
                yield f"the colours of its frame {index * step} are not those of its source: {_beside(picture)}"
    count = len(pictures)
    for plane in range(len(pictures[0].error)):
        offset = sum(picture.offset[plane] - picture.offset_anew[plane] for picture in pictures) / count
        error = sum(picture.anew[plane] for picture in pictures) / count
        if abs(offset) > OFFSET_ALL + OFFSET_ALL_PER_ERROR * math.sqrt(error):
            yield f"its colours are not those of its source: off by {abs(offset):.1f} of 255"


def _is_worse(pictures: Sequence[Apart], index: int) -> bool:
    near = pictures[max(0, index - 1) : index + 2]
    return any(
        error > WORSE * max(other.anew[plane] for other in near) + WORSE_SPARE
        for plane, error in enumerate(pictures[index].error)
    )


def _beside(picture: Apart) -> str:
    """How near a picture is, and should be, in the plane where it is the least near."""
    error, anew = max(zip(picture.error, picture.anew, strict=True), key=lambda both: both[0] - both[1])
    return f"{psnr(error):.1f} dB, {psnr(anew):.1f} when it is made anew"
