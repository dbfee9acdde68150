"""Scanning a spool again and again: what is new, what is ready. Cheap for what is known.

A directory that holds no frames is listed in every scan. A job that is done or failed costs one or two stats: while
its directory's modification time is the same, no name in it came, went or was replaced. Times of the file system are
compared with each other only; ages are measured on this process's own clock.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.encode.frames.owners import Owners
from daddy_encode.encode.settings import Settings, plan
from daddy_encode.errors import one_line
from daddy_encode.service.events import Events
from daddy_encode.service.known import Known
from daddy_encode.service.look import UNKNOWN, Beside, Listing, beside, list_directory, look
from daddy_encode.service.state import State, classify
from daddy_encode.service.worker import Attempt
from daddy_encode.spool.paths import JobPaths, absolute

log = logging.getLogger(__name__)

FINAL = (State.DONE, State.FAILED)
# A spool where nothing has changed for so long is looked through less often.
QUIET_SECONDS = 600.0


@dataclass(frozen=True)
class Ready:
    """A job to be attempted. `order`: the lowest has waited longest, by the file system's clock."""

    attempt: Attempt
    order: int


class Scanner:
    """Everything known of the spool below `root`."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        output_dir: Path | None = None,
        owners: Owners | None = None,
        *,
        settle: float | None = None,
        retry_failed: bool = False,
        events: Events | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = absolute(root)
        self._settings = settings
        self._output_dir = output_dir
        self._owners = owners or Owners()
        self._settle = settle
        self._retry_failed = retry_failed
        self._events = events
        self._clock = clock
        self._jobs: dict[str, Known] = {}
        # Of the scan that goes on: its number, what is ready, and which folders of which directory are still to come.
        self._number = 0
        self._ready: list[Ready] = []
        self._pending: list[tuple[str, Iterator[str], Beside]] = []
        # What could not be listed, and why, in the last scan and in this one.
        self._troubles: dict[str, str] = {}
        self._new_troubles: dict[str, str] = {}
        # Jobs whose one more try `retry_failed` has granted.
        self._retried: set[str] = set()

    def scan(self) -> list[Ready]:
        """Look through the spool; return what is to be attempted now, the oldest first.

        What cannot be listed keeps what was known of it until the next scan.
        """
        self._number += 1
        self._ready, self._new_troubles = [], {}
        self._look_at(str(self.root), UNKNOWN)
        # A stack: a tree may be deeper than recursion goes.
        while self._pending:
            path, folders, around = self._pending[-1]
            if (folder := next(folders, None)) is None:
                self._pending.pop()
            else:
                self._look_at(os.path.join(path, folder), around)
        for path in [path for path, known in self._jobs.items() if known.met_in != self._number]:
            del self._jobs[path]
        if self._events is not None:
            self._events.end_scan()
        for path in self._troubles.keys() - self._new_troubles.keys():
            log.info("%s: can be listed again, or is gone", one_line(path))
        self._troubles = self._new_troubles
        return sorted(self._ready, key=lambda job: job.order)

    def counts(self) -> Counter[State]:
        """How many jobs are in each state."""
        return Counter(known.state for known in self._jobs.values())

    def quiet(self) -> bool:
        """Whether nothing is going on: every job is done, has failed, or has not changed for ten minutes."""
        late = self._clock() - QUIET_SECONDS
        return all(known.state in FINAL or known.changed_at < late for known in self._jobs.values())

    def done(self, paths: JobPaths, mtime_ns: int | None) -> None:
        """The job was found done, or made, when its directory had the time `mtime_ns`."""
        if known := self._jobs.get(str(paths.directory)):
            known.done_mtime_ns = -1 if mtime_ns is None else mtime_ns
            known.tries, known.complaint = 0, ""
            # Its outputs and its receipt tell the rest.
            known.list_again()

    def failed(self, paths: JobPaths, mtime_ns: int | None) -> None:
        """An attempt has failed for good when its directory had the time `mtime_ns`; None: whatever it is now."""
        self._retried.add(str(paths.directory))
        if known := self._jobs.get(str(paths.directory)):
            manifest = known.seen.manifest_sha256 if known.seen else None
            known.failed_as = (known.mtime_ns if mtime_ns is None else mtime_ns, manifest)
            known.tries, known.complaint = 0, ""
            known.list_again()

    def later(self, paths: JobPaths, complaint: str = "", *, back_off: bool) -> bool:
        """Try again in a later scan; with `back_off`, each time after twice as long, from 5 s to 5 minutes.

        Return whether `complaint`, what was in the way, is news.
        """
        known = self._jobs.get(str(paths.directory))
        if known is None:
            return True
        known.put_off(self._clock(), back_off=back_off)
        news = bool(complaint) and complaint != known.complaint
        known.complaint = complaint or known.complaint
        return news

    def _look_at(self, path: str, around: Beside) -> None:
        """Look at a directory. `around`: what lies where it would have its outputs."""
        try:
            # Before the listing: what changes after this moment changes this time, and is noticed.
            mtime_ns = os.stat(path, follow_symlinks=path == str(self.root)).st_mtime_ns
            known = self._jobs.get(path)
            watched = self._may_come(path, known, mtime_ns, around)
            self._watch(path, watched, is_job=known is not None)
            if known is None or known.must_list(path, mtime_ns, around):
                listing = list_directory(path)
                if not listing.is_job:
                    self._container(path, listing)
                    return
                if known is None:
                    known = self._jobs[path] = Known()
                    self._watch(path, watched, is_job=True)
                seen = look(self._paths(path), listing, mtime_ns, around, self._owners.check_file)
                known.remember(listing, seen, self._clock())
        except OSError as error:
            self._keep(path, error)
        else:
            known.met_in = self._number
            self._job(path, known, around)

    def _watch(self, path: str, wanted: bool, *, is_job: bool) -> None:
        if wanted and self._events is not None:
            self._events.watch(path, is_job=is_job)

    def _may_come(self, path: str, known: Known | None, mtime_ns: int, around: Beside) -> bool:
        """Whether events of a directory are worth having: not those of a job that is finished, or seems to be."""
        if known is None:
            return around.names is None or f"{os.path.basename(path)}.receipt.json" not in around.names
        return known.state not in FINAL or known.mtime_ns != mtime_ns

    def _container(self, path: str, listing: Listing) -> None:
        """What is in a directory that is no job itself."""
        if listing.folders:
            first = self._paths(os.path.join(path, listing.folders[0]))
            around = beside(first, listing.names if self._output_dir is None else None)
            self._pending.append((path, iter(listing.folders), around))

    def _keep(self, path: str, error: OSError) -> None:
        """Say that `path` cannot be listed, where that is news, and keep what is known of it."""
        words = error.strerror or str(error)
        # Between the listing of its parent and this moment, any directory may go.
        gone = isinstance(error, FileNotFoundError | NotADirectoryError) and path != str(self.root)
        if not gone:
            if self._troubles.get(path) != words:
                log.warning("%s: cannot be listed: %s; what is known of it is kept", one_line(path), words)
            self._new_troubles[path] = words
        inside = path + os.sep
        for other, known in self._jobs.items():
            if other == path or other.startswith(inside):
                known.met_in = self._number

    def _job(self, path: str, known: Known, around: Beside) -> None:
        if known.seen is not None:
            self._decide(path, known, around)
        if known.state is State.DONE and os.path.basename(path) in around.claimed:
            # Whoever made it was killed before it gave up its claim, perhaps: an attempt takes a dead one away.
            self._ready.append(Ready(Attempt(self._paths(path), look_first=False), known.mtime_ns))
        if known.folders:
            # What is around a folder inside a job's directory is not listed in every scan.
            self._pending.append((path, iter(known.folders), UNKNOWN))

    def _decide(self, path: str, known: Known, around: Beside) -> None:
        """Say what state the job is in, and whether it is to be attempted."""
        assert known.seen is not None
        now = self._clock()
        retry = self._retry_failed and path not in self._retried
        wanted = plan(self._settings, known.seen.manifest)
        state = classify(
            known.seen,
            wanted=wanted,
            unchanged_seconds=now - known.changed_at,
            settle=self._settle,
            retry_failed=retry,
        )
        if state in (State.READY, State.ABANDONED):
            if known.done_mtime_ns == known.mtime_ns and known.seen.outputs >= wanted.keys():
                state = State.DONE
            elif known.failed_as == (known.mtime_ns, known.seen.manifest_sha256):
                state = State.FAILED
        known.state = state
        if state in FINAL:
            known.finish(self._paths(path))
        elif state in (State.READY, State.ABANDONED):
            if now >= known.next_try:
                # A claimed one, too: its holder may be dead.
                settled = state is State.ABANDONED
                attempt = Attempt(
                    self._paths(path),
                    need_manifest=not settled,
                    settled=settled,
                    look_first=False,
                    skip_failed=not retry,
                )
                self._ready.append(Ready(attempt, known.mtime_ns))
            if os.path.basename(path) in around.claimed:
                known.state = State.CLAIMED

    def _paths(self, path: str) -> JobPaths:
        return JobPaths.of(Path(path), self.root, self._output_dir)
