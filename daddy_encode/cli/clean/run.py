"""What `daddy-encode clean` calls: find the jobs, say what would go, ask, verify and clean each, report it."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from daddy_encode.archive.clean.clean import clean_one
from daddy_encode.archive.clean.look import look
from daddy_encode.archive.clean.outcome import CleanOptions, CleanOutcome, KeptError
from daddy_encode.archive.verify.many import side_by_side
from daddy_encode.cli.begin import Elsewhere, find_jobs, make_context
from daddy_encode.cli.json_lines import print_line
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.cli.marks.select import read_marks
from daddy_encode.cli.scheduling import schedule_as_batch
from daddy_encode.cli.signals import on_signals
from daddy_encode.cluster.limits import usable_workers
from daddy_encode.encoding.context import Context
from daddy_encode.errors import (
    ClaimedError,
    DaddyEncodeError,
    Interrupted,
    ProgramUnusableError,
    SettingsError,
    Skipped,
    SpoolError,
    one_line,
)
from daddy_encode.report.log import counted, seconds_text, set_up_logging, shown, shown_first, size
from daddy_encode.report.marks import MarkedJobs
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.found_jobs import FoundJobs
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import explain
from daddy_encode.spool.transient import may_pass

log = logging.getLogger(__name__)

Cleaned = CleanOutcome | Exception
"""What became of a job, or why nothing did."""


def run(
    root: Path,
    *,
    older_than: float | None,
    from_marks: FromMarks | None,
    until_free: int | None,
    keep_every: int | None,
    keep_posters: bool,
    min_psnr: float | None,
    include_salvaged: bool,
    workers: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
    output_dir: Path | None,
    lease: float,
    trust_owner: Iterable[str],
    max_pixels: float,
    stall_timeout: float,
) -> int:
    """Clean the jobs below `root`; the other arguments are the options. Returns the exit status.

    Raises:
        SettingsError: An option has a value that cannot work, or nobody is there to ask.
        ProgramUnusableError: ffmpeg is missing, or does not work here.
        SpoolError: The file system of `root` does not say how much is free.
    """
    if keep_every is not None and keep_posters:
        raise SettingsError("--keep-every and --keep-posters: give one of them")
    options = CleanOptions(min_psnr, keep_every, keep_posters, include_salvaged)
    marked = read_marks(from_marks)
    context = make_context(trust_owner, max_pixels, stall_timeout)
    set_up_logging(AboveBar(), quiet=quiet, verbose=False)
    begin = time.monotonic()
    found = find_jobs([root], output_dir, context, "clean", marked=marked, dry_run=dry_run, compare_marks=False)
    tally = _Tally(len(found.faults), as_json=as_json)
    room = _Room(root, until_free) if until_free is not None else None
    chosen = _choose(found, context, options, tally, older_than, marked)
    expected = _expected(chosen, room)
    files, freed = sum(job.files for job in expected), sum(job.bytes for job in expected)
    if room is not None and room.is_enough():
        log.info("%s: %s is free already, so nothing has to be deleted", shown(root), size(room.free()))
    jobs = counted(len(expected), "job")
    click.echo(f"{shown(root)}: the frames of {jobs}, {counted(files, 'file')} of {size(freed)}", err=as_json)
    if dry_run or not expected:
        for job in expected:
            tally.add(found.jobs[job.number].paths, CleanOutcome(kind="would", files=job.files, bytes=job.bytes))
        log.info("%s; %s", tally, seconds_text(time.monotonic() - begin))
        tally.elsewhere.say()
        return FAILED if tally.failed or (room is not None and not dry_run and not room.is_enough()) else 0
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("nobody is there to ask whether they may be deleted; give --yes, or --dry-run")
        if not click.confirm("Delete them, each job's once its videos are verified?", err=True):
            log.info("nothing was deleted")
            return 0
    stop = StopSwitch()
    on_signals(stop.set)
    schedule_as_batch()
    claims = Claims(lease, context.owners.trusts)
    frames = sum(found.jobs[job.number].frames for job in expected)
    with Progress(len(expected), frames, hidden=quiet) as progress:

        def work(paths: JobPaths) -> Cleaned:
            try:
                source = marked.source(paths) if marked is not None else None
                return clean_one(paths, context, claims, stop, options, progress.add, source)
            except (Interrupted, ProgramUnusableError):
                raise
            except (DaddyEncodeError, OSError) as error:
                return error

        def ended(outcome: Cleaned, paths: JobPaths) -> None:
            tally.add(paths, outcome)
            if room is not None and isinstance(outcome, CleanOutcome):
                room.freed += outcome.bytes
            progress.end_job()

        # Until there is room, one at a time: no frame more is deleted than was asked for.
        side = 1 if room is not None else workers or usable_workers(os.environ)
        side_by_side(_until_enough(found, chosen, room), work, ended, side, stop.is_set)
    log.info("%s; %s", tally, seconds_text(time.monotonic() - begin))
    tally.elsewhere.say()
    if stop.is_set():
        log.warning("stopped before all was done; run the same command again to continue")
        return INTERRUPTED
    if room is not None and not room.is_enough():
        log.warning("%s: %s is free, and nothing more to delete", shown(root), size(room.free()))
        return FAILED
    return FAILED if tally.failed else INTERRUPTED if tally.deferred else 0


class _Job(NamedTuple):
    """A job that may be cleaned, of which there may be many.

    Attributes:
        changed: When something last came or went in it, in seconds since the epoch.
        number: Which of the jobs that were found.
        files: How many hold its frames.
        bytes: What is free without them.
    """

    changed: float
    number: int
    files: int
    bytes: int


class _Room:
    """How much is free on a file system, and how much should be."""

    def __init__(self, root: Path, wanted: int) -> None:
        self._root = root
        self.wanted = wanted
        # A file system may say later that something is free.
        self.freed = 0
        self.begin = self.free()

    def free(self) -> int:
        """The bytes that are free to this user. Raises SpoolError."""
        try:
            status = os.statvfs(self._root)
        except OSError as error:
            raise SpoolError(f"{self._root}: does not say how much is free: {explain(error)}") from error
        return status.f_bavail * status.f_frsize

    def is_enough(self) -> bool:
        """Whether it is as much as it should be, by what was deleted or by what the file system says."""
        return max(self.begin + self.freed, self.free()) >= self.wanted


def _choose(
    found: FoundJobs,
    context: Context,
    options: CleanOptions,
    tally: _Tally,
    older_than: float | None,
    marked: MarkedJobs | None,
) -> list[_Job]:
    """The jobs to clean, the oldest first, as far as that shows without a proof."""
    chosen = []
    now = time.time()
    for number, job in enumerate(found.jobs):
        try:
            outcome = look(job.paths, context, options, marked.source(job.paths) if marked is not None else None)
        except (DaddyEncodeError, OSError) as error:
            tally.add(job.paths, error)
            continue
        if outcome.kind == "gone":
            tally.add(job.paths, outcome)
        elif older_than is not None and now - outcome.changed < older_than:
            tally.younger += 1
        else:
            chosen.append(_Job(outcome.changed, number, outcome.files, outcome.bytes))
    return sorted(chosen)


def _expected(chosen: list[_Job], room: _Room | None) -> list[_Job]:
    """Those of the jobs that will do, if all are as they seem."""
    if room is None:
        return chosen
    free = room.free()
    for count, job in enumerate(chosen):
        if free >= room.wanted:
            return chosen[:count]
        free += job.bytes
    return chosen


def _until_enough(found: FoundJobs, chosen: Iterable[_Job], room: _Room | None) -> Iterator[JobPaths]:
    for job in chosen:
        if room is not None and room.is_enough():
            return
        yield found.jobs[job.number].paths


class _Tally:
    """Says what became of each job, and counts.

    Attributes:
        failed: How many failed.
        deferred: How many should be tried again.
        younger: How many have changed too lately.
        elsewhere: Those whose frames may be in another tree.
    """

    def __init__(self, failed: int, *, as_json: bool) -> None:
        self.failed = failed
        self.deferred = self.younger = 0
        self.elsewhere = Elsewhere()
        self._as_json = as_json
        self._cleaned = self._would = self._gone = self._kept = 0
        self._files = self._bytes = 0

    def __str__(self) -> str:
        what = "would be cleaned" if self._would else "cleaned"
        more = {"younger": self.younger, "to be tried again": self.deferred}
        others = "".join(f", {count} {word}" for word, count in more.items() if count)
        return (
            f"{counted(self._cleaned + self._would, 'job')} {what}, {self._gone} without frames already, "
            f"{self._kept} kept, {self.failed} failed{others}; {counted(self._files, 'file')} of {size(self._bytes)}"
        )

    def add(self, paths: JobPaths, outcome: Cleaned) -> None:
        """One log line for each job, and one for what is wrong."""
        if isinstance(outcome, CleanOutcome):
            self._add(paths, outcome)
            return
        reason, state = one_line(str(outcome)), "kept"
        if isinstance(outcome, KeptError | Skipped | ClaimedError):
            self._kept += 1
            log.info("%s", shown_first(reason, paths.job))
        elif may_pass(outcome):
            self.deferred += 1
            log.warning("%s", reason)
        else:
            self.failed += 1
            state = "failed"
            log.error("%s", reason)
        self._print(paths, state, reason=reason)

    def _add(self, paths: JobPaths, outcome: CleanOutcome) -> None:
        self._cleaned += outcome.kind in ("cleaned", "finished")
        self._would += outcome.kind == "would"
        self._gone += outcome.kind == "gone"
        self._files += outcome.files
        self._bytes += outcome.bytes
        if outcome.kind == "gone":
            self.elsewhere.add(paths)
        else:
            log.info("%s", outcome.line(paths.job))
        self._print(paths, outcome.kind, files=outcome.files, bytes=outcome.bytes)

    def _print(self, paths: JobPaths, state: str, **values: object) -> None:
        if self._as_json:
            print_line(json.dumps({"path": str(paths.job), "state": state, **values}), "cleaning")
