"""The watcher: scan, attempt what is ready, sleep, again. A scan is the truth; all else only brings it forward."""

from __future__ import annotations

import gc
import logging
import random
import time
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.notify import Notifier
from daddy_encode.service.state import State
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.watcher.memory import release_memory
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.service.watcher.tracked_job import Archiving
from daddy_encode.service.watcher.wake import Waker
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.service.workers.place import JOBS_PER_WORKER
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)

# Scans are this much further apart while nothing happens: a new job is still found within two poll intervals.
IDLE_FACTOR = 2.0
# Watchers that were started together should not list together for ever: each poll interval is shortened by up to so
# much.
JITTER = 0.2
# Scanning takes no more than a tenth of the time, whatever asks for it, nor is it done more often than this.
SCAN_SHARE = 10.0
SHORTEST_SECONDS = 0.2
# Between two summary lines, at least.
SUMMARY_SECONDS = 60.0


class WatchOptions(Struct, frozen=True):
    """When to scan, and when to end.

    Attributes:
        interval: The poll interval: seconds between scans, at most.
        once: End when a scan finds nothing more to do.
        idle_exit: End after so many seconds with nothing to do. Default: never.
        max_runtime: End after so many seconds. Default: never.
    """

    interval: float
    once: bool = False
    idle_exit: float | None = None
    max_runtime: float | None = None


