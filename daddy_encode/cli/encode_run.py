"""What `daddy-encode encode` calls: find the jobs, encode them, report each."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.signals import on_signals
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.jobs.context import make_context
from daddy_encode.report.log import saved_json, set_up_logging
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.service.encode_all import encode_all
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.tally import Tally
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.receipt import OutputRecord

log = logging.getLogger(__name__)


def run(
    paths: Sequence[Path],
    output_dir: Path | None,
    *,
    workers: int | None,
    as_json: bool,
    lease: float,
    no_wait: bool,
    split: bool,
    quiet: bool,
    verbose: bool,
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
        quiet: Whether to log only warnings and errors, without a bar.
        verbose: Whether to log all there is to say.
        **options: Those of `make_context`.

    Returns:
        The exit status.

    Raises:
        SettingsError: An option has a value that cannot work.
        EncodeError: ffmpeg or gifsicle is missing, or does not work here.
    """
    context = make_context(**options)
    set_up_logging(AboveBar(), quiet=quiet, verbose=verbose)
    stop = StopSwitch()
    on_signals(stop.set)
    found = find_all_jobs(paths, output_dir, salvage=bool(context.settings.salvage), split=split)
    for passed_over in found.passed_over:
        log.warning("%s", passed_over)
    for fault in found.faults:
        log.error("%s", fault)
    tally = Tally(
        len(found.faults),
        passed_over=found.passed_over,
        on_saved=_print_json if as_json else lambda record, path: None,
        one_job=len(found.jobs) == 1,
    )
    frames = {job.paths: job.frames for job in found.jobs}
    claims = Claims(lease, context.owners.trusts, context.tmp_dir)
    with (
        Progress(len(frames), sum(frames.values()), hidden=quiet) as progress,
        WorkerPool(workers or usable_workers(os.environ), context, claims, stop, progress.add) as pool,
    ):

        def ended(outcome: Outcome) -> None:
            tally.record(outcome)
            progress.end_job(0 if outcome.kind is OutcomeKind.MADE else frames[outcome.paths])

        left = encode_all(found.jobs, pool, stop, ended, lease=lease, wait=not no_wait)
    if len(found.jobs) + len(found.faults) + len(found.passed_over) > 1:
        log.info("%s", tally)
    if stop.is_set():
        log.warning("stopped before all was done; run the same command again to continue")
        return INTERRUPTED
    if tally.failed or (tally.skipped and not tally.saved and not tally.done):
        return FAILED
    return INTERRUPTED if left else 0


def _print_json(record: OutputRecord, path: Path) -> None:
    click.echo(saved_json(record, path))
