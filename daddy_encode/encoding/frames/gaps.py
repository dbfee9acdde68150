"""Which file is shown as which frame when frames are missing or bad. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import FrameSequence

# Frames such as 000000.png, 000001.png, 999999999.png are a mistake of numbering, not a recording with gaps.
SPARE_MISSING = 1000
# Where numbers are irregular, each frame may be shown so often on average. Nanoseconds are never meant to be counted.
MOST_HELD = 100


def expected_numbers(frames: FrameSequence, promised: int | None) -> range:
    """The instants (`FrameSequence.numbers`) at which the frames of a job should be.

    They begin at 0 where all that are there fit below the promised number, else at the first one there.

    Args:
        frames: The frames that are there.
        promised: How many the manifest promises, if there is one.
    """
    first, last = frames.numbers[0], frames.numbers[-1]
    if promised is None:
        return range(first, last + 1)
    start = 0 if last < promised else first
    return range(start, max(start + promised, last + 1))


def fill(
    frames: FrameSequence, expected: range, bad: Mapping[str, str], how: Literal["hold", "skip"], directory: str
) -> list[str]:
    """Choose the file that is shown as each frame of the video.

    Args:
        frames: The frames that are there.
        expected: The instants at which they should be.
        bad: What is wrong with each file that cannot be shown, by name.
        how: `hold`: what is missing or bad shows the last good frame before it, else the first good one; `skip`: it is
            left out.
        directory: Named in errors.

    Returns:
        The name of the file for each frame.

    Raises:
        FrameError: No frame is good, or more are missing than any recording would lose.
    """
    good = [(number, name) for number, name in zip(frames.numbers, frames.names, strict=True) if name not in bad]
    if not good:
        first = frames.names[0]
        raise FrameError(
            f"{directory}: none of its {len(frames)} frames can be used ({first} {bad[first]}); run the rollout again"
        )
    if how == "skip":
        return [name for _, name in good]
    # Not len(range): that is bounded, and numbers in names are not.
    instants = expected.stop - expected.start
    missing = instants - len(frames)
    if frames.numbering == "irregular":
        if missing > MOST_HELD * len(frames) + SPARE_MISSING:
            raise FrameError(
                f"{directory}: the numbers of its {len(frames)} frames are too far apart to hold each until the next "
                f"({instants} frames in all); --gaps skip closes up"
            )
    elif missing > len(frames) + SPARE_MISSING:
        raise FrameError(
            f"{directory}: {missing} of {instants} frames are missing, too many to hold others that long; "
            "--gaps skip leaves them out"
        )
    shown = [good[0][1]] * (good[0][0] - expected.start)
    for (number, name), following in zip(good, [*(number for number, _ in good[1:]), expected.stop], strict=True):
        shown += [name] * (following - number)
    return shown
