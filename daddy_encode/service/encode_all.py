"""Encoding jobs until none is left: each is attempted, and those that other encoders work on again."""

from __future__ import annotations

import logging
import time
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from daddy_encode.encoding.context import Context, Result
from daddy_encode.encoding.job import is_done
from daddy_encode.errors import DaddyEncodeError, JobsFailedError
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.found_jobs import FoundJob
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.tally import log_saved
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.service.workers.count import usable_processes
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)

# Between two attempts at jobs that others work on, each twice as long as the last: most are done soon. Never longer
# than a quarter of the lease, so that a dead holder is noticed.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
# A Python of its own takes about as long to start as one process takes for so many frames.
FEWEST_FRAMES = 1000


def encode_all(
    jobs: Sequence[FoundJob],
    pool: WorkerPool,
    stop: StopSwitch,
    on_outcome: Callable[[Outcome, FoundJob], None],
    *,
    lease: float,
    wait: bool = True,
) -> list[JobPaths]:
    """Encode every job once.

    Args:
        jobs: What to encode.
        pool: What attempts them.
        stop: Set by whoever wants it ended.
        on_outcome: Called with what became of each job, and the job, in this thread.
        lease: After how many seconds without a sign of life another encoder's job is taken over.
        wait: Whether to wait for jobs that other encoders work on. Default: yes.

    Returns:
        The jobs that other encoders work on still.

    Raises:
        DaddyEncodeError: No job can be encoded on this machine.
    """
    # By their numbers: of very many, whole ones take more memory than all else.
    waiting: Sequence[int] = range(len(jobs))
    reported: set[int] = set()
    pause = FIRST_PAUSE_SECONDS
    while waiting and not stop.is_set():
        claimed = []
        order = _Order(jobs, waiting)
        for outcome in run_jobs(pool, order, stop):
            number, job = order.begun.pop(outcome.paths)
            if outcome.kind is OutcomeKind.CLAIMED:
                order.go_elsewhere()
                claimed.append(number)
                if number not in reported:
                    log.info("%s%s", outcome.error, "; waiting for it" if wait else "")
                    reported.add(number)
            else:
                on_outcome(outcome, job)
        waiting = claimed
        if not wait:
            break
        if waiting:
            _pause(min(pause, lease / 4, LONGEST_PAUSE_SECONDS), stop)
            pause *= 2
    if pool.fault is not None:
        raise pool.fault
    return [jobs[number].paths for number in waiting]


class _Order:
    """An iterator over attempts at jobs in their order, until another encoder is met: then on from a random place.

    Else encoders that begin together, such as the tasks of an array, would try every job right behind each other.

    Attributes:
        begun: The jobs that were given out, with their numbers; whoever hears of their end takes them out.
    """

    def __init__(self, jobs: Sequence[FoundJob], numbers: Sequence[int]) -> None:
        self._jobs = jobs
        # The next one last.
        self._left = array("L", reversed(numbers))
        self.begun: dict[JobPaths, tuple[int, FoundJob]] = {}

    def __iter__(self) -> _Order:
        return self

    def __next__(self) -> Attempt:
        if not self._left:
            raise StopIteration
        number = self._left.pop()
        job = self._jobs[number]
        self.begun[job.paths] = number, job
        return Attempt(job.paths, need_manifest=job.has_manifest, has_lease=job.has_lease, had_receipt=job.has_receipt)

    def go_elsewhere(self) -> None:
        """Go on at another place, and then around."""
        if self._left:
            from random import SystemRandom

            # A generator of its own: nobody who seeds Python's gets two encoders that go the same way.
            place = SystemRandom().randrange(len(self._left))
            self._left = self._left[place:] + self._left[:place]


def encode_path(
    path: Path, output_dir: Path | None, context: Context, *, split: bool, workers: int, lease: float
) -> list[Result]:
    """Encode the job at `path`, or those in the tree below it, and log each video.

    Args:
        path: A job's directory, or that of a tree.
        output_dir: Where outputs go. None: beside each job.
        context: What all jobs share.
        split: Whether each sequence of frames of a directory is a job.
        workers: How many to encode at a time.
        lease: As for `encode_all`.

    Returns:
        What became of each job, in the order in which they were found.

    Raises:
        DaddyEncodeError: Why the only job failed, or nothing was found, or no job can be encoded on this machine.
        JobsFailedError: Some of several jobs failed.
    """
    found = find_all_jobs(
        [path],
        output_dir,
        salvage=bool(context.settings.salvage),
        split=split,
        is_done=partial(is_done, context=context),
    )
    for passed_over in found.passed_over:
        log.warning("%s", passed_over)
    results: dict[JobPaths, Result] = {}
    errors: list[DaddyEncodeError] = [*found.faults]
    skipped: list[DaddyEncodeError] = []

    def ended(outcome: Outcome, job: FoundJob) -> None:
        if outcome.result is not None:
            results[outcome.paths] = outcome.result
            log_saved(outcome.result)
        # One of two videos may have been made, and the other not.
        if outcome.error is not None and outcome.kind is OutcomeKind.SKIPPED:
            log.warning("%s", outcome.error)
            skipped.append(outcome.error)
        elif outcome.error is not None:
            errors.append(outcome.error)

    stop = StopSwitch()
    claims = Claims(lease, context.owners.trusts, context.tmp_dir)
    # Whoever calls this may have threads, or a GPU: worker processes come from a Python of their own.
    processes = usable_processes(workers, len(found.jobs)) if found.jobs.frames >= FEWEST_FRAMES else 0
    with WorkerPool(workers, context, claims, stop, processes=processes) as pool:
        encode_all(found.jobs, pool, stop, ended, lease=lease)
    if not results:
        errors += skipped
    if len(errors) == 1 and len(found.jobs) <= 1:
        raise errors[0]
    if errors:
        raise JobsFailedError(
            f"{path}: {len(errors)} of {len(found.jobs)} jobs failed, the first: {errors[0]}", tuple(errors)
        )
    return [results[job.paths] for job in found.jobs if job.paths in results]


def _pause(seconds: float, stop: StopSwitch) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop.is_set():
        time.sleep(0.1)
