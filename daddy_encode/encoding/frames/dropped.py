"""Frames that a rollout dropped for lack of room, as its annotations say: the frame before is held over their time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct, field

from daddy_encode.encoding.frames.gaps import MOST_HELD, SPARE_MISSING
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.errors import Skipped
from daddy_encode.spool.frames import FrameSequence
from daddy_encode.spool.manifest import ANNOTATIONS_NAME, MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.records import known

_KEY = b'"dropped_before"'
# Annotations of one frame come nowhere near it.
_LONGEST_LINE = 4 * 2**20


class _Line(Struct):
    """What is of interest in the annotations of one frame."""

    dropped_before: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Dropped(Struct, frozen=True):
    """What a rollout has dropped.

    Attributes:
        before: How many frames were dropped before the one with that number, where there were some.
        fault: Why the annotations are of no use; empty where they are, or there are none.
    """

    before: Mapping[int, int] = field(default_factory=dict)
    fault: str = ""

    @property
    def count(self) -> int:
        """How many were dropped in all."""
        return sum(self.before.values())

    def hold(self, shown: Sequence[str], first: int) -> Sequence[str]:
        """The file that is shown as each frame, with those that were dropped.

        Args:
            shown: The same without them, one for each number.
            first: The number of the first.
        """
        if not self.before:
            return shown
        held: list[str] = []
        for number, name in enumerate(shown, first):
            # Before the first frame there is none to hold.
            held += [held[-1] if held else name] * self.before.get(number, 0)
            held.append(name)
        return held


def read_dropped(directory: JobDirectory, frames: FrameSequence, expected: range) -> Dropped:
    """What the annotations of one of our own dumps, with a manifest or a rollout's record, say.

    Anybody may have written them: what is wrong with them is no reason not to encode the frames.

    Args:
        directory: The job's.
        frames: Its frames.
        expected: The numbers that they should have; what is said of others is passed over.

    Raises:
        TransientError: The file system does not answer.
    """
    # As listed: to ask for what is not there makes some network file systems forget what else they knew.
    listed = directory.listed
    if ANNOTATIONS_NAME not in listed or listed.isdisjoint((MANIFEST_NAME, ROLLOUT_NAME)):
        return Dropped()
    # We number by ones, from 0.
    if frames.numbering != "steps" or frames.stride != 1:
        return Dropped()
    try:
        with directory.opened(ANNOTATIONS_NAME) as stream:
            before = {number: count for number, count in _counts(stream) if number in expected}
        if sum(before.values()) > MOST_HELD * len(frames) + SPARE_MISSING:
            raise ValueError(f"{sum(before.values())} dropped beside {len(frames)} frames are too many to be true")
    except BadFrameError as error:
        return Dropped(fault=_not_held(error.reason))
    except (ValueError, Skipped) as error:
        return Dropped(fault=_not_held(str(error)))
    return Dropped(before)


def _not_held(reason: str) -> str:
    return f"{ANNOTATIONS_NAME}: {reason}; frames that its rollout dropped are not held"


def _counts(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield each line that speaks of dropped frames, by its number, with how many; raises ValueError where it lies."""
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            if len(line) == _LONGEST_LINE:
                raise ValueError(f"line {number + 1} is longer than {_LONGEST_LINE} bytes")
            # What a killed writer has left unfinished.
            return
        if _KEY in line:
            try:
                if count := msgspec.json.decode(line, type=known(_Line)).dropped_before:
                    yield number, count
            except (msgspec.MsgspecError, RecursionError) as error:
                raise ValueError(f"line {number + 1} cannot be used: {error}") from error
        number += 1
