"""What `daddy-encode encode` calls: find the jobs, encode them, report each."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from daddy_encode.cli.begin import find_jobs
from daddy_encode.cli.json_lines import print_line
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.cli.marks.select import read_marks
from daddy_encode.cli.scheduling import schedule_as_batch
from daddy_encode.cli.signals import on_signals
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import DaddyEncodeError, SettingsError, Skipped
from daddy_encode.jobs.context import make_context
from daddy_encode.report.log import counted, saved_json, set_up_logging, shown
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.service.encode_all import encode_all
from daddy_encode.service.find_jobs import passed_over_text
from daddy_encode.service.found_jobs import FoundJob, FoundJobs, JobList
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.tally import Tally
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.service.workers.count import usable_processes
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.orphans import remove_dead
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import OutputRecord
from daddy_encode.spool.sequences import is_of_a_job

if TYPE_CHECKING:
    from daddy_encode.cli.pack.run import PackTally

log = logging.getLogger(__name__)


def run(
    paths: Sequence[Path],
    output_dir: Path | None,
    *,
    output: Path | None,
    from_marks: FromMarks | None,
    workers: int | None,
    as_json: bool,
    lease: float,
    no_wait: bool,
    split: bool,
    dry_run: bool,
    pack: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Encode the jobs at `paths`.

    Args:
        paths: The arguments.
        output_dir: The option, as are all that follow.
        output: The file of the one video.
        from_marks: Which of the jobs; None: all.
        workers: How many jobs to encode in parallel; None: as CPUs and memory suffice for.
        as_json: Whether JSON lines go to standard output.
        lease: In seconds.
        no_wait: Whether to exit instead of waiting for the jobs that others hold.
        split: Whether each sequence of frames in a directory is a job.
        dry_run: Whether only to say what would be made.
        pack: Whether to pack the frames of each job that is done.
        quiet: Whether to log only warnings and errors, without a bar.
        verbose: Whether to log all there is to say.
        **options: Those of `make_context`.

    Returns:
        The exit status.

    Raises:
        SettingsError: An option has a value that cannot work.
        EncodeError: ffmpeg or gifsicle is missing, or does not work here.
        DaddyEncodeError: The one video that was named cannot be made.
    """
    if output is not None and pack:
        raise SettingsError("--output and --pack: give one of them")
    if output is not None:
        options["video"] = _kind_of(output, options.get("video"), output_dir)
    marked = read_marks(from_marks)
    context = make_context(**options)
    set_up_logging(AboveBar(), quiet=quiet, verbose=verbose)
    stop = StopSwitch()
    on_signals(stop.set)
    schedule_as_batch()
    found = find_jobs(paths, output_dir, context, "encode", marked=marked, dry_run=dry_run, split=split)
    if output is not None:
        found.jobs = _into(output, found)
    if dry_run:
        return _show(found, context, as_json=as_json, verbose=verbose)
    tally = Tally(
        len(found.faults),
        passed_over=found.passed_over,
        on_saved=print_saved if as_json else lambda record, path: None,
        one_job=len(found.jobs) == 1,
    )
    left, done = [], list[JobPaths]()
    with Progress(len(found.jobs), found.jobs.frames, hidden=quiet) as progress:
        if output is not None:
            for job in found.jobs:
                remove_dead(job.paths.base.parent)
                with stop.event() as event:
                    own = replace(context, limits=replace(context.limits, stop=event))
                    result = encode_job(job.paths, own, progress.add)
                tally.record(Outcome(job.paths, OutcomeKind.MADE, result))
        else:

            def ended(outcome: Outcome, job: FoundJob) -> None:
                tally.record(outcome)
                if pack and outcome.kind in (OutcomeKind.MADE, OutcomeKind.DONE):
                    done.append(outcome.paths)
                progress.end_job(0 if outcome.kind is OutcomeKind.MADE else job.frames)

            claims = Claims(lease, context.owners.trusts, context.tmp_dir)
            count = workers or usable_workers(os.environ)
            processes = usable_processes(count, len(found.jobs))
            with WorkerPool(count, context, claims, stop, progress.add, processes=processes, may_fork=True) as pool:
                left = encode_all(found.jobs, pool, stop, ended, lease=lease, wait=not no_wait)
    packed = _packed(done, context, lease, stop) if pack else None
    if len(found.jobs) + len(found.faults) + len(found.passed_over) > 1:
        log.info("%s", tally)
    if stop.is_set():
        log.warning("stopped before all was done; run the same command again to continue")
        return INTERRUPTED
    if tally.failed or (tally.skipped and not tally.saved and not tally.done):
        return FAILED
    if packed is not None and packed.failed:
        return FAILED
    return INTERRUPTED if left or (packed is not None and packed.deferred) else 0


