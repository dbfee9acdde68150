"""Names of frames: what a listing of a directory says about its numbered PNGs. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from daddy_encode.errors import FrameError

# ASCII digits only: int() would also take other scripts' digits, and no renderer writes those.
_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<digits>[0-9]{1,18})\.png", re.DOTALL | re.IGNORECASE)


def frame_name(index: int) -> str:
    """The name this project gives frame `index`, counted from 0: six digits, more where they are not enough."""
    return f"{index:06d}.png"


def frame_path(directory: Path | str, index: int) -> str:
    """The path of frame `index` in `directory`."""
    return f"{directory}{os.sep}{frame_name(index)}"


@dataclass(frozen=True)
class FrameSequence:
    """The numbered PNGs of one directory, sorted by number.

    Attributes:
        names: Their file names.
        numbers: The number in each name.
    """

    names: Sequence[str]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.names)

    def missing_count(self) -> int:
        """How many numbers are absent between the first and the last."""
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers) if self.numbers else 0

    def missing(self, at_most: int) -> list[str]:
        """Names of the first `at_most` frames absent between the first and the last, spelled as those beside them."""
        return self.absent(range(self.numbers[0], self.numbers[-1] + 1), at_most) if self.numbers else []

    def absent(self, expected: range, at_most: int) -> list[str]:
        """Names of the first `at_most` of the frames with `expected` numbers that are not there."""

        def names() -> Iterable[str]:
            begins = [expected.start, *(number + 1 for number in self.numbers)]
            ends = [*self.numbers, expected.stop]
            for begin, end, neighbour in zip(begins, ends, [self.names[0], *self.names], strict=True):
                match = _NUMBERED.fullmatch(neighbour)
                assert match is not None
                for number in range(begin, end):
                    yield f"{match['prefix']}{number:0{len(match['digits'])}d}{neighbour[match.end('digits') :]}"

        return list(islice(names(), at_most))


def frame_sequence(names: Iterable[str], directory: str) -> FrameSequence:
    """The frames of a directory: any prefix, any number of digits, any first number.

    Args:
        names: The names in it, in any order.
        directory: Named in errors.

    Raises:
        FrameError: Two prefixes, or two spellings of one number, leave it open which files are the frames.
    """
    found: dict[int, str] = {}
    prefixes: dict[str, str] = {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            continue
        prefixes.setdefault(match["prefix"], name)
        twin = found.setdefault(int(match["digits"]), name)
        if twin != name and len(prefixes) == 1:
            first, second = sorted((twin, name))
            raise FrameError(f"{directory}: {first} and {second} have the same number; remove one")
    if len(prefixes) > 1:
        first, second, *_ = sorted(prefixes.values())
        raise FrameError(
            f"{directory}: {first} and {second} belong to two sequences of frames; give each a directory of its own"
        )
    numbers = sorted(found)
    return FrameSequence([found[number] for number in numbers], numbers)


def is_frame_name(name: str) -> bool:
    """Whether `name` is that of a numbered PNG."""
    return _NUMBERED.fullmatch(name) is not None
