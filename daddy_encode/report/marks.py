"""marks.json: which jobs people have marked in a gallery's page, and which of the jobs that are found these are.

The file comes from a browser, and anybody may have edited it: it is bounded and checked, and what it says is compared
with the names of jobs that are there. No path is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from daddy_encode.errors import ManifestError, SettingsError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.records import parse_record

SOURCE_DIGITS = 16
"""How many hexadecimal digits of a receipt's `source.recording` say which recording a mark is of."""

# Of 40,000 marks with their notes; of each the page writes 5 values at least.
MAX_MARKS_BYTES = 32 * 2**20
MAX_MARKS_VALUES = 400_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_Job = TypeVar("_Job")
Source = Annotated[str, Meta(pattern=rf"^([0-9a-f]{{{SOURCE_DIGITS},64}})?\Z")]


class Mark(Struct, frozen=True):
    """What somebody has said of a job.

    Attributes:
        job: Its name, as the gallery shows it: its path relative to the gallery's directory, as printable text.
        mark: Whether it is a good or a bad one; None: neither.
        star: Whether it has a star.
        note: Words about it.
        source: Which recording it was said of: what the `source.recording` of its receipt began with; empty: not known.
    """

    job: Annotated[str, Meta(min_length=1, max_length=20_000)]
    mark: Literal["good", "bad"] | None = None
    star: bool = False
    note: Annotated[str, Meta(max_length=100_000)] = ""
    source: Source = ""

    def has_any(self, marks: Collection[str]) -> bool:
        """Whether the job is marked as one of `marks`; of none: whether it is listed, and not as a bad one."""
        if not marks:
            return self.mark != "bad"
        return self.mark in marks or (self.star and "star" in marks)


class Marks(Struct, frozen=True):
    """The file.

    Attributes:
        version: Of its form.
        marks: Of each job that is marked.
        root: What the gallery was called.
    """

    version: int
    marks: list[Mark]
    root: str = ""


def parse_marks(text: bytes, name: str) -> list[Mark]:
    """The marks of a file. Pure.

    Args:
        text: What it holds.
        name: What an error's text begins with.

    Raises:
        ManifestError: It is not such a file, or lists a job twice.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK)
    try:
        marks = parse_record(text, Marks, name, max_bytes=MAX_MARKS_BYTES, max_values=MAX_MARKS_VALUES).marks
    except ManifestError as error:
        raise ManifestError(str(error).replace("not a valid marks:", "not a valid file of marks:", 1)) from error
    listed: set[str] = set()
    for mark in marks:
        if mark.job in listed:
            raise ManifestError(f"{name}: lists {mark.job!r:.200} twice; leave one of the two in it")
        listed.add(mark.job)
    return marks


class MarkedJobs:
    """The jobs that a file of marks selects, and which of them are found.

    Attributes:
        listed: How many are selected.
        missing: The names of those that were not found, in the file's order.
        left_out: How many of those that were found are left out, as whoever asked for them has counted.
    """

    def __init__(self, marks: Iterable[Mark], kinds: Collection[str]) -> None:
        self._sources = {mark.job: mark.source for mark in marks if mark.has_any(kinds)}
        self._found: dict[str, Path | None] = dict.fromkeys(self._sources)
        self.left_out = 0

    @property
    def listed(self) -> int:
        return len(self._found)

    @property
    def missing(self) -> list[str]:
        return [name for name, job in self._found.items() if job is None]

    def source(self, paths: JobPaths) -> str:
        """Which recording the mark of a job that was selected is of, as Mark says."""
        return self._sources[paths.name]

    def select(self, jobs: Iterable[_Job], paths_of: Callable[[_Job], JobPaths]) -> list[_Job]:
        """Those of `jobs` that are selected, in their order.

        Raises:
            SettingsError: Two of them have one name, so that it is not said which of them is meant.
        """
        selected = []
        for job in jobs:
            paths = paths_of(job)
            name = paths.name
            if name not in self._found:
                continue
            twin = self._found[name]
            # One job may have a receipt beside it, and one in the output directory.
            if twin not in (None, paths.job):
                raise SettingsError(
                    f"{str(twin)!r} and {str(paths.job)!r}: marks would name both {name!r}; "
                    f"give the PATH of one tree alone, or rename one of them"
                )
            self._found[name] = paths.job
            selected.append(job)
        return selected
