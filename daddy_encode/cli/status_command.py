"""`daddy-encode status`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from daddy_encode.cli.user_path import UserPath

if TYPE_CHECKING:
    from daddy_encode.report.selection import Selection
    from daddy_encode.report.status import StatusRow

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Between two redraws of --watch, and how much longer than a look at the spool itself the pause is at least.
REDRAW_SECONDS = 2.0
REDRAW_SHARE = 10.0
# Between two questions to squeue.
SQUEUE_SECONDS = 60.0


def selection_options(function: _Function) -> _Function:
    """The arguments of the commands that show what is in a spool; they become one, `selection`."""

    @functools.wraps(function)
    def with_selection(
        names: tuple[str, ...], since: str | None, failed: bool, last: int | None, **options: Any
    ) -> int:
        from datetime import datetime

        from daddy_encode.report.selection import Selection, parse_since

        moment = parse_since(since, datetime.now()) if since is not None else None
        status: int = function(selection=Selection(names, moment, failed, last), **options)
        return status

    decorated: Any = with_selection
    for decorate in reversed(
        (
            click.argument("root", type=UserPath(), metavar="ROOT"),
            click.argument("names", nargs=-1, metavar="[JOB]..."),
            click.option(
                "--since",
                metavar="TIME",
                help="Only what changed, was encoded or failed since then: a duration such as 90m, 2h or 3d, a date "
                "such as 2026-11-25 or '2026-11-25 14:30', 14:30, today, yesterday. Default: whenever.",
            ),
            click.option("--failed", is_flag=True, help="Only what failed. Default: the rest, too."),
            click.option(
                "--last",
                type=click.IntRange(min=1),
                metavar="N",
                help="Only the N newest of what the other options leave. Default: all.",
            ),
        )
    ):
        decorated = decorate(decorated)
    return cast(_Function, decorated)


output_dir_option = click.option(
    "--output-dir",
    type=UserPath(),
    metavar="DIR",
    help="Where the encoders write. Default: beside the jobs.",
)


@click.command("status")
@selection_options
@output_dir_option
@click.option(
    "--all", "every", is_flag=True, help="Also show every job that is done. Default: the ten newest, unless --last."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per job, all of them, instead of the table.")
@click.option(
    "--watch",
    is_flag=True,
    help="Show it again every few seconds, in a terminal, until Ctrl-C, which ends it with exit status 0.",
)
def command(root: Path, selection: Selection, output_dir: Path | None, every: bool, as_json: bool, watch: bool) -> int:
    """Show the state of every job below ROOT: how many there are of each, who works on them, why they failed.

    Jobs that need attention come first. AGE is the time since a file in the job last came or went. With JOB, only the
    jobs of that name, or in a directory of that name, below ROOT; a pattern in quotes, such as 'run-1*/eval-*', whose *
    matches / as well. In a terminal, paths that are too long lose their beginning; elsewhere each job is one line,
    whole, its columns divided by tabs.

    Needs no write permission, and is right while encoders are at work. Exit status: 0, whatever state the jobs are in;
    1 where ROOT cannot be listed; 2 wrong usage.
    """
    import json
    import shutil
    import sys

    from daddy_encode.report.status import status_lines

    view = _View(root, output_dir, selection)
    every = every or selection.last is not None
    if watch:
        if as_json or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            raise click.UsageError("--watch redraws a terminal; elsewhere, and for --json, run status again and again")
        return _watch(view, every=every)
    rows, others, total = view.rows(every=every or as_json)
    if as_json:
        for row in rows:
            click.echo(json.dumps({**row._asdict(), "age": round(row.age, 1)}))
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in status_lines(rows, width, total=total, every=every, other_done=others):
        click.echo(line)
    return 0


class _View:
    """What `status` shows of a spool, as often as it is asked."""

    def __init__(self, root: Path, output_dir: Path | None, selection: Selection) -> None:
        self._root = root
        self._output_dir = output_dir
        self._selection = selection
        # What squeue said, of which Slurm jobs, when.
        self._running: dict[str, str] | None = {}
        self._asked: set[str] = set()
        self._asked_at = float("-inf")

    def rows(self, *, every: bool) -> tuple[list[StatusRow], int, int | None]:
        """The jobs to show.

        Args:
            every: Whether all that are done are wanted, not only the newest.

        Returns:
            Their rows; how many further ones are done; and of how many jobs these are, None where of all.

        Raises:
            SpoolError: The spool cannot be listed.
        """
        from daddy_encode.report.status import DONE_SHOWN, StatusRow, rollout_note
        from daddy_encode.service.job_status import job_statuses, without_older_done
        from daddy_encode.service.state import State
        from daddy_encode.spool.paths import absolute

        found = job_statuses(self._root, self._output_dir)
        others, total = 0, None
        if self._selection:
            all_jobs = list(found)
            total = len(all_jobs)
            jobs = self._selection.select(
                all_jobs,
                paths=lambda job: job.paths,
                root=absolute(self._root),
                when=lambda job: job.changed,
                has_failed=lambda job: job.state is State.FAILED,
            )
        elif every:
            jobs = list(found)
        else:
            jobs, others = without_older_done(found, DONE_SHOWN)
        running = self._squeue({job.rollout for job in jobs if job.rollout})
        rows = [
            StatusRow(
                job.state.value,
                job.job,
                job.frames,
                job.age,
                rollout_note(job.rollout, running) if job.rollout else job.note,
            )
            for job in jobs
        ]
        return rows, others, total

    def _squeue(self, rollouts: set[str]) -> dict[str, str] | None:
        """The states of these Slurm jobs; None where squeue does not answer in time. Asked only where there are any."""
        import time

        from daddy_encode.cluster.queue import running_jobs

        now = time.monotonic()
        if rollouts and (not rollouts <= self._asked or now >= self._asked_at + SQUEUE_SECONDS):
            self._running, self._asked, self._asked_at = running_jobs(rollouts), rollouts, now
        return self._running


def _watch(view: _View, *, every: bool) -> int:
    """Show `view` again and again until a signal asks for an end. Raises SpoolError where it cannot be shown once."""
    import shutil
    import signal
    import textwrap
    import time

    from daddy_encode.cli.signals import on_signals
    from daddy_encode.errors import SpoolError
    from daddy_encode.report.status import fitting, status_lines
    from daddy_encode.service.stop import StopSwitch
    from daddy_encode.service.watcher.wake import Waker

    stop, waker = StopSwitch(), Waker()
    on_signals(stop.set)
    # Another size of the terminal: it ends the sleep.
    signal.signal(signal.SIGWINCH, lambda number, frame: None)
    rows: list[StatusRow] | None = None
    with waker.woken_by_signals():
        while not stop.is_set():
            begin = time.monotonic()
            # Home; over what is there, line by line, which does not flicker; then the rest of the screen is cleared.
            screen, fault = ("\x1b[H" if rows is not None else "\x1b[2J\x1b[H"), ""
            try:
                rows, others, total = view.rows(every=every)
            except SpoolError as error:
                if rows is None:
                    raise
                # Its file system may come back.
                fault = str(error)
            width, height = shutil.get_terminal_size()
            lines = [
                *textwrap.wrap(time.strftime("%H:%M:%S  ") + fault, width),
                *status_lines(rows, width, total=total, every=every, other_done=others),
            ]
            screen += "".join(f"{line}\x1b[K\n" for line in fitting(lines, height))
            click.echo(f"{screen}\x1b[J", nl=False)
            waker.sleep(max(REDRAW_SECONDS, REDRAW_SHARE * (time.monotonic() - begin)))
    return 0
