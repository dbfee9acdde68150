"""What is written under a picture: its frame's index and time, and what the rollout said of it. The texts are pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from daddy_encode.spool.records import known

# Annotations of one frame come nowhere near it.
_LONGEST_LINE = 2**20
# Beyond it, a number has no place under a picture.
_LARGEST = 1e15


class _Line(Struct):
    """What is of interest in the annotations of one frame; anything may be there instead."""

    reward: Any = None
    step: Any = None
    dropped_before: Any = None


class Noted(Struct, frozen=True):
    """What the rollout had said up to a frame.

    Attributes:
        earned: The sum of the rewards, that of this frame included; None where it has not said all of them as numbers.
        step: The step of the frame.
        dropped: How many frames were dropped before it.
    """

    earned: float | None = None
    step: int | float | None = None
    dropped: int = 0


class Decimals(Struct, frozen=True):
    """How many digits numbers have after the point.

    Attributes:
        earned: Returns.
        step: Steps.
        time: Times, in seconds.
    """

    earned: int = 0
    step: int = 0
    time: int = 2


def read_notes(stream: BinaryIO, wanted: Collection[int]) -> Mapping[int, Noted]:
    """What `annotations.jsonl` says of some frames; of those after a line that cannot be used, nothing.

    Args:
        stream: Of the file, which anybody may have written.
        wanted: The frames' numbers.
    """
    found = {}
    last = max(wanted, default=-1)
    earned: float | None = 0.0
    has_reward = False
    dropped = 0
    for number, line in _lines(stream):
        if number > last:
            break
        reward = _number(line.reward)
        if reward is not None:
            has_reward = True
            earned = earned + reward if earned is not None else None
        elif line.reward is not None:
            # Of several agents or environments there is no one return.
            earned = None
        dropped += line.dropped_before if isinstance(line.dropped_before, int) and line.dropped_before > 0 else 0
        if number in wanted:
            found[number] = Noted(earned, _number(line.step), dropped)
    if not has_reward:
        return {number: Noted(None, noted.step, noted.dropped) for number, noted in found.items()}
    return found


def caption(index: int, time: Fraction | None, noted: Noted, decimals: Decimals) -> tuple[list[str], list[str]]:
    """The parts of the two lines under a picture, the most important first; what is not known is left out.

    Args:
        index: Of the frame, from 0.
        time: When it begins, in seconds.
        noted: What the rollout said of it.
        decimals: Of the numbers.
    """
    first = [f"frame {index}"]
    if time is not None:
        first.append(f"{float(time):.{decimals.time}f} s")
    second = []
    if noted.earned is not None:
        second.append(f"return {short(noted.earned, decimals.earned)}")
    if noted.step is not None:
        second.append(f"step {short(noted.step, decimals.step)}")
    return first, second


def decimals_of(notes: Iterable[Noted], rates: Iterable[Fraction | None]) -> Decimals:
    """The same for all of a sheet: none where all are whole, else so many that the largest number has four digits.

    Times have two, or as many as it takes that no two frames of a clip have the same.

    Args:
        notes: Of all frames that are shown.
        rates: Of the clips, as their `rate`.
    """
    notes, rates = list(notes), list(rates)
    time = 2
    while any(rate is not None and rate > 10**time for rate in rates):
        time += 1
    return Decimals(
        _decimals([noted.earned for noted in notes if noted.earned is not None]),
        _decimals([noted.step for noted in notes if noted.step is not None]),
        time,
    )


def _decimals(values: Sequence[int | float]) -> int:
    if all(value == int(value) for value in values):
        return 0
    return max(1, 4 - len(str(max(abs(int(value)) for value in values))))


def short(value: int | float, decimals: int) -> str:
    """A number with so many digits after the point."""
    # Nothing is written as -0.
    return f"{round(value, decimals) + 0:.{decimals}f}" if decimals else str(int(value))


def _lines(stream: BinaryIO) -> Iterator[tuple[int, _Line]]:
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            return
        try:
            yield number, msgspec.json.decode(line, type=known(_Line))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        number += 1


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        return None
    return value
