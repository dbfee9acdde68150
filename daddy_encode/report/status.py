"""The table that `daddy-encode status` shows: readable in 80 columns. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from daddy_encode.errors import one_line

# What needs attention first; what is finished last.
ORDER = ["failed", "abandoned", "waiting", "claimed", "ready", "writing", "done"]
# Finished jobs shown where not all are asked for.
DONE_SHOWN = 10


class StatusRow(NamedTuple):
    """One job.

    Attributes:
        state: Its state, one of ORDER.
        job: Its path.
        frames: How many there are.
        age: In seconds.
        note: Shown beside it, or below.
    """

    state: str
    job: str
    frames: int
    age: float
    note: str


def status_lines(rows: Sequence[StatusRow], width: int, *, every: bool = False) -> Iterable[str]:
    """Yield the lines of the table, sorted by state.

    Args:
        rows: The jobs, in any order.
        width: Columns, at most; notes that do not fit continue below.
        every: Show all jobs that are done, not only the newest.
    """
    counts = Counter(row.state for row in rows)
    parts = [f"{counts[state]} {state}" for state in ORDER if counts[state]]
    yield ", ".join([f"{len(rows)} job{'s' if len(rows) != 1 else ''}", *parts])
    if not rows:
        return
    # State, frames, age and the blanks between them take 30 columns; a job's path gets what is left, at least 20.
    room = max(20, width - 30)
    yield f"{'STATE':<10}{'FRAMES':>7} {'AGE':>6}  JOB"
    done = sorted((row for row in rows if row.state == "done"), key=lambda row: row.age)
    shown = done if every else done[:DONE_SHOWN]
    others = sorted((row for row in rows if row.state != "done"), key=lambda row: (ORDER.index(row.state), -row.age))
    for row in (*others, *shown):
        yield from _row_lines(row, room, width)
    if len(shown) < len(done):
        yield f"{'done':<10}{'':>7} {'':>6}  … and {len(done) - len(shown)} more; --all shows them"


def _row_lines(row: StatusRow, room: int, width: int) -> Iterable[str]:
    job = one_line(row.job)
    if len(job) > room:
        # Jobs differ at the end.
        job = "…" + job[-(room - 1) :]
    line = f"{row.state:<10}{row.frames:>7} {duration(row.age):>6}  {job}"
    note = one_line(row.note)
    if len(line) + 2 + len(note) <= width:
        yield f"{line}  {note}".rstrip()
    else:
        yield line
        yield from textwrap.wrap(
            note, width, initial_indent=" " * 12, subsequent_indent=" " * 12, break_on_hyphens=False
        )


def duration(seconds: float) -> str:
    """Seconds as 45s, 12m, 3h, 5d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def rollout_note(identifier: str, running: Mapping[str, str] | None) -> str:
    """The note on a dump that a Slurm job writes.

    Args:
        identifier: The Slurm job's ID.
        running: The states of those that have not ended, by ID; None where squeue did not answer.
    """
    if running is None:
        return f"by Slurm job {identifier}; squeue does not say whether it still runs"
    if identifier in running:
        return f"by Slurm job {identifier}, {running[identifier].lower()}"
    return f"its rollout, Slurm job {identifier}, has ended: encode --salvage takes what is there"