class Watcher:
    """Attempts what a scanner finds, until told to stop.

    Attributes:
        deferred: Jobs for which something was in the way when they were last tried.
    """

    def __init__(
        self,
        scanner: Scanner,
        pool: WorkerPool,
        waker: Waker,
        stop: StopSwitch,
        options: WatchOptions,
        report: Callable[[Outcome], None],
        keep_only: Callable[[set[JobPaths]], None],
        notifier: Notifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Do nothing yet.

        Args:
            scanner: What finds the jobs.
            pool: What attempts them; it wakes `waker`.
            waker: What the watcher sleeps on.
            stop: Set by whoever wants it ended; set by the watcher itself where an option ends it.
            options: When to scan, and when to end.
            report: Called with what became of each job.
            keep_only: Called after each scan with the jobs that are ready: nothing need be kept of others.
            notifier: Told of each job that was made, once `report` was called with it; it wakes `waker`. Default: none.
            clock: The clock that scans and ends are due on, in seconds.
        """
        self._scanner = scanner
        self._pool = pool
        self._waker = waker
        self._stop = stop
        self._options = options
        self._report = report
        self._keep_only = keep_only
        self._notifier = notifier
        self._clock = clock
        self._ready: deque[Attempt] = deque()
        self._running: dict[JobPaths, Attempt] = {}
        self.deferred: set[JobPaths] = set()
        # Whether a job was made, or has failed, since that was last asked.
        self._finished = False
        # Whether an event, or work that was done, asks for a scan before it is due.
        self._scan_wanted = False
        # Whether jobs were attempted since the last scan.
        self._worked = False
        self._scan_seconds = 0.0
        # The shorter of the last two: one in which the file system hung, or this process was stopped, says nothing
        # about the next.
        self._usual_seconds = 0.0
        self._scanned_at = float("-inf")
        self._due = float("-inf")
        self._summary = ""
        self._summary_at = float("-inf")

    def scan_soon(self) -> None:
        """Bring the next scan forward."""
        self._scan_wanted = True

    def run(self) -> None:
        """Watch until told to stop, or until an option ends it; what runs then is ended, with nothing half-made."""
        # What was loaded stays; only what is made from now on is looked through by the collections below.
        gc.freeze()
        begin = busy_at = self._clock()
        while not self._stop.is_set():
            now = self._clock()
            if self._is_expired(now, begin, busy_at):
                self._stop.set()
                break
            if now >= self._next_scan():
                self._scan()
            self._fill()
            if self._is_busy():
                busy_at = self._clock()
            elif self._running or self._notified:
                pass
            elif self._options.once and not self._scan_wanted:
                if not self._finished:
                    break
                # The last scan is one that finds nothing to do.
                self._scan_wanted, self._finished = True, False
            self._waker.sleep(self._sleep_seconds(begin, busy_at))
            self._collect()
        while self._pool.busy or self._notified:
            self._waker.sleep(1.0)
            self._collect()

    def _scan(self) -> None:
        self._scan_wanted = False
        if self._worked:
            release_memory()
            self._worked = False
        begin = self._clock()
        ready = self._scanner.scan()
        self._keep_only({attempt.paths for attempt in ready})
        self._ready = deque(attempt for attempt in ready if attempt.paths not in self._running)
        self._scanned_at = self._clock()
        before, self._scan_seconds = self._scan_seconds, self._scanned_at - begin
        self._usual_seconds = min(before, self._scan_seconds)
        interval = self._options.interval * (IDLE_FACTOR if self._scanner.is_idle() else 1.0)
        self._due = self._scanned_at + max(interval * random.uniform(1 - JITTER, 1), self._usual_seconds * SCAN_SHARE)
        self._summarize()

    def _next_scan(self) -> float:
        """When the next scan is due."""
        if not self._scan_wanted:
            return self._due
        return min(self._due, self._scanned_at + max(SHORTEST_SECONDS, self._usual_seconds * SCAN_SHARE))

    def _fill(self) -> None:
        while self._ready and self._has_room() and not self._stop.is_set():
            attempt = self._ready.popleft()
            self._running[attempt.paths] = attempt
            self._pool.start(attempt)

    @property
    def _notified(self) -> int:
        """How many programs are being told of a job."""
        return self._notifier.busy if self._notifier is not None else 0

    def _has_room(self) -> bool:
        return self._pool.room and self._pool.busy + self._notified < JOBS_PER_WORKER * self._pool.count

    def _collect(self) -> None:
        self._fill()
        for outcome in self._pool.outcomes():
            self._worked = True
            self._running.pop(outcome.paths, None)
            self.deferred.discard(outcome.paths)
            self._record(outcome)
            if outcome.kind in (OutcomeKind.MADE, OutcomeKind.FAILED):
                self._report(outcome)
                self._finished = True
            # Also where the other one of two videos failed: nobody makes this one again.
            if self._notifier is not None and outcome.result is not None and outcome.result.made:
                self._notifier.start(outcome.paths.receipt)
            self._fill()

    def _record(self, outcome: Outcome) -> None:
        """Have the scanner remember what became of a job, and log what was in its way, where that is new."""
        paths, mtime_ns, error = outcome.paths, outcome.mtime_ns, str(outcome.error)
        if outcome.kind in (OutcomeKind.MADE, OutcomeKind.DONE):
            self._scanner.record_done(paths, mtime_ns)
        elif outcome.kind in (OutcomeKind.FAILED, OutcomeKind.FAILED_BEFORE):
            self._scanner.record_failed(paths, mtime_ns, outcome.listing_sha256)
        elif outcome.kind in (OutcomeKind.PACKED, OutcomeKind.LEFT, OutcomeKind.CLEANED, OutcomeKind.KEPT):
            work: Archiving = "pack" if outcome.kind.name in ("PACKED", "LEFT") else "clean"
            self._scanner.record_archived(paths, work, mtime_ns)
            if outcome.packed is not None and outcome.packed.kind == "packed":
                log.info("%s", outcome.packed.line())
                self._finished = True
            elif outcome.cleaned is not None:
                log.info("%s", outcome.cleaned.line(paths.job))
                self._finished = True
            elif outcome.error is not None:
                log.info("%s", error)
        elif outcome.kind is OutcomeKind.SKIPPED:
            if self._scanner.defer(paths, error, back_off=True):
                self._report(outcome)
        elif outcome.kind is OutcomeKind.DEFERRED:
            self.deferred.add(paths)
            if self._scanner.defer(paths, error, back_off=True):
                log.warning("%s; it is tried again later", error)
        else:
            self._scanner.defer(paths, back_off=False)

    def _is_expired(self, now: float, begin: float, busy_at: float) -> bool:
        options = self._options
        if options.max_runtime is not None and now - begin >= options.max_runtime:
            log.info("ending after %g s, as asked", options.max_runtime)
            return True
        if options.idle_exit is not None and not self._is_busy() and now - busy_at >= options.idle_exit:
            log.info("ending after %g s with nothing to do, as asked", options.idle_exit)
            return True
        return False

    def _is_busy(self) -> bool:
        """Whether a job is attempted, or told of; taking dead leases away is no work that would be waited for."""
        return self._notified > 0 or any(not attempt.is_done for attempt in self._running.values())

    def _sleep_seconds(self, begin: float, busy_at: float) -> float:
        moments = [self._next_scan()]
        if self._options.max_runtime is not None:
            moments.append(begin + self._options.max_runtime)
        if self._options.idle_exit is not None:
            moments.append(busy_at + self._options.idle_exit)
        return max(0.01, min(moments) - self._clock())

    def _summarize(self) -> None:
        """One line when something has changed, at most one a minute."""
        if self._scanner.is_waiting:
            return
        counts = self._scanner.counts()
        summary = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state]) or "no jobs yet"
        now = self._clock()
        if summary != self._summary and now - self._summary_at >= SUMMARY_SECONDS:
            log.info("%s; the scan took %.3f s", summary, self._scan_seconds)
            self._summary, self._summary_at = summary, now
