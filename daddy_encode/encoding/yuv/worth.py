"""Whether frames are less work as yuv420p made here: where there are many pixels, and few of them change.

Measured on two cores, processor time of ffmpeg and us for a pixel: 6 ns as RGB, converted by ffmpeg, with the longer
way through the pipe; here 1 ns to find what has changed, and 15 ns where it has. The video's bytes are the same.

Rows with filters, such as other programs write, have to be undone first, which takes as long again where something has
changed: of Pillow's PNGs in short jobs, HalfCheetah at 480x480 (6 % of the blocks change) then takes 1.05 of the time,
Breakout (1 %) 0.95 to 1.0, to load numpy and Pillow included.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import Size
from daddy_encode.encoding.png.parse import PngFault
from daddy_encode.encoding.png.unfilter import PlainPixels
from daddy_encode.errors import DaddyEncodeError

# Pixels in a row of a block, of which each has two rows when `picture` converts it: so many that a frame has few
# blocks, and so few that little is converted that has not changed.
BLOCK = 16
# Of the blocks of a frame, at most so many may have changed from the frame before.
MOST_CHANGED = 0.25
# The same where rows have filters.
MOST_CHANGED_FILTERED = 0.03
# For fewer pixels in all clips of this process, loading numpy takes longer than it saves.
LEAST_PIXELS = 2**25
# For fewer pixels in a frame, its calls do; in fewer frames, to look at some of them does.
LEAST_FRAME = 2**14
LEAST_FRAMES = 16
# How many pairs of neighbouring frames are compared to find out, at most and for how many frames one, and how many rows
# of each: the frames are decoded for nothing else.
PAIRS = 4
_FRAMES_FOR_PAIR = 64
_ROWS = 64

# Of the clips so far that could be converted: nobody knows how many jobs are still to come.
_pixels_seen = 0


def changes_little(directory: JobDirectory, names: Sequence[str], size: Size, *, is_filtered: bool) -> bool:
    """Whether these frames can be converted here, and should: judged by a few of them, read for that.

    Args:
        directory: The job's.
        names: The file that is shown as each frame.
        size: Of all.
        is_filtered: Whether rows have filters.
    """
    if not can_convert(size, len(names)):
        return False
    pairs = min(PAIRS, max(1, len(names) // _FRAMES_FOR_PAIR))
    share = changing_part(directory, names, size, pairs)
    return share is not None and share <= (MOST_CHANGED_FILTERED if is_filtered else MOST_CHANGED)


def can_convert(size: Size, count: int) -> bool:
    """Whether so many frames of `size` can be converted here, and are worth it if they change little. Once a clip.

    Odd sizes cannot: ffmpeg repeats their edge. Nor can a height of 2, of which swscale computes another chroma.
    """
    width, height = size
    if width % 2 or height % 2 or min(size) < BLOCK or width * height < LEAST_FRAME or count < LEAST_FRAMES:
        return False
    global _pixels_seen
    _pixels_seen += width * height * count
    return "numpy" in sys.modules or _pixels_seen >= LEAST_PIXELS


def second_frames(count: int, pairs: int = PAIRS) -> list[int]:
    """The second frames of pairs of neighbours in the middle of as many parts of a clip, of at least 2 frames."""
    return [1 + (count - 2) * (2 * part + 1) // (2 * pairs) for part in range(pairs)]


def changing_part(directory: JobDirectory, names: Sequence[str], size: Size, pairs: int = PAIRS) -> float | None:
    """The part of a frame that changes from one to the next, by a few of them; None where they are not all plain."""
    pixels = PlainPixels(*size)
    shares = []
    with contextlib.suppress(DaddyEncodeError, PngFault):
        for second in second_frames(len(names), pairs):
            frames = [directory.read(name)[0] for name in names[second - 1 : second + 1]]
            if not all(png.plain and png.size == size for png in frames):
                return None
            old, new = (bytes(pixels.of(png)) for png in frames)
            shares.append(_changed_share(old, new, size[1]))
        return sum(shares) / len(shares)
    # Whoever reads the frames says what is wrong with one.
    return None


def _changed_share(old: bytes, new: bytes, height: int) -> float:
    """The share of the blocks of a frame of `height` rows that have changed, judged by some of its rows."""
    stride = len(new) // height
    across = range(0, stride, 3 * BLOCK)
    rows = range(0, len(new), max(1, height // _ROWS) * stride)
    changed = 0
    for row in rows:
        before, now = old[row : row + stride], new[row : row + stride]
        if before != now:
            changed += sum(before[at : at + 3 * BLOCK] != now[at : at + 3 * BLOCK] for at in across)
    return changed / (len(rows) * len(across))
