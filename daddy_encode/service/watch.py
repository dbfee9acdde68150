"""The watcher: scan, attempt what is ready, sleep, again. A scan is the truth; all else only brings it forward."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from daddy_encode.service.scanner import Ready, Scanner
from daddy_encode.service.state import State
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.wake import Waker
from daddy_encode.service.worker import Fate, Outcome, Workers
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)

# Scans are this much further apart while nothing goes on.
IDLE_FACTOR = 3.0
# An event never makes scanning take more than a tenth of the time.
SCAN_SHARE = 10.0
# The summary line's shortest distance.
SUMMARY_SECONDS = 60.0


@dataclass(frozen=True)
class WatchOptions:
    """interval: seconds between scans; once: end when nothing is ready; idle_exit: end after so many seconds with
    nothing to do; max_runtime: end after so many seconds; None: do not."""

    interval: float = 10.0
    once: bool = False
    idle_exit: float | None = None
    max_runtime: float | None = None


class Watcher:
    """Runs `workers` on what `scanner` finds, until told to stop."""

    def __init__(
        self,
        scanner: Scanner,
        workers: Workers,
        waker: Waker,
        stop: StopSwitch,
        options: WatchOptions,
        tell: Callable[[Outcome], None],
    ) -> None:
        self._scanner = scanner
        self._workers = workers
        self._waker = waker
        self._stop = stop
        self._options = options
        self._tell = tell
        self._ready: deque[Ready] = deque()
        self._running: set[JobPaths] = set()
        self._left_alone: set[JobPaths] = set()
        self._scan_wanted = False
        self._scan_seconds = 0.0
        self._planned = 0.0
        self._summary = ""
        self._summary_at = float("-inf")

    def scan_soon(self) -> None:
        """Bring the next scan forward; from any thread."""
        self._scan_wanted = True
        self._waker.wake()

    def run(self) -> None:
        """Watch until told to stop, or until an option ends it; what runs then is ended, with nothing half-made."""
        begin = busy_at = time.monotonic()
        next_scan = begin
        while not self._stop.is_set():
            now = time.monotonic()
            if self._expired(now, begin, busy_at):
                self._stop.set()
                break
            if now >= next_scan or (self._scan_wanted and now >= next_scan - self._spare()):
                self._scan()
                next_scan = time.monotonic() + self._distance()
            self._fill()
            if self._running:
                busy_at = time.monotonic()
            elif self._options.once:
                break
            self._waker.sleep(self._patience(next_scan, begin, busy_at))
            self._collect()
        while self._workers.busy:
            self._waker.sleep(1.0)
            self._collect()

    def _scan(self) -> None:
        self._scan_wanted = False
        begin = time.monotonic()
        self._ready = deque(job for job in self._scanner.scan() if job.attempt.paths not in self._running)
        self._scan_seconds = time.monotonic() - begin
        self._summarize()

    def _spare(self) -> float:
        """How much earlier than planned an event may have the next scan."""
        return max(0.0, self._planned - max(0.2, self._scan_seconds * SCAN_SHARE))

    def _distance(self) -> float:
        interval = self._options.interval * (IDLE_FACTOR if self._scanner.quiet() else 1.0)
        # Jitter: watchers that were started together do not list together for ever.
        self._planned = max(interval * random.uniform(0.85, 1.15), self._scan_seconds * SCAN_SHARE)
        return self._planned

    def _fill(self) -> None:
        while self._ready and self._workers.busy < self._workers.count:
            attempt = self._ready.popleft().attempt
            self._running.add(attempt.paths)
            self._workers.start(attempt)

    def _collect(self) -> None:
        while (outcome := self._workers.outcome(wait=False)) is not None:
            paths = outcome.paths
            self._running.discard(paths)
            if outcome.fate in (Fate.MADE, Fate.DONE):
                self._scanner.done(paths)
            elif outcome.fate is Fate.FAILED:
                self._scanner.failed(paths)
            else:
                self._scanner.later(paths, back_off=outcome.fate in (Fate.LATER, Fate.SKIPPED))
            # A job that is left alone is left alone for ever: said once.
            new = outcome.fate is Fate.SKIPPED and paths not in self._left_alone
            if new or outcome.fate in (Fate.MADE, Fate.FAILED, Fate.LATER):
                self._tell(outcome)
            if new:
                self._left_alone.add(paths)
            self._fill()

    def _expired(self, now: float, begin: float, busy_at: float) -> bool:
        options = self._options
        if options.max_runtime is not None and now - begin >= options.max_runtime:
            log.info("ending after %g s, as asked", options.max_runtime)
            return True
        if options.idle_exit is not None and not self._running and now - busy_at >= options.idle_exit:
            log.info("ending after %g s with nothing to do, as asked", options.idle_exit)
            return True
        return False

    def _patience(self, next_scan: float, begin: float, busy_at: float) -> float:
        now = time.monotonic()
        moments = [next_scan - now]
        if self._scan_wanted:
            moments.append(next_scan - self._spare() - now)
        if self._options.max_runtime is not None:
            moments.append(begin + self._options.max_runtime - now)
        if self._options.idle_exit is not None:
            moments.append(busy_at + self._options.idle_exit - now)
        return max(0.01, min(moments))

    def _summarize(self) -> None:
        """One line when something has changed, at most one a minute."""
        counts = self._scanner.counts()
        summary = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state]) or "no jobs yet"
        now = time.monotonic()
        if summary != self._summary and now - self._summary_at >= SUMMARY_SECONDS:
            log.info("%s; the scan took %.3f s", summary, self._scan_seconds)
            self._summary, self._summary_at = summary, now