def _packed(jobs: Sequence[JobPaths], context: Context, lease: float, stop: StopSwitch) -> PackTally:
    """Pack the frames of jobs that are done, and report each."""
    from daddy_encode.archive.pack.claimed import pack_one
    from daddy_encode.cli.pack.run import PackTally

    tally = PackTally(as_json=False)
    claims = Claims(lease, context.owners.trusts)
    for paths in jobs:
        if stop.is_set():
            break
        tally.attempt(paths, partial(pack_one, paths, context, claims, stop))
    log.info("%s", tally)
    return tally


def print_saved(record: OutputRecord, path: Path) -> None:
    """Write a line about a video that was saved to standard output, as long as somebody reads that."""
    print_line(saved_json(record, path), "encoding")


def _kind_of(output: Path, video: str | None, output_dir: Path | None) -> str:
    """The kind of video that `output` is named as. Raises SettingsError where another option contradicts it."""
    kind = output.suffix.removeprefix(".").lower()
    if kind not in ("mp4", "gif"):
        raise SettingsError(f"--output {shown(output)}: its name should end in .mp4 or .gif, which says what to make")
    if video not in (None, kind):
        raise SettingsError(f"--output {shown(output)} and --video {video} contradict each other; leave one out")
    if output_dir is not None:
        raise SettingsError("--output and --output-dir: give one of them")
    return kind


def _into(output: Path, found: FoundJobs) -> JobList:
    """The one job, with `output` as its video; none where a fault was found."""
    if len(found.jobs) > 1:
        first = found.jobs[0].paths
        raise SettingsError(
            f"--output {shown(output)} is for one video, and there are {len(found.jobs)} jobs, such as "
            f"{shown(first.job)}; name one of them as PATH{', in quotes' * (first.pattern is not None)}, or give "
            "--output-dir"
        )
    if is_of_a_job(output, (job.paths for job in found.jobs)):
        raise SettingsError(
            f"--output {shown(output)}: is the name of a job's own video; leave --output out to make that, or name "
            "another file"
        )
    return JobList(replace(job, paths=job.paths.into(output)) for job in found.jobs if not found.faults)


def _show(found: FoundJobs, context: Context, *, as_json: bool, verbose: bool) -> int:
    """Say what would be made; return the exit status."""
    import json

    from daddy_encode.service.preview import preview

    videos = done = skipped = 0
    failed = len(found.faults)
    for paths, planned in preview(found.jobs, context, every=verbose):
        if isinstance(planned, Skipped):
            skipped += 1
            log.warning("%s", planned)
        elif isinstance(planned, DaddyEncodeError):
            failed += 1
            log.error("%s", planned)
        elif not planned:
            done += 1
            log.debug("already done: %s; --force encodes it again", shown(paths.job))
        else:
            videos += len(planned)
            for video in planned:
                if as_json:
                    names = ("frames", "fps", "format", "settings", "replaces")
                    click.echo(json.dumps({"path": str(video.path), **{name: getattr(video, name) for name in names}}))
                else:
                    click.echo(str(video))
    passed_over = passed_over_text(found.passed_over)
    others = f", {skipped} skipped" if skipped else ""
    would, already = counted(videos, "video"), counted(done, "job")
    log.info("%s would be saved, %s already done, %d failed%s%s", would, already, failed, others, passed_over)
    return FAILED if failed or (skipped and not videos and not done) else 0
