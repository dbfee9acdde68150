"""Scanning a spool again and again: what is new, what is ready. Cheap for what is known.

A directory that holds no frames is listed in every scan. A job that is done costs one stat: while its
directory's modification time is the same, no name in it came, went or was replaced. One that failed costs a listing
with the times of its frames now and then: somebody may mend them in place. Times of the file system are compared with
each other only; ages are measured on this process's own clock.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.recorded import recorded
from daddy_encode.encoding.settings import Settings, plan
from daddy_encode.errors import one_line
from daddy_encode.service.attempt import Attempt
from daddy_encode.service.snapshot import inspect_job
from daddy_encode.service.state import State, classify
from daddy_encode.service.watcher.events import Events
from daddy_encode.service.watcher.tracked_job import FINAL, Archiving, TrackedJob, wants_events
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.sequences import split_job
from daddy_encode.spool.transient import TRANSIENT
from daddy_encode.spool.walk import Listing, SpoolDirectory, is_there, walk

log = logging.getLogger(__name__)

# The patterns of a directory that is one job.
WHOLE: tuple[str | None, ...] = (None,)
# A spool where nothing has changed for so long is scanned less often.
IDLE_SECONDS = 600.0


class Scanner:
    """Everything known of the spool below `root`.

    Attributes:
        has_missed: Whether the last scan could not list something, for a reason that may pass.
        is_waiting: Whether `root` has not been there yet: it is waited for.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        output_dir: Path | None = None,
        owners: Owners | None = None,
        *,
        settle: float | None = None,
        retry_failed: bool = False,
        keep_since: float | None = None,
        split: bool = False,
        after: Mapping[Archiving, float] | None = None,
        events: Events | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Scan nothing yet.

        Args:
            root: The directory to scan.
            settings: What to make of each job.
            output_dir: Where outputs go. Default: beside each job.
            owners: Whose jobs and receipts count. Default: this user's.
            settle: After how many seconds without a change a job without a manifest is abandoned, and ready. Default:
                never.
            retry_failed: Whether each job that has failed is tried once more.
            keep_since: As in `Context`.
            split: As in `split_job`.
            after: After how many seconds the frames of a job that is done are packed, or deleted. Default: never.
            events: Told which directories to watch until the next scan. Default: nobody.
            clock: The clock that ages are measured on, in seconds.
        """
        self._root = absolute(root)
        self._settings = settings
        self._output_dir = output_dir
        self._owners = owners or Owners()
        self._settle = settle
        self._keep_since = keep_since
        self._retry_failed = retry_failed
        self._events = events
        self._clock = clock
        self._split = split
        self._after = after or {}
        self._jobs: dict[str, TrackedJob] = {}
        # Of those directories whose sequences of frames are jobs.
        self._patterns: dict[str, tuple[str | None, ...]] = {}
        # Of the current scan: its number, and what is ready, each with its directory's time.
        self._number = 0
        self._ready: list[tuple[int, Attempt]] = []
        # What could not be listed, and why, in the last scan and in this one.
        self._errors: dict[str, str] = {}
        self._new_errors: dict[str, str] = {}
        self.has_missed = False
        self.is_waiting = not is_there(self._root)
        # Jobs whose one more try `retry_failed` has granted.
        self._retried: set[str] = set()

    def scan(self) -> list[Attempt]:
        """Scan the spool; return what should be attempted now, oldest first by the file system's clock.

        What is known of a directory that cannot be listed is kept until the next scan.
        """
        self._number += 1
        self._ready, self._new_errors, self.has_missed = [], {}, False
        if self.is_waiting:
            self._wait()
        for directory in walk(self._root, self._output_dir, tidy=True) if not self.is_waiting else ():
            self._visit(directory)
        for path in [path for path, job in self._jobs.items() if job.last_scan != self._number]:
            del self._jobs[path]
        self._patterns = {path: known for path, known in self._patterns.items() if _key(path, known[0]) in self._jobs}
        if self._events is not None:
            self._events.end_scan()
        for path in self._errors.keys() - self._new_errors.keys():
            log.info("%s: can be listed again, or is gone", one_line(path))
        self._errors = self._new_errors
        return [attempt for _, attempt in sorted(self._ready, key=lambda ready: ready[0])]

    def counts(self) -> Counter[State]:
        """How many jobs are in each state."""
        return Counter(job.state for job in self._jobs.values())

    def is_idle(self) -> bool:
        """Whether nothing is going on: every job is done, has failed, or has not changed for ten minutes."""
        begin = self._clock() - IDLE_SECONDS
        return all(job.state in FINAL or job.changed_at < begin for job in self._jobs.values())

    def record_done(self, paths: JobPaths, mtime_ns: int | None) -> None:
        """Keep that a job was found done, or made, when its directory had the time `mtime_ns`."""
        if job := self._jobs.get(str(paths.job)):
            job.done_mtime_ns = mtime_ns
            job.tries, job.last_error = 0, ""
            # What is listed then shows the rest.
            job.list_again()

    def record_failed(self, paths: JobPaths, mtime_ns: int | None, listing_sha256: str | None = None) -> None:
        """Keep that a job failed for good.

        Args:
            paths: The job's names.
            mtime_ns: Its directory's time then; None: whatever it is now.
            listing_sha256: The digest of its listing then. Default: whatever it is.
        """
        self._retried.add(str(paths.job))
        if job := self._jobs.get(str(paths.job)):
            manifest = job.snapshot.manifest_sha256 if job.snapshot else None
            job.failed_as = (job.mtime_ns if mtime_ns is None else mtime_ns, manifest, listing_sha256)
            job.tries, job.last_error = 0, ""
            job.list_again()

    def record_archived(self, paths: JobPaths, work: Archiving, mtime_ns: int | None) -> None:
        """Keep that there is nothing more to pack, or to delete, of a job as it is; see `TrackedJob.end_archiving`."""
        if job := self._jobs.get(str(paths.job)):
            job.end_archiving(work, mtime_ns)

    def defer(self, paths: JobPaths, error: str = "", *, back_off: bool) -> bool:
        """Have a job tried again in a later scan.

        Args:
            paths: The job's names.
            error: What was in the way.
            back_off: Wait each time twice as long, from 5 s to 5 minutes. Else the next scan tries it again.

        Returns:
            Whether `error` is new: another one than the last.
        """
        job = self._jobs.get(str(paths.job))
        if job is None:
            return True
        job.defer(self._clock(), back_off=back_off)
        is_new = bool(error) and error != job.last_error
        job.last_error = error or job.last_error
        return is_new

    def _wait(self) -> None:
        """Look whether `root` has come, and have events tell when a directory on the way to it does."""
        # Watched before it is looked for, so that it cannot come unnoticed in between.
        above = next(path for path in (*self._root.parents, Path("/")) if os.path.isdir(path))
        self._watch(str(above), True, is_job=False)
        self.is_waiting = not is_there(self._root)
        if not self.is_waiting:
            log.info("%s: is there now", one_line(str(self._root)))
        elif self._number == 1:
            log.info("waiting for %s: it is not there yet; check the path if it should be", one_line(str(self._root)))

    def _visit(self, directory: SpoolDirectory) -> None:
        path = directory.path
        patterns = self._patterns.get(path, WHOLE)
        try:
            jobs = [(pattern, self._jobs.get(_key(path, pattern))) for pattern in patterns]
            # Before the listing: what changes after this moment changes this time, and is noticed.
            mtime_ns = directory.mtime_ns(is_stored=jobs[0][1] is not None and jobs[0][1].is_stored)
            wanted = self._events is not None and any(wants_events(directory, *job, mtime_ns) for job in jobs)
            self._watch(path, wanted, is_job=jobs[0][1] is not None)
            if any(job is None or job.must_list(directory, name, mtime_ns, self._clock()) for name, job in jobs):
                listing = directory.list()
                if not listing.is_job:
                    return
                self._watch(path, wanted and jobs[0][1] is None, is_job=True)
                patterns = self._remember(directory, listing, mtime_ns)
        except OSError as error:
            directory.enter(())
            self._keep(directory, error)
        else:
            for pattern in patterns:
                job = self._jobs[_key(path, pattern)]
                job.last_scan = self._number
                # Listed or remembered; what is beside the outputs of jobs inside a job is not listed in every scan.
                directory.enter(job.subdirectories)
                self._decide(directory, pattern, job)

    def _remember(self, directory: SpoolDirectory, listing: Listing, mtime_ns: int) -> tuple[str | None, ...]:
        """Keep what was listed of each job that a directory is; return their patterns."""
        patterns: tuple[str | None, ...] = ()
        for paths, part in split_job(directory.paths, listing, split=self._split):
            patterns += (paths.pattern,)
            snapshot = inspect_job(paths, part, mtime_ns, directory.outputs, self._owners.check_file)
            job = self._jobs.setdefault(_key(directory.path, paths.pattern), TrackedJob())
            job.remember(part, snapshot, self._clock())
        self._patterns.pop(directory.path, None)
        if patterns != WHOLE:
            self._patterns[directory.path] = patterns
        return patterns

    def _watch(self, path: str, wanted: bool, *, is_job: bool) -> None:
        if wanted and self._events is not None:
            self._events.watch(path, is_job=is_job)

    def _keep(self, directory: SpoolDirectory, error: OSError) -> None:
        """Log that a directory cannot be listed, where that is new, and keep what is known of it."""
        path, reason = directory.path, error.strerror or str(error)
        # Between the listing of its parent and this moment, any directory may go.
        is_gone = isinstance(error, FileNotFoundError | NotADirectoryError) and not directory.is_root
        if not is_gone:
            if self._errors.get(path) != reason:
                log.warning("%s: cannot be listed: %s; what is known of it is kept", one_line(path), reason)
            self._new_errors[path] = reason
            self.has_missed |= error.errno in TRANSIENT
        inside = path + os.sep
        for other, job in self._jobs.items():
            if other == path or other.startswith(inside):
                job.last_scan = self._number

    def _decide(self, directory: SpoolDirectory, pattern: str | None, job: TrackedJob) -> None:
        """Find out what state a job is in, and whether it should be attempted."""
        if job.snapshot is not None:
            self._classify(directory, pattern, job)
        if job.should_sweep(self._clock(), has_lease=directory.job_name(pattern) in directory.outputs.claimed):
            self._ready.append((job.mtime_ns, Attempt(directory.job(pattern), has_lease=True, is_done=True)))
        elif self._after and (work := job.archiving(directory.job(pattern), self._after, self._clock())) is not None:
            self._ready.append((job.mtime_ns, Attempt(directory.job(pattern), work=work)))

    def _classify(self, directory: SpoolDirectory, pattern: str | None, job: TrackedJob) -> None:
        assert job.snapshot is not None
        now = self._clock()
        retry = self._retry_failed and _key(directory.path, pattern) not in self._retried
        snapshot = job.snapshot
        # Whether the receipt is of these frames is for `classify` and for an attempt to say.
        wanted = plan(self._settings, snapshot.manifest, recorded(snapshot.receipt, self._keep_since))
        state = classify(
            job.snapshot,
            wanted=wanted,
            gaps=self._settings.gaps,
            unchanged_seconds=now - job.changed_at,
            settle=self._settle,
            retry_failed=retry,
        )
        if state in (State.READY, State.ABANDONED):
            if job.done_mtime_ns == job.mtime_ns and job.snapshot.outputs >= wanted.keys():
                state = State.DONE
            elif job.has_failed_as(job.mtime_ns, job.snapshot.manifest_sha256, directory.job(pattern)):
                state = State.FAILED
        job.state = state
        if state in FINAL:
            job.finish(directory.job(pattern))
        elif state in (State.READY, State.ABANDONED):
            if now >= job.next_try:
                # A claimed one, too: its holder may be dead.
                settled = state is State.ABANDONED
                attempt = Attempt(
                    directory.job(pattern),
                    need_manifest=not settled,
                    settled=settled,
                    check_done_first=False,
                    skip_failed=not retry,
                )
                self._ready.append((job.mtime_ns, attempt))
            if directory.job_name(pattern) in directory.outputs.claimed:
                job.state = State.CLAIMED


def _key(path: str, pattern: str | None) -> str:
    """What a job is remembered by: the text of `JobPaths.job`."""
    return path if pattern is None else f"{path}{os.sep}{pattern}"
