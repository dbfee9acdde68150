"""Many jobs side by side, each claimed, encoded and released: one that fails never stops the others."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import TracebackType

from daddy_encode.encode.job import (
    Context,
    Result,
    check_owners,
    confirm,
    done_already,
    encode_job,
    record_failure,
)
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
from daddy_encode.service.look import failed_before
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claim, Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import TRANSIENT

log = logging.getLogger(__name__)

# A signal that comes just before the main thread begins to wait is handled only when the wait ends.
TICK_SECONDS = 0.2
# Slurm and systemd signal every process of a Slurm job or a service: ffmpeg may be gone a little before our own
# handler has run.
SIGNAL_SECONDS = 1.0
# So many times the jobs that may be encoded at a time may be under way: the others wait for the disk, which on a
# network takes longer than all else about a short video, or for the program that is told of them.
UNDER_WAY = 2


class Fate(Enum):
    """What became of an attempt at a job."""

    MADE = "made"
    DONE = "already done"
    FAILED = "failed"
    FAILED_BEFORE = "has failed before, as it is"
    SKIPPED = "left alone: another user's"
    CLAIMED = "another encoder works on it"
    LATER = "something that may pass was in the way"
    STOPPED = "told to stop"


@dataclass(frozen=True)
class Attempt:
    """One job to try.

    need_manifest: it had one when it was found, so without one it is being written again; settled: it has none, and
    has not changed for the settle time; look_first: it may be done already, so look before claiming it; skip_failed:
    leave it where a receipt says that it failed as it is.
    """

    paths: JobPaths
    need_manifest: bool = False
    settled: bool = False
    look_first: bool = True
    skip_failed: bool = False


@dataclass(frozen=True)
class Outcome:
    """One attempt at a job: `result` where it was made or done already, `error` otherwise.

    mtime_ns: the time of its directory before the attempt, for which the outcome holds; None where it was not asked.
    """

    paths: JobPaths
    fate: Fate
    result: Result | None = None
    error: DaddyEncodeError | None = None
    mtime_ns: int | None = None


class Workers:
    """A context manager around threads that encode what they are given, `count` jobs at a time.

    Threads suffice: the work is ffmpeg's, and reading, hashing and checking leave the interpreter's lock. The next job
    begins when one is encoded, not only when it is published.
    `progress` counts frames; `wake` is called, from a thread, whenever there is room for a job or an outcome is ready;
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
        self.busy = 0
        self.count = count
        self._context = context
        self._claims = claims
        self._stop = stop
        self._progress = progress
        self._wake = wake
        self._after = after
        self._pool = ThreadPoolExecutor(UNDER_WAY * count, thread_name_prefix="encode")
        self._news = threading.Condition()
        self._encoding: set[JobPaths] = set()
        # Whether a job has left those since the last wait.
        self._left = False
        self._outcomes: list[Outcome] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop.set()
        self._pool.shutdown()

    @property
    def room(self) -> bool:
        """Whether an attempt may be started."""
        return len(self._encoding) < self.count and self.busy < UNDER_WAY * self.count

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt at a job, while there is `room`; it is one of the `busy` until its outcome is taken."""
        self.busy += 1
        with self._news:
            self._encoding.add(attempt.paths)
        self._pool.submit(self._run, attempt)

    def outcomes(self) -> list[Outcome]:
        """What has ended since the last call."""
        with self._news:
            ended, self._outcomes = self._outcomes, []
        self.busy -= len(ended)
        return ended

    def wait(self) -> None:
        """Wait until there is an outcome or new room for an attempt, or a moment."""
        with self._news:
            if not self._outcomes and not self._left:
                self._news.wait(TICK_SECONDS)
            self._left = False

    def _encoded(self, paths: JobPaths) -> None:
        """Make room for another job."""
        with self._news:
            self._encoding.discard(paths)
            self._left = True
            self._news.notify()
        self._wake()

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
        with self._news:
            self._encoding.discard(paths)
            self._outcomes.append(outcome)
            self._news.notify()
        self._wake()

    def _attempt(self, attempt: Attempt) -> Outcome:
        paths = attempt.paths
        context = replace(
            self._context,
            need_manifest=attempt.need_manifest,
            settled=attempt.settled,
            encoded=lambda: self._encoded(paths),
        )
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
                with self._claims.hold(paths, stop.set) as claim:
                    return self._claimed(attempt, own, claim)
            except ClaimedError as error:
                return Outcome(paths, Fate.CLAIMED, error=error)
            except (SettingsError, SpoolError) as error:
                # Nothing was found out about the job.
                return Outcome(paths, Fate.LATER, error=error)

    def _claimed(self, attempt: Attempt, context: Context, claim: Claim) -> Outcome:
        paths = attempt.paths
        before = _mtime_ns(paths.directory)
        if attempt.skip_failed and before is not None and failed_before(paths, before, context.owners.check_file):
            return Outcome(paths, Fate.FAILED_BEFORE, mtime_ns=before)
        try:
            result = encode_job(paths, context, self._progress)
            if result.made:
                return Outcome(paths, Fate.MADE, result, mtime_ns=before)
            return Outcome(paths, Fate.DONE, confirm(result, before), mtime_ns=before)
        except Skipped as fault:
            return Outcome(paths, Fate.SKIPPED, error=fault)
        except (DaddyEncodeError, OSError) as fault:
            error = fault if isinstance(fault, DaddyEncodeError) else TransientError(f"{paths.directory}: {fault}")
        if isinstance(error, EncodeError):
            context.watch.stop.wait(SIGNAL_SECONDS)
        if self._stop.is_set():
            return Outcome(paths, Fate.STOPPED, error=error)
        if isinstance(error, Interrupted) or not claim.is_ours():
            return Outcome(paths, Fate.CLAIMED, error=ClaimedError(f"{paths.directory}: another encoder took it over"))
        if _may_pass(error) or _mtime_ns(paths.directory) != before:
            return Outcome(paths, Fate.LATER, error=error)
        record_failure(paths, error, context, before)
        return Outcome(paths, Fate.FAILED, error=error, mtime_ns=before)


def _mtime_ns(directory: Path) -> int | None:
    """When a name in `directory` last came, went or was replaced; None where the file system does not say."""
    with contextlib.suppress(OSError):
        return os.stat(directory).st_mtime_ns
    return None


def _may_pass(error: DaddyEncodeError) -> bool:
    """Whether `error` is no word on the job: the file system does not give what it listed, or is full, or away."""
    cause = error.__cause__
    lags = isinstance(cause, OSError) and cause.errno in {errno.ENOENT, *TRANSIENT}
    return lags or isinstance(error, TransientError)


def run_jobs(workers: Workers, jobs: Iterable[Attempt], stop: StopSwitch) -> Iterator[Outcome]:
    """Give `jobs` to `workers`, in order, and yield each outcome as it comes.

    After `stop` is set, what runs ends and nothing more begins.
    """
    waiting = iter(jobs)
    while True:
        while workers.room and not stop.is_set() and (attempt := next(waiting, None)) is not None:
            workers.start(attempt)
        if not workers.busy:
            return
        workers.wait()
        yield from workers.outcomes()
