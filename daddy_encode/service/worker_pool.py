"""Many jobs side by side, each claimed, encoded and released: one that fails never stops the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from msgspec.structs import replace

from daddy_encode.encoding.advice import with_place
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.job import check_owners, done_already, done_since, encode_job
from daddy_encode.encoding.receipts import count_failure, record_failure
from daddy_encode.errors import (
    ClaimedError,
    DaddyEncodeError,
    EncodeError,
    FfmpegUnusableError,
    Interrupted,
    ProgramFailedError,
    ProgramUnusableError,
    SettingsError,
    Skipped,
    SpoolError,
    TransientError,
)
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.failure_streak import FailureStreak
from daddy_encode.service.snapshot import failed_before
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claim, Claims
from daddy_encode.spool.orphans import remove_dead
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import explain
from daddy_encode.spool.receipt import MOST_FAILURES, Failure
from daddy_encode.spool.transient import may_pass
from daddy_encode.spool.walk import job_mtime_ns

log = logging.getLogger(__name__)

# A signal that comes just before the main thread begins to wait is handled only when the wait ends.
POLL_SECONDS = 0.2
# Slurm and systemd signal every process of a Slurm job or a service: ffmpeg may be gone a little before our own
# handler has run.
SIGNAL_SECONDS = 1.0
# So many times the jobs that may be encoded at a time may be in progress: the others wait for the disk, which on a
# network takes longer than all else about a short video. A watcher counts the programs of `--on-done` among them.
JOBS_PER_WORKER = 2


class WorkerPool:
    """A context manager around threads that encode what they are given.

    Threads suffice: the work is ffmpeg's, and reading, hashing and checking leave the interpreter's lock. The next job
    begins when one is encoded, not only when it is published.

    Attributes:
        count: How many jobs are encoded at a time.
        busy: How many were started whose outcomes have not been taken.
        fault: Why no job can be encoded on this machine: all is stopped then. None where nothing speaks against it.
    """

    def __init__(
        self,
        count: int,
        context: Context,
        claims: Claims,
        stop: StopSwitch,
        progress: Callable[[float], None] = lambda share: None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Start no thread yet.

        Args:
            count: How many jobs to encode at a time.
            context: What all jobs share.
            claims: Where each job is claimed.
            stop: Set by whoever wants the work ended.
            progress: Called with the frames that went to ffmpeg, from the job's thread. Default: not reported.
            wake: Called from a thread whenever there is room for a job or an outcome is ready. Default: nobody.
        """
        self.busy = 0
        self.fault: DaddyEncodeError | None = None
        self._streak = FailureStreak(count)
        self.count = count
        self._context = context
        self._claims = claims
        self._stop = stop
        self._progress = progress
        self._wake = wake
        self._threads: set[threading.Thread] = set()
        self._changed = threading.Condition()
        self._encoding: set[JobPaths] = set()
        # Whether a job has left those since the last wait.
        self._has_left = False
        self._outcomes: list[Outcome] = []

    def __enter__(self) -> WorkerPool:
        if self._context.tmp_dir is not None:
            # Of jobs that are done by now, or were other spools': no claim leads to them.
            remove_dead(self._context.tmp_dir)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop.set()
        for thread in tuple(self._threads):
            thread.join()
        if self.fault is not None or self._streak.has_others(self._context):
            self._streak.withdraw(self._claims, self._context)

    @property
    def room(self) -> bool:
        """Whether an attempt may be started."""
        return len(self._encoding) < self.count and self.busy < JOBS_PER_WORKER * self.count

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt at a job, while there is `room`; it counts as `busy` until its outcome is taken."""
        self.busy += 1
        thread = threading.Thread(target=self._run, args=(attempt,), name="encode")
        with self._changed:
            self._encoding.add(attempt.paths)
            self._threads.add(thread)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            # The machine has no room for another thread now.
            self._end(_unexpected(attempt.paths, error), thread)

    def outcomes(self) -> list[Outcome]:
        """The outcomes of the attempts that have ended since the last call."""
        with self._changed:
            ended, self._outcomes = self._outcomes, []
        self.busy -= len(ended)
        return ended

    def wait(self) -> None:
        """Wait until there is an outcome or new room for an attempt, or a moment."""
        with self._changed:
            if not self._outcomes and not self._has_left:
                self._changed.wait(POLL_SECONDS)
            self._has_left = False

    def _encoded(self, paths: JobPaths) -> None:
        """Make room for another job."""
        with self._changed:
            self._encoding.discard(paths)
            self._has_left = True
            self._changed.notify()
        self._wake()

    def _run(self, attempt: Attempt) -> None:
        paths = attempt.paths
        try:
            outcome = self._attempt(attempt)
        except Exception as error:
            outcome = _unexpected(paths, error)
        self._end(outcome, threading.current_thread())

    def _end(self, outcome: Outcome, thread: threading.Thread) -> None:
        with self._changed:
            self._encoding.discard(outcome.paths)
            self._threads.discard(thread)
            self._outcomes.append(outcome)
            fault = self._streak.add(outcome)
            self._changed.notify()
        if fault is not None and self.fault is None:
            self._give_up(fault)
        self._wake()

    def _give_up(self, fault: DaddyEncodeError) -> None:
        self.fault = fault
        self._stop.set()

    def _attempt(self, attempt: Attempt) -> Outcome:
        paths = attempt.paths
        if attempt.is_done:
            self._claims.sweep(paths)
            return Outcome(paths, OutcomeKind.CLAIMED)
        context = replace(
            self._context,
            need_manifest=attempt.need_manifest,
            settled=attempt.settled,
            on_encoded=lambda: self._encoded(paths),
        )
        try:
            # Without a claim, which needs a write: most jobs of a spool are done, and nothing is written beside another
            # user's. What else is wrong with it is reported by the attempt below, and kept.
            look = done_already if attempt.had_receipt else done_since
            if attempt.check_done_first and (result := look(paths, context)) is not None:
                if attempt.has_lease:
                    self._claims.sweep(paths)
                return Outcome(paths, OutcomeKind.DONE, result)
            check_owners(paths, context)
        except Skipped as error:
            return Outcome(paths, OutcomeKind.SKIPPED, error=error)
        except DaddyEncodeError:
            pass
        with self._stop.event() as stop:
            own = replace(context, limits=replace(context.limits, stop=stop))
            try:
                with self._claims.hold(paths, stop.set) as claim:
                    return self._claimed(attempt, own, claim)
            except ClaimedError as error:
                return Outcome(paths, OutcomeKind.CLAIMED, error=error)
            except (SettingsError, SpoolError) as error:
                # Nothing was found out about the job.
                return Outcome(paths, OutcomeKind.DEFERRED, error=self._advised(error))

    def _claimed(self, attempt: Attempt, context: Context, claim: Claim) -> Outcome:
        paths = attempt.paths
        before = job_mtime_ns(paths.directory)
        if attempt.skip_failed and before is not None:
            listing = failed_before(paths, before, context.owners.check_file)
            if listing is not None:
                return Outcome(paths, OutcomeKind.FAILED_BEFORE, mtime_ns=before, listing_sha256=listing)
        try:
            own = replace(context, may_publish=lambda: claim.refresh(decide=True))
            result = encode_job(paths, own, self._progress)
            if result.error is not None:
                listing = result.receipt.source.listing_sha256
                return Outcome(paths, OutcomeKind.FAILED, result, result.error, mtime_ns=before, listing_sha256=listing)
            kind = OutcomeKind.MADE if result.made else OutcomeKind.DONE
            return Outcome(paths, kind, result, mtime_ns=before)
        except Skipped as fault:
            return Outcome(paths, OutcomeKind.SKIPPED, error=fault)
        except DaddyEncodeError as fault:
            error = fault
        except OSError as fault:
            error = TransientError(f"{paths.job}: {explain(fault)}")
        if isinstance(error, EncodeError):
            context.limits.stop.wait(SIGNAL_SECONDS)
        if self._stop.is_set():
            return Outcome(paths, OutcomeKind.STOPPED, error=error)
        if isinstance(error, Interrupted) or not claim.is_ours():
            return Outcome(paths, OutcomeKind.CLAIMED, error=ClaimedError(f"{paths.job}: another encoder took it over"))
        if isinstance(error, FfmpegUnusableError):
            # Every job is better left to other encoders.
            self._give_up(error)
            return Outcome(paths, OutcomeKind.STOPPED, error=error)
        if not _is_of_the_job(error) or job_mtime_ns(paths.directory) != before:
            return Outcome(paths, OutcomeKind.DEFERRED, error=self._advised(error))
        failures: list[Failure] = []
        if isinstance(error, ProgramFailedError):
            failures = count_failure(paths, error, context)
            if len(failures) < MOST_FAILURES:
                return Outcome(paths, OutcomeKind.DEFERRED, error=error, failures=failures)
            error = ProgramFailedError(f"{error}; failed {MOST_FAILURES} times, so it is not tried again as it is")
        listing = record_failure(paths, error, context, before, failures)
        return Outcome(
            paths, OutcomeKind.FAILED, error=error, mtime_ns=before, listing_sha256=listing, failures=failures
        )

    def _advised(self, error: DaddyEncodeError) -> DaddyEncodeError:
        return with_place(error, self._context.tmp_dir) if isinstance(error, SpoolError) else error


def _is_of_the_job(error: DaddyEncodeError) -> bool:
    """Whether `error` says something about the job, not about options, this machine, a file system, or outputs."""
    return not (isinstance(error, SettingsError | SpoolError | ProgramUnusableError) or may_pass(error))


def _unexpected(paths: JobPaths, error: Exception) -> Outcome:
    """The outcome of an attempt in which something was raised that nobody foresaw: it costs no other job."""
    log.debug("unexpected error in %s", paths.job, exc_info=error)
    text = f"{paths.job}: {type(error).__name__}: {error}"
    if may_pass(error):
        return Outcome(paths, OutcomeKind.DEFERRED, error=TransientError(text))
    return Outcome(paths, OutcomeKind.FAILED, error=DaddyEncodeError(f"{text}; report this"))


def run_jobs(pool: WorkerPool, attempts: Iterable[Attempt], stop: StopSwitch) -> Iterator[Outcome]:
    """Give `attempts` to `pool`, in order, and yield each outcome as it comes.

    After `stop` is set, what runs ends and nothing more begins.
    """
    waiting = iter(attempts)
    while True:
        while pool.room and not stop.is_set() and (attempt := next(waiting, None)) is not None:
            pool.start(attempt)
        if not pool.busy:
            return
        pool.wait()
        yield from pool.outcomes()
