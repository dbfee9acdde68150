"""Many jobs side by side: one that fails never stops the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from daddy_encode.encode.job import Context, Result, encode_job
from daddy_encode.errors import DaddyEncodeError, Interrupted
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a result, or the error that ended it."""

    paths: JobPaths
    result: Result | None
    error: DaddyEncodeError | None


def run_jobs(
    jobs: Iterable[JobPaths], context: Context, workers: int, progress: Callable[[float], None]
) -> Iterator[Outcome]:
    """Encode `jobs`, `workers` at a time, and yield each outcome as it comes; `progress` counts frames.

    After `context.watch.stop` is set, what runs ends with Interrupted and nothing more begins.
    """
    waiting = iter(jobs)
    running: set[Future[Outcome]] = set()
    # Threads suffice: the work is ffmpeg's, and reading, hashing and checking leave the interpreter's lock.
    with ThreadPoolExecutor(workers, thread_name_prefix="encode") as pool:
        while True:
            while len(running) < workers and not context.watch.stop.is_set() and (job := next(waiting, None)):
                running.add(pool.submit(_run, job, context, progress))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _run(paths: JobPaths, context: Context, progress: Callable[[float], None]) -> Outcome:
    try:
        return Outcome(paths, encode_job(paths, context, progress), None)
    except DaddyEncodeError as error:
        return Outcome(paths, None, error)
    except Exception as error:
        # A fault of ours in one job must not cost the others.
        log.debug("unexpected error in %s", paths.directory, exc_info=True)
        return Outcome(
            paths, None, DaddyEncodeError(f"{paths.directory}: {type(error).__name__}: {error}; report this")
        )


def interrupted(outcome: Outcome) -> bool:
    """Whether the job was told to stop, so that another try may go through."""
    return isinstance(outcome.error, Interrupted)
