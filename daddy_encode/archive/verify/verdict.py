"""Whether a video, compared with its frames, shows them: each one, in order, as near as its settings bring it. Pure.

How far compression takes a picture from its frame depends on both, by a factor of 1,000 at one CRF, so that no limit
tells a right video from a wrong one, and what is small, such as a score or a ball, is lost among what it takes away. So
each video is made anew. The same bytes are right, whatever they look like, and so are the same pictures, which other
versions of ffmpeg and x264 make as well. The very same ffmpeg makes no others; of another one each picture has to be as
near to its frame as in the one made anew.
"""

from __future__ import annotations

import math
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


def judge_beside_anew(pictures: Sequence[Apart], step: int, *, is_same_ffmpeg: bool) -> list[str]:
    """What is wrong with a video that is not, byte by byte, the one that was made anew: one line, or none.

    Args:
        pictures: Of each picture, how far both are from its frame.
        step: How many frames there are for each of them.
        is_same_ffmpeg: Whether the receipt says that the video was made by the ffmpeg that has made it anew.
    """
    for fault in _faults(pictures, step):
        return [fault]
    other = next((index for index, picture in enumerate(pictures) if not picture.is_same), None)
    if other is None or not is_same_ffmpeg:
        return []
    return [f"its frame {other * step} is not what the same ffmpeg makes of its source"]


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
