"""An attempt at a job, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Literal

from msgspec import Struct

from daddy_encode.archive.clean.outcome import CleanOutcome
from daddy_encode.archive.pack.outcome import PackOutcome
from daddy_encode.encoding.context import Result
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Failure

Work = Literal["encode", "pack", "clean"]


class Attempt(Struct, frozen=True):
    """One job to try.

    Attributes:
        paths: Its names.
        need_manifest: It had a manifest when it was found, so without one it is being written again.
        settled: It has none, and has not changed for the settle time.
        check_done_first: It may be done already, so see whether it is before it is claimed.
        had_receipt: It had a receipt when it was found, or that is not known. Where it had none and has one now, its
            frames were listed since then, by whoever encoded it.
        has_lease: It had a lease when it was found. Where it is done, whoever made it was killed before it gave up its
            claim, perhaps: a dead one is taken away.
        is_done: It is done, so that is all there is to do.
        skip_failed: Leave it alone where a receipt says that it failed as it is.
        died_since: When it was begun, in seconds since the epoch, in a worker process that has died. None: in none.
        work: What there is to do; to pack or to delete the frames of a job is for one that is done.
    """

    paths: JobPaths
    need_manifest: bool = False
    settled: bool = False
    check_done_first: bool = True
    had_receipt: bool = True
    has_lease: bool = False
    is_done: bool = False
    skip_failed: bool = False
    died_since: float | None = None
    work: Work = "encode"


class OutcomeKind(Enum):
    """What became of an attempt."""

    MADE = "made"
    DONE = "already done"
    FAILED = "failed"
    FAILED_BEFORE = "has failed before, as it is"
    SKIPPED = "left alone: another user's, or its frames are gone"
    CLAIMED = "another encoder works on it"
    DEFERRED = "something that may pass was in the way"
    STOPPED = "told to stop"
    PACKED = "packed"
    LEFT = "left as it is: its frames cannot be packed"
    CLEANED = "its frames are deleted"
    KEPT = "its frames are kept"


class Outcome(Struct, frozen=True):
    """What became of an attempt at a job.

    Attributes:
        paths: The job's names.
        kind: What became of it.
        result: The videos, where it was made or done already, or one of two was.
        error: What went wrong, otherwise, or with the other one.
        mtime_ns: The modification time of its directory before the attempt, for which the outcome holds; None where it
            was not asked for.
        listing_sha256: The digest of the listing of its frames, for which a failure holds; None for whatever it is, and
            where nothing failed.
        failures: What is written down of programs that failed on it, perhaps not by its fault, this time the last.
        packed: What packing came to, where it was packed.
        cleaned: What deleting its frames came to, where they were deleted.
    """

    paths: JobPaths
    kind: OutcomeKind
    result: Result | None = None
    error: DaddyEncodeError | None = None
    mtime_ns: int | None = None
    listing_sha256: str | None = None
    failures: Sequence[Failure] = ()
    packed: PackOutcome | None = None
    cleaned: CleanOutcome | None = None
