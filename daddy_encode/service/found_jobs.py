"""What was found in spools: jobs, of which there may be very many, what is wrong, and what is passed over."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

from msgspec import Struct, field

from daddy_encode.errors import SpoolError
from daddy_encode.report.log import shown
from daddy_encode.spool.paths import JobPaths


class FoundJob(Struct, frozen=True):
    """A job that was found.

    Attributes:
        paths: Its names.
        frames: How many numbered PNGs it has.
        has_manifest: Whether it has a manifest.
        named: Whether the user named it, not a tree that it is in.
        has_lease: Whether something has the name of its lease.
        has_receipt: Whether something has the name of its receipt. Default: that is not known.
    """

    paths: JobPaths
    frames: int
    has_manifest: bool
    named: bool
    has_lease: bool
    has_receipt: bool = True


class JobList(Sequence[FoundJob]):
    """Jobs in the order in which they were added.

    Each is made when it is asked for, of its path's bytes and a few numbers, so that 20,000 take 1 MB, not 25.

    Attributes:
        frames: How many frames all have.
        is_plain: Whether all are whole directories, whose outputs have the directories' own names.
    """

    def __init__(self, jobs: Iterable[FoundJob] = ()) -> None:
        self.frames = 0
        # The directories that those of jobs, and their outputs, are below.
        self._places: list[tuple[str, Path]] = []
        self._in_place = array("I")
        # The jobs' paths below those, one behind the other, and where each ends.
        self._names = bytearray()
        self._ends = array("Q")
        self._counts = array("I")
        self._flags = bytearray()
        # Those that cannot be told by a path.
        self._others: dict[int, FoundJob] = {}
        for job in jobs:
            self.append(job)

    @property
    def is_plain(self) -> bool:
        return not self._others

    def append(self, job: FoundJob) -> None:
        """Add a job."""
        name, place = _split(job.paths)
        if place is None:
            self._others[len(self)] = job
        elif not self._places or self._places[-1] != place:
            self._places.append(place)
        self.frames += job.frames
        self._names += os.fsencode(name)
        self._in_place.append(max(0, len(self._places) - 1))
        self._counts.append(job.frames)
        flags = (job.has_manifest, job.named, job.has_lease, job.has_receipt)
        self._flags.append(sum(flag << bit for bit, flag in enumerate(flags)))
        self._ends.append(len(self._names))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> FoundJob: ...

    @overload
    def __getitem__(self, index: slice) -> list[FoundJob]: ...

    def __getitem__(self, index: int | slice) -> FoundJob | list[FoundJob]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index in self._others:
            return self._others[index]
        name = os.fsdecode(bytes(self._names[self._ends[index - 1] if index else 0 : self._ends[index]]))
        above, top = self._places[self._in_place[index]]
        has_manifest, named, has_lease, has_receipt = (bool(self._flags[index] >> bit & 1) for bit in range(4))
        paths = JobPaths(Path(above, name), Path(top, name), top)
        return FoundJob(paths, self._counts[index], has_manifest, named, has_lease, has_receipt)

    def __iter__(self) -> Iterator[FoundJob]:
        return (self[index] for index in range(len(self)))


def _split(paths: JobPaths) -> tuple[str, tuple[str, Path] | None]:
    """The path of a job's outputs below `top`, and what its directory is below, with `top`; None where more is told."""
    name = str(paths.base)[len(str(paths.top)) :].lstrip("/")
    directory = str(paths.directory)
    if paths.pattern is not None or paths.file is not None or not directory.endswith(f"/{name}"):
        return "", None
    return name, (directory.removesuffix(name), paths.top)


class PassedOver(Struct, frozen=True):
    """Frames that were found and are not encoded.

    Attributes:
        directory: Where they are.
        reason: Why, in a few words that a summary shows after their number.
        advice: Why, and what to do to have them encoded.
        count: In how many directories. Default: in one.
    """

    directory: Path
    reason: str
    advice: str
    count: int = 1

    def __str__(self) -> str:
        return f"{shown(self.directory)}: {self.advice}"


class FoundJobs(Struct):
    """What was found at several paths.

    Attributes:
        jobs: The jobs to encode, each once.
        faults: What is wrong with paths, and directories below them.
        passed_over: What is not encoded.
    """

    jobs: JobList = field(default_factory=JobList)
    faults: list[SpoolError] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
