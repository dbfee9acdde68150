"""What `daddy-encode pack` calls: find the jobs, pack or unpack each, report it."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from daddy_encode.archive.pack.claimed import pack_one, settled_for
from daddy_encode.archive.pack.outcome import LeftError, PackOutcome
from daddy_encode.cli.begin import Elsewhere, find_jobs, make_context
from daddy_encode.cli.json_lines import print_line
from daddy_encode.cli.main import FAILED, INTERRUPTED
from daddy_encode.cli.marks.options import FromMarks
from daddy_encode.cli.marks.select import read_marks
from daddy_encode.cli.scheduling import schedule_as_batch
from daddy_encode.cli.signals import on_signals
from daddy_encode.errors import ClaimedError, DaddyEncodeError, Interrupted, Skipped
from daddy_encode.report.log import counted, set_up_logging, shown, shown_first, size
from daddy_encode.report.progress import AboveBar, Progress
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.transient import may_pass

log = logging.getLogger(__name__)

Work = Callable[..., PackOutcome]
"""Packs or unpacks one job; `on_frame` is called for each frame that is read."""


def run(
    paths: Sequence[Path],
    *,
    undo: bool,
    force: bool,
    older_than: float | None,
    from_marks: FromMarks | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    output_dir: Path | None,
    lease: float,
    trust_owner: Iterable[str],
    max_pixels: float,
    stall_timeout: float,
) -> int:
    """Pack or unpack the jobs at `paths`; the other arguments are the options. Returns the exit status.

    Raises:
        SettingsError: An option has a value that cannot work.
    """
    marked = read_marks(from_marks)
    context = make_context(trust_owner, max_pixels, stall_timeout, force=force)
    set_up_logging(AboveBar(), quiet=quiet, verbose=False)
    stop = StopSwitch()
    on_signals(stop.set)
    schedule_as_batch()
    found = find_jobs(paths, output_dir, context, "pack", marked=marked, dry_run=dry_run)
    tally = PackTally(as_json=as_json, undo=undo, dry_run=dry_run)
    tally.failed = len(found.faults)
    claims = Claims(lease, context.owners.trusts)
    with Progress(len(found.jobs), found.jobs.frames, hidden=quiet or dry_run) as progress:
        # Each frame is read twice.
        step = partial(progress.add, 0.5)
        for job in found.jobs:
            if stop.is_set():
                break
            if older_than is None or settled_for(job.paths, context) >= older_than:
                tally.attempt(
                    job.paths, partial(pack_one, job.paths, context, claims, stop, undo=undo, dry_run=dry_run), step
                )
            else:
                tally.leave()
            progress.end_job(0)
    log.info("%s", tally)
    tally.elsewhere.say()
    if stop.is_set():
        log.warning("stopped before all was done; run the same command again to continue")
        return INTERRUPTED
    if tally.failed:
        return FAILED
    return INTERRUPTED if tally.deferred else 0


class PackTally:
    """What became of all jobs together.

    Attributes:
        failed: How many failed.
        deferred: How many should be tried again.
        elsewhere: Those whose frames may be in another tree.
    """

    def __init__(self, *, as_json: bool, undo: bool = False, dry_run: bool = False) -> None:
        self.failed = self.deferred = 0
        self.elsewhere = Elsewhere()
        self._as_json = as_json
        self._undo = undo
        self._dry_run = dry_run
        self._done = self._left = self._already = 0
        self._before, self._after = [0, 0], [0, 0]

    def attempt(self, paths: JobPaths, work: Work, on_frame: Callable[[], None] = lambda: None) -> None:
        """Do what there is to do with a job, and report it."""
        try:
            self._record(work(on_frame=on_frame))
        except (LeftError, Skipped) as error:
            self._left += 1
            log.info("%s", shown_first(str(error), paths.job))
            self._print(paths, "left", error)
        except (Interrupted, ClaimedError) as error:
            self.deferred += 1
            log.info("%s", shown_first(str(error), paths.job))
            self._print(paths, "left", error)
        except (DaddyEncodeError, OSError) as error:
            if may_pass(error) and not _is_closed(error):
                self.deferred += 1
            else:
                self.failed += 1
            log.error("%s", error)
            self._print(paths, "failed", error)

    def leave(self) -> None:
        """Count a job that is too young."""
        self._left += 1

    def _record(self, done: PackOutcome) -> None:
        if done.kind == "already":
            self._already += 1
            self.elsewhere.add(done.paths)
        else:
            self._done += 1
            for total, files, count in (
                (self._before, done.files_before, done.bytes_before),
                (self._after, done.files_after, done.bytes_after),
            ):
                total[0] += files
                total[1] += count
        if done.kind == "already":
            log.debug("nothing to do: %s", shown(done.paths.job))
        else:
            would = "would " * (done.kind == "would")
            what = {"would": "unpack" if self._undo else "pack"}.get(done.kind, done.kind)
            log.info("%s", done.line(would + what))
        if self._as_json:
            self._write(done.json(done.kind))

    def _print(self, paths: JobPaths, state: str, error: Exception) -> None:
        if self._as_json:
            self._write(json.dumps({"path": str(paths.job), "state": state, "reason": str(error)}))

    def _write(self, line: str) -> None:
        print_line(line, "unpacking" if self._undo else "packing")

    def __str__(self) -> str:
        what = ("would be " if self._dry_run else "") + ("unpacked" if self._undo else "packed")
        text = f"{counted(self._done, 'job')} {what}, {self._already} already, {self._left + self.deferred} left, "
        text += f"{self.failed} failed"
        if self._done and self._after[1]:
            text += f"; {counted(self._before[0], 'file')} of {size(self._before[1])} are now {self._after[0]} of "
            text += size(self._after[1])
        return text


def _is_closed(error: BaseException) -> bool:
    """Whether a directory or its file system is closed to this user, which stays so until somebody changes it."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
