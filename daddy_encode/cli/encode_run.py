"""What `daddy-encode encode` calls: find the jobs, encode them, report each."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daddy_encode.cli.context import make_context
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.signals import on_signals
from daddy_encode.cli.tally import Tally
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.report.log import set_up_logging
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.attempt import Attempt, OutcomeKind
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)

# Between two attempts at jobs that others work on, each twice as long as the last: most are done soon. Never longer
# than a quarter of the lease, so that a dead holder is noticed.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0


def run(
    paths: Sequence[Path],
    output_dir: Path | None,
    *,
    workers: int | None,
    as_json: bool,
    lease: float,
    no_wait: bool,
    split: bool,
    **options: Any,
) -> int:
    """Encode the jobs at `paths`.

    Args:
        paths: The arguments.
        output_dir: The option, as are all that follow.
        workers: How many jobs to encode in parallel; None: as CPUs and memory suffice for.
        as_json: Whether JSON lines go to standard output.
        lease: In seconds.
        no_wait: Whether to exit instead of waiting for the jobs that others hold.
        split: Whether each sequence of frames in a directory is a job.
        **options: Those of `make_context`.

    Returns:
        The exit status.

    Raises:
        SettingsError: An option has a value that cannot work.
        EncodeError: ffmpeg or gifsicle is missing, or does not work here.
    """
    context = make_context(**options)
    set_up_logging(AboveBar())
    stop = StopSwitch()
    on_signals(stop.set)
    found = find_all_jobs(paths, output_dir, salvage=bool(context.settings.salvage), split=split)
    jobs = found.jobs
    for passed_over in found.passed_over:
        log.warning("%s", passed_over)
    for fault in found.faults:
        log.error("%s", fault)
    tally = Tally(failed=len(found.faults), passed_over=found.passed_over)
    waiting = [Attempt(job.paths, need_manifest=job.has_manifest, has_lease=job.has_lease) for job in jobs]
    attempts = {attempt.paths: attempt for attempt in waiting}
    count = workers or usable_workers(os.environ)
    with (
        Progress(sum(job.frames for job in jobs)) as progress,
        WorkerPool(count, context, Claims(lease, context.owners.trusts, context.tmp_dir), stop, progress.add) as pool,
    ):
        reported: set[JobPaths] = set()
        pause = FIRST_PAUSE_SECONDS
        while waiting and not stop.is_set():
            claimed = []
            for outcome in run_jobs(pool, waiting, stop):
                if outcome.kind is OutcomeKind.CLAIMED:
                    claimed.append(attempts[outcome.paths])
                    if outcome.paths not in reported:
                        log.info("%s%s", outcome.error, "" if no_wait else "; waiting for it")
                        reported.add(outcome.paths)
                else:
                    tally.record(outcome, as_json=as_json)
            waiting = claimed
            if no_wait:
                break
            if waiting:
                _pause(min(pause, lease / 4, LONGEST_PAUSE_SECONDS), stop)
                pause *= 2
    if pool.fault is not None:
        raise pool.fault
    if len(jobs) + len(found.faults) + len(found.passed_over) > 1:
        log.info("%s", tally)
    if stop.is_set():
        log.warning("stopped before all was done; run the same command again to continue")
        return INTERRUPTED
    if tally.failed or (tally.skipped and not tally.saved and not tally.done):
        return FAILED
    return INTERRUPTED if waiting else 0


def _pause(seconds: float, stop: StopSwitch) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop.is_set():
        time.sleep(0.1)
