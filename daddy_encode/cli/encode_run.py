"""What `daddy-encode encode` calls: find the jobs, run them, say what became of each."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click

from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.cluster.identity import slurm_identity
from daddy_encode.encode.job import Context
from daddy_encode.encode.process import Watch
from daddy_encode.encode.settings import make_settings
from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.report.log import saved_json, saved_line, set_up_logging, shown
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.scan import Found, find_jobs
from daddy_encode.service.worker import Outcome, interrupted, run_jobs

log = logging.getLogger(__name__)


def run(
    paths: Sequence[Path],
    output_dir: Path | None,
    *,
    workers: int | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Encode the jobs at `paths` and return the exit status. Raises SettingsError for options that cannot work."""
    settings = make_settings(**{name: value for name, value in options.items() if value is not None})
    set_up_logging(AboveBar())
    stop = threading.Event()
    _stop_on_signals(stop)
    context = Context(settings, Watch(stop), force, slurm_identity(os.environ))
    jobs, failures = _collect(paths, output_dir)
    counts = {"saved": 0, "done": 0, "failed": failures}
    was_interrupted = False
    with Progress(sum(job.frames for job in jobs)) as progress:
        waiting = (job.paths for job in jobs)
        for outcome in run_jobs(waiting, context, workers or usable_workers(os.environ), progress.add):
            was_interrupted |= interrupted(outcome)
            _tell(outcome, counts, as_json=as_json)
    if len(jobs) + failures > 1:
        log.info("%s videos saved, %s jobs already done, %s failed", *counts.values())
    if was_interrupted or stop.is_set():
        log.warning("stopped before all was done; run the same command again to go on")
        return INTERRUPTED
    return FAILED if counts["failed"] else 0


def _collect(paths: Sequence[Path], output_dir: Path | None) -> tuple[list[Found], int]:
    """The jobs to encode, each once, and the number of places that could not be used, which are logged."""
    jobs: dict[Path, Found] = {}
    failures = 0
    for path in paths:
        empty = True
        for found in _looked_through(path, output_dir):
            empty = False
            if isinstance(found, SpoolError):
                log.error("%s", found)
                failures += 1
            elif not found.has_manifest and not found.named:
                log.warning(
                    "%s: no manifest: its rollout still writes, or has died; name this directory itself to encode it",
                    shown(found.paths.directory),
                )
            else:
                jobs.setdefault(found.paths.directory, found)
        if empty:
            log.error("%s: holds no numbered PNG and no manifest, nor does a folder in it; check the path", shown(path))
            failures += 1
    bases: dict[Path, Path] = {}
    for job in jobs.values():
        twin = bases.setdefault(job.paths.base, job.paths.directory)
        if twin != job.paths.directory:
            raise SettingsError(
                f"{shown(twin)} and {shown(job.paths.directory)} would both become {shown(job.paths.base)}.*; "
                "give the folder that holds both as PATH"
            )
    return list(jobs.values()), failures


def _looked_through(path: Path, output_dir: Path | None) -> Iterator[Found | SpoolError]:
    try:
        yield from find_jobs(path, output_dir)
    except SpoolError as error:
        yield error


def _tell(outcome: Outcome, counts: dict[str, int], *, as_json: bool) -> None:
    paths = outcome.paths
    if outcome.result is None:
        if not interrupted(outcome):
            counts["failed"] += 1
            log.error("%s", outcome.error)
    elif not outcome.result.made:
        counts["done"] += 1
        log.info("already done: %s; --force encodes it again", shown(paths.directory))
    for record in outcome.result.made if outcome.result else ():
        counts["saved"] += 1
        path = paths.output(record.format)
        log.info("%s", saved_line(record, path))
        for warning in record.warnings:
            log.info("%s: %s", shown(path), warning)
        if as_json:
            click.echo(saved_json(record, path))


def _stop_on_signals(stop: threading.Event) -> None:
    """SIGINT and SIGTERM ask for an end in good order; a second one ends at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
