"""One sequence of frames, sorted, and which of its numbers have no frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Literal

from msgspec import Struct

Numbering = Literal["steps", "irregular", "timestamps"]
"""How the numbers in names follow one another: `steps`, at one distance, in which some may be missing; `irregular`, at
any, or most of them missing; `timestamps`, decimals, which only say the order."""

# What a receipt can hold. Numbers further apart than this are no steps.
MAX_STRIDE = 2**62


class FrameSequence(Struct, frozen=True):
    """The numbered PNGs of one sequence, in order.

    Attributes:
        names: Their file names.
        numbers: The instant of each, in steps: what is in its name, at a stride of 1. Timestamps are counted from 0.
        before: The text before the number in each name.
        after: The text between the number and `.png`.
        numbering: How the numbers in the names follow one another.
        stride: The distance of two numbers that follow one another, in steps; where it is irregular, the greatest that
            divides all distances.
        origin: The number in the name of the instant 0.
        point: Between the seconds of a timestamp and their fraction.
    """

    names: Sequence[str]
    numbers: Sequence[int]
    before: str = ""
    after: str = ""
    numbering: Numbering = "steps"
    stride: int = 1
    origin: int = 0
    point: str = "."

    def __len__(self) -> int:
        return len(self.names)

    @property
    def pattern(self) -> str:
        """The names with an asterisk in the number's place; two, with the point, where it is a decimal."""
        number = f"*{self.point}*" if self.numbering == "timestamps" else "*"
        return f"{self.before}{number}{self.after}.png"

    def missing_count(self) -> int:
        """How many instants between the first and the last have no frame."""
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers) if self.numbers else 0

    def missing(self, at_most: int) -> list[str]:
        """Names of the first `at_most` frames absent between the first and the last, spelled as those beside them."""
        return self.absent(range(self.numbers[0], self.numbers[-1] + 1), at_most) if self.numbers else []

    def absent(self, expected: range, at_most: int) -> list[str]:
        """Names of the first `at_most` of the frames of the instants `expected` that are not there.

        None where names do not follow from instants.
        """
        return [] if self.numbering == "timestamps" else list(islice(self._absent(expected), at_most))

    def _absent(self, expected: range) -> Iterator[str]:
        begins = [expected.start, *(number + 1 for number in self.numbers)]
        ends = [*self.numbers, expected.stop]
        for begin, end, neighbour in zip(begins, ends, [self.names[0], *self.names], strict=True):
            width = len(neighbour) - len(self.before) - len(self.after) - len(".png")
            for instant in range(begin, end):
                number = self.origin + instant * self.stride
                yield f"{self.before}{number:0{width}d}{self.after}{neighbour[-4:]}"


def steps_of(
    names: Mapping[int, str], before: str = "", after: str = "", *, consecutive: bool = False
) -> FrameSequence:
    """The sequence of frames with whole numbers.

    Args:
        names: Their file names by number, at least one.
        before: The text before the number in each.
        after: The text between the number and `.png`.
        consecutive: Whether their distance is known to be 1. Default: it is the least there is between two, if that
            divides all others, and no more are missing at it than are there.
    """
    numbers = sorted(names)
    sequence = FrameSequence([names[number] for number in numbers], numbers, before, after)
    distances = {later - earlier for earlier, later in pairwise(numbers)}
    if consecutive or not distances:
        return sequence
    least = min(distances)
    instants = (numbers[-1] - numbers[0]) // least + 1
    numbering: Numbering = "steps"
    if least > MAX_STRIDE or instants > 2 * len(numbers) or any(distance % least for distance in distances):
        numbering, least = "irregular", math.gcd(*distances)
    elif least == 1:
        return sequence
    return FrameSequence(
        sequence.names,
        [(number - numbers[0]) // least for number in numbers],
        before,
        after,
        numbering,
        least,
        numbers[0],
    )


def timestamps_of(
    names: Iterable[tuple[tuple[int, str], str]], before: str, after: str, point: str = "."
) -> FrameSequence:
    """The sequence of frames with decimal numbers: their whole parts, the digits after the point, and the names."""
    ordered = [name for _, name in sorted(names)]
    return FrameSequence(ordered, range(len(ordered)), before, after, "timestamps", point=point)
