"""What a watcher remembers of one job between scans, and when that is not enough."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Mapping
from typing import Literal

from daddy_encode.encoding.frames.listing import listing_sha256
from daddy_encode.service.snapshot import JobSnapshot
from daddy_encode.service.state import State
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.paths import RECEIPT_SUFFIX, JobPaths, Kind
from daddy_encode.spool.receipt import read_receipt
from daddy_encode.spool.recording.deleting import SUFFIX as DELETING_SUFFIX
from daddy_encode.spool.stored.names import FRAMES_MKV
from daddy_encode.spool.walk import Listing, SpoolDirectory, mtime_ns

# A file system whose times are coarse (1 or 2 s) can show two changes with one time. A listing counts as the last word
# on a time only when it was made this long after that time was first seen.
CALM_SECONDS = 3.0
# Between two looks at the frames of a job that has failed, for each of them.
LOOK_SECONDS = 0.01
# Between two tries of a job for which something was in the way: at first, and at most.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
# Between the first two tries to take away the lease of a job that is finished.
FIRST_SWEEP_SECONDS = 1.0
FINAL = (State.DONE, State.FAILED)
Archiving = Literal["clean", "pack"]
"""What may be done with the frames of a job that is done."""
# What is to be deleted need not be packed first.
ORDER: tuple[Archiving, ...] = ("clean", "pack")


class TrackedJob:
    """A job as it was last seen. Times of the file system are compared with each other only; the others are ours.

    Attributes:
        last_scan: The number of the last scan that met it.
        mtime_ns: Its directory's modification time, or that of the file that holds its frames, where that is later.
        is_stored: Whether one file holds its frames: what is appended to that changes no time of the directory.
        frames: How many frames were listed.
        subdirectories: Those listed in it.
        changed_at: When it last looked different, in seconds on our clock.
        calm: Whether it was listed so long after that that no change can have escaped.
        snapshot: What was seen of it; None once it is done or has failed: twenty thousand finished jobs need not be
            remembered in full.
        state: Its state.
        outputs: Its videos, once it is done.
        manifest_mtime_ns: Its manifest's modification time, once it has failed.
        done_mtime_ns: Its directory's time when an attempt found it done; None where none has.
        failed_as: Its directory's time, its manifest's digest and that of its listing (None: whatever it is) when an
            attempt failed for good; None where none has.
        failed_listing: The digest of its listing, once it has failed, where that is known; else empty.
        next_look: When its frames may be looked at again, once it has failed.
        tries: How often in a row something was in the way.
        next_try: When it may be tried again.
        sweeps: How often in a row its lease was to be taken away, once it is done or has failed.
        next_sweep: When that may be tried again.
        last_error: What was last in the way, and has been reported.
        is_packed: Whether its frames are in a packed file.
        is_half_deleted: Whether a record is there of frames that are being deleted.
        archived: For what is done with its frames later: its directory's time when that was looked at, and when to look
            again. None: it was not.
    """

    __slots__ = (
        "archived",
        "calm",
        "changed_at",
        "done_mtime_ns",
        "failed_as",
        "failed_listing",
        "frames",
        "is_half_deleted",
        "is_packed",
        "is_stored",
        "last_error",
        "last_scan",
        "manifest_mtime_ns",
        "mtime_ns",
        "next_look",
        "next_sweep",
        "next_try",
        "outputs",
        "snapshot",
        "state",
        "subdirectories",
        "sweeps",
        "tries",
    )

    def __init__(self) -> None:
        self.last_scan = 0
        self.mtime_ns = -1
        self.is_stored = False
        self.frames = 0
        self.subdirectories: tuple[str, ...] = ()
        self.changed_at = 0.0
        self.calm = False
        self.snapshot: JobSnapshot | None = None
        self.state = State.WRITING
        self.outputs: frozenset[Kind] = frozenset()
        self.manifest_mtime_ns: int | None = None
        self.done_mtime_ns: int | None = None
        self.failed_as: tuple[int, str | None, str | None] | None = None
        self.failed_listing = ""
        self.next_look = 0.0
        self.tries = 0
        self.next_try = 0.0
        self.last_error = ""
        self.sweeps = 0
        self.next_sweep = 0.0
        self.is_packed = False
        self.is_half_deleted = False
        self.archived: dict[Archiving, tuple[int, float]] | None = None

    def must_list(self, directory: SpoolDirectory, pattern: str | None, mtime: int, now: float) -> bool:
        """Whether the job may look different from what is remembered.

        Args:
            directory: Its directory.
            pattern: Of its sequence of frames, where it is one of several in there.
            mtime: The directory's modification time now, in nanoseconds.
            now: Seconds on our clock.
        """
        if self.mtime_ns != mtime or not self.calm:
            return True
        if self.state is State.DONE:
            # A video that somebody removed.
            name, listed = directory.job_name(pattern), directory.outputs.names
            return listed is not None and not all(f"{name}.{kind}" in listed for kind in self.outputs)
        if self.state is State.FAILED:
            # A manifest, or a frame, that somebody corrected in place.
            if self.manifest_mtime_ns != mtime_ns(os.path.join(directory.path, MANIFEST_NAME)):
                return True
            return self._may_look(now) and self.failed_listing != listing_sha256(directory.job(pattern))
        if self.state is State.CLAIMED:
            # Whoever worked on it has finished.
            return directory.job_name(pattern) not in directory.outputs.claimed
        return self.state is State.WAITING

    def remember(self, listing: Listing, snapshot: JobSnapshot, now: float) -> None:
        """Keep what a listing and the records show; `now`: seconds on our clock."""
        if (self.mtime_ns, self.frames) != (snapshot.mtime_ns, snapshot.frames):
            self.changed_at = now
        self.mtime_ns, self.frames = snapshot.mtime_ns, snapshot.frames
        self.is_stored = listing.stored is not None
        self.is_packed = listing.stored is not None and listing.stored.file == FRAMES_MKV
        self.is_half_deleted = any(name.endswith(DELETING_SUFFIX) for name in listing.names)
        self.calm = now >= self.changed_at + CALM_SECONDS
        self.subdirectories = listing.subdirectories
        self.snapshot = snapshot

    def finish(self, paths: JobPaths) -> None:
        """Forget what is of no use any more once the job is done or has failed."""
        assert self.snapshot is not None
        self.outputs = _shared(self.snapshot.outputs)
        if self.state is State.FAILED:
            self.manifest_mtime_ns = mtime_ns(paths.manifest)
            attempted = self.failed_as[2] if self.failed_as is not None else None
            self.failed_listing = self.snapshot.listing_sha256 or attempted or ""
        else:
            self.manifest_mtime_ns, self.failed_listing = None, ""
        self.snapshot = None

    def has_failed_as(self, mtime: int, manifest_sha256: str | None, paths: JobPaths) -> bool:
        """Whether an attempt failed for good with this time of its directory, this manifest, these frames."""
        if self.failed_as is None or self.failed_as[:2] != (mtime, manifest_sha256):
            return False
        return not self.failed_as[2] or self.failed_as[2] == listing_sha256(paths)

    def _may_look(self, now: float) -> bool:
        """Whether to look at the frames of a job that has failed: the more there are, the less often."""
        if not self.failed_listing or now < self.next_look:
            return False
        self.next_look = now + self.frames * LOOK_SECONDS
        return True

    def list_again(self) -> None:
        """Have it listed in the next scan, whatever is remembered."""
        self.calm = False

    def defer(self, now: float, *, back_off: bool) -> None:
        """Try it again later: in the next scan, or with `back_off` each time after twice as long."""
        self.tries = self.tries + 1 if back_off else 0
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (self.tries - 1), LONGEST_PAUSE_SECONDS) if back_off else 0.0
        self.next_try = now + pause

    def archiving(self, paths: JobPaths, after: Mapping[Archiving, float], now: float) -> Archiving | None:
        """What to do with its frames: it has been done for so many seconds, and nothing has changed in it."""
        if self.state is not State.DONE or not (self.frames or self.is_half_deleted) or now < self.next_try:
            return None
        age = time.time() - self.mtime_ns / 1e9
        for work in ORDER:
            if work not in after or age < after[work] or (work == "pack" and (self.is_packed or self.is_half_deleted)):
                continue
            looked_at, again = (self.archived or {}).get(work, (None, 0.0))
            if looked_at == self.mtime_ns and now < again:
                continue
            receipt = read_receipt(paths.receipt)
            left = after[work] - (time.time() - receipt.finished) if receipt is not None else 0.0
            if left <= 0:
                return work
            self._look_again(work, now + left)
        return None

    def end_archiving(self, work: Archiving, mtime_ns: int | None) -> None:
        """Leave its frames alone as long as its directory's time is `mtime_ns`; None: as it was last seen."""
        self._look_again(work, math.inf, mtime_ns)
        self.tries, self.last_error = 0, ""

    def _look_again(self, work: Archiving, at: float, mtime_ns: int | None = None) -> None:
        self.archived = {**(self.archived or {}), work: (self.mtime_ns if mtime_ns is None else mtime_ns, at)}

    def should_sweep(self, now: float, *, has_lease: bool) -> bool:
        """Whether to take away the lease of a job that is done or has failed: each time after twice as long.

        Its holder may be alive, or it may be another user's that nobody else can take away.
        """
        if self.state not in FINAL or not has_lease:
            self.sweeps, self.next_sweep = 0, 0.0
            return False
        if now < self.next_sweep:
            return False
        self.next_sweep = now + min(FIRST_SWEEP_SECONDS * 2.0**self.sweeps, LONGEST_PAUSE_SECONDS)
        self.sweeps += 1
        return True


def wants_events(directory: SpoolDirectory, pattern: str | None, job: TrackedJob | None, mtime_ns: int) -> bool:
    """Whether events of a directory are worth having: not those of a job that is finished, or seems to be."""
    if job is None:
        names = directory.outputs.names
        return names is None or directory.job_name(pattern) + RECEIPT_SUFFIX not in names
    return job.state not in FINAL or job.mtime_ns != mtime_ns


@functools.cache
def _shared(outputs: frozenset[Kind]) -> frozenset[Kind]:
    """One object for all that are equal."""
    return outputs
