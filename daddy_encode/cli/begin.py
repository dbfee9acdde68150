"""What `encode`, `pack` and `clean` begin with: the jobs that they find, and a context to make no video in."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from daddy_encode.cli.marks.select import outermost_first, select_marked
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import trusted_owners
from daddy_encode.encoding.job import is_done
from daddy_encode.encoding.settings import Settings
from daddy_encode.report.log import counted
from daddy_encode.report.marks import MarkedJobs
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.found_jobs import FoundJobs, JobList
from daddy_encode.spool.paths import JobPaths

log = logging.getLogger(__name__)


def make_context(
    trust_owner: Iterable[str], max_pixels: float, stall_timeout: float, *, force: bool = False
) -> Context:
    """The context of a command that makes no video; `max_pixels` in units of 2**20. Raises SettingsError."""
    return Context(
        Settings(),
        RunLimits(threading.Event(), stall_timeout),
        force,
        owners=trusted_owners(trust_owner),
        max_pixels=int(max_pixels * 2**20),
    )


def find_jobs(
    paths: Iterable[Path],
    output_dir: Path | None,
    context: Context,
    work: str,
    *,
    marked: MarkedJobs | None,
    dry_run: bool,
    split: bool = False,
    compare_marks: bool = True,
) -> FoundJobs:
    """The jobs at `paths` that are `marked`; logs what is passed over, and what is wrong.

    `work` is what is done with them, as a verb; `split` as for `find_all_jobs`; `compare_marks`: whether to leave out
    those of which another recording than the marked one is there, as far as the marks say which.
    """
    found = find_all_jobs(
        paths if marked is None else outermost_first(paths),
        output_dir,
        salvage=bool(context.settings.salvage),
        split=split,
        is_done=partial(is_done, context=context),
        tidy=not dry_run,
    )
    for passed_over in found.passed_over:
        log.warning("%s", passed_over)
    for fault in found.faults:
        log.error("%s", str(fault).replace("nothing to encode", f"nothing to {work}"))
    if marked is not None:
        # Loaded where there are marks: most encodes have none.
        from daddy_encode.cli.marks.recording import recording_is_other

        why_not = partial(recording_is_other, context=context) if compare_marks else None
        found.jobs = JobList(select_marked(marked, found.jobs, lambda job: job.paths, found.faults, why_not))
    return found


class Elsewhere:
    """Counts the jobs without frames whose whole directory is not there: these may be videos in an --output-dir."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, paths: JobPaths) -> None:
        """Take note of a job that has no frames."""
        self._count += not os.path.lexists(paths.directory)

    def say(self) -> None:
        """Log where the frames may be, if there are such jobs."""
        if self._count:
            log.info(
                "%s without a directory beside the videos: where the frames are elsewhere, give the folder of the "
                "jobs, and this one as --output-dir",
                counted(self._count, "job"),
            )
