"""Many jobs side by side, each claimed, encoded and released: one that fails never stops the others."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from types import TracebackType

from daddy_encode.encode.job import Context, Result, check_owners, done_already, encode_job, record_failure
from daddy_encode.errors import (
    ClaimedError,
    DaddyEncodeError,
    EncodeError,
    Interrupted,
    SettingsError,
    Skipped,
    SpoolError,
    TransientError,
)
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)

# A signal that comes just before the main thread begins to wait is handled only when the wait ends.
TICK_SECONDS = 0.2
# Slurm and systemd signal every process of a Slurm job or a service: ffmpeg may be gone a little before our own
# handler has run.
SIGNAL_SECONDS = 1.0


class Fate(Enum):
    """What became of an attempt at a job."""

    MADE = "made"
    DONE = "already done"
    FAILED = "failed"
    SKIPPED = "left alone: another user's"
    CLAIMED = "another encoder works on it"
    LATER = "something that may pass was in the way"
    STOPPED = "told to stop"


@dataclass(frozen=True)
class Attempt:
    """One job to try.

    need_manifest: it had one when it was found, so without one it is being written again; settled: it has none, and
    has not changed for the settle time; look_first: it may be done already, so look before claiming it.
    """

    paths: JobPaths
    need_manifest: bool = False
    settled: bool = False
    look_first: bool = True


@dataclass(frozen=True)
class Outcome:
    """One attempt at a job: `result` where it was made or done already, `error` otherwise."""

    paths: JobPaths
    fate: Fate
    result: Result | None = None
    error: DaddyEncodeError | None = None


class Workers:
    """A context manager around `count` threads that encode what they are given.

    Threads suffice: the work is ffmpeg's, and reading, hashing and checking leave the interpreter's lock.
    `progress` counts frames; `wake` is called, from a thread, whenever an outcome is ready;
    `after` with each outcome, from its thread, before that.
    """

    def __init__(
        self,
        count: int,
        context: Context,
        claims: Claims,
        stop: StopSwitch,
        progress: Callable[[float], None] = lambda share: None,
        wake: Callable[[], None] = lambda: None,
        after: Callable[[Outcome], None] = lambda outcome: None,
    ) -> None:
        self.count = count
        self.busy = 0
        self._context = context
        self._claims = claims
        self._stop = stop
        self._progress = progress
        self._wake = wake
        self._after = after
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="encode")
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop.set()
        self._pool.shutdown()

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt at a job; call it while `busy` is below `count`."""
        self.busy += 1
        self._pool.submit(self._run, attempt)

    def outcome(self, *, wait: bool) -> Outcome | None:
        """The next outcome, or None where none is ready and `wait` is false."""
        while True:
            try:
                outcome = self._outcomes.get(block=wait, timeout=TICK_SECONDS)
            except queue.Empty:
                if not wait:
                    return None
            else:
                self.busy -= 1
                return outcome

    def _run(self, attempt: Attempt) -> None:
        paths = attempt.paths
        try:
            outcome = self._attempt(attempt)
            self._after(outcome)
        except Exception as error:
            # A fault of ours in one job must not cost the others.
            log.debug("unexpected error in %s", paths.directory, exc_info=True)
            fault = DaddyEncodeError(f"{paths.directory}: {type(error).__name__}: {error}; report this")
            outcome = Outcome(paths, Fate.FAILED, error=fault)
        self._outcomes.put(outcome)
        self._wake()

    def _attempt(self, attempt: Attempt) -> Outcome:
        paths = attempt.paths
        context = replace(self._context, need_manifest=attempt.need_manifest, settled=attempt.settled)
        try:
            # Without a claim, which needs a write: most jobs of a spool are done, and nothing is written beside another
            # user's. What else is wrong with it is said, and kept, by the attempt below.
            if attempt.look_first and (result := done_already(paths, context)) is not None:
                return Outcome(paths, Fate.DONE, result)
            check_owners(paths, context)
        except Skipped as error:
            return Outcome(paths, Fate.SKIPPED, error=error)
        except DaddyEncodeError:
            pass
        with self._stop.event() as stop:
            own = replace(context, watch=replace(context.watch, stop=stop))
            try:
                with self._claims.hold(paths, stop.set):
                    return self._claimed(paths, own)
            except ClaimedError as error:
                return Outcome(paths, Fate.CLAIMED, error=error)
            except (TransientError, SettingsError) as error:
                return Outcome(paths, Fate.LATER, error=error)
            except SpoolError as error:
                return Outcome(paths, Fate.FAILED, error=error)

    def _claimed(self, paths: JobPaths, context: Context) -> Outcome:
        try:
            result = encode_job(paths, context, self._progress)
            return Outcome(paths, Fate.MADE if result.made else Fate.DONE, result)
        except Interrupted as error:
            # The claim was lost, or all is to stop.
            return Outcome(paths, Fate.STOPPED if self._stop.is_set() else Fate.CLAIMED, error=error)
        except Skipped as error:
            return Outcome(paths, Fate.SKIPPED, error=error)
        except (TransientError, SettingsError):
            raise
        except DaddyEncodeError as error:
            if isinstance(error, EncodeError) and context.watch.stop.wait(SIGNAL_SECONDS) and self._stop.is_set():
                return Outcome(paths, Fate.STOPPED, error=error)
            record_failure(paths, error, context)
            return Outcome(paths, Fate.FAILED, error=error)


def run_jobs(workers: Workers, jobs: Iterable[Attempt], stop: StopSwitch) -> Iterator[Outcome]:
    """Give `jobs` to `workers`, in order, and yield each outcome as it comes.

    After `stop` is set, what runs ends and nothing more begins.
    """
    waiting = iter(jobs)
    while True:
        if not stop.is_set():
            for attempt in islice(waiting, workers.count - workers.busy):
                workers.start(attempt)
        if not workers.busy:
            return
        outcome = workers.outcome(wait=True)
        assert outcome is not None
        yield outcome
