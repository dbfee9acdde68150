"""The table that `daddy-encode status` shows: readable in a terminal of 80 columns, whole everywhere else. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from daddy_encode.errors import one_line

# What needs attention first; what is finished last.
ORDER = ["failed", "abandoned", "waiting", "claimed", "ready", "writing", "done"]
COLUMNS = ("STATE", "FRAMES", "AGE", "JOB", "NOTE")
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


def status_lines(
    rows: Sequence[StatusRow],
    width: int | None,
    *,
    total: int | None = None,
    every: bool = False,
    other_done: int = 0,
) -> Iterable[str]:
    """Yield the lines of the table, sorted by state.

    Args:
        rows: The jobs, in any order.
        width: Columns, at most: paths are cut, and notes that do not fit continue below. None: each job is one line,
            whole, its columns divided by tabs.
        total: How many jobs there are, where `rows` are not all. Default: they are.
        every: Show all jobs that are done, not only the newest.
        other_done: How many jobs are done that are not in `rows`, and not among the newest. Default: none.
    """
    counts = Counter(row.state for row in rows)
    counts["done"] += other_done
    parts = [f"{counts[state]} {state}" for state in ORDER if counts[state]]
    number = len(rows) + other_done if total is None else total
    of = "" if total is None else f"{len(rows)} of "
    summary = ", ".join([f"{of}{number} job{'s' if number != 1 else ''}", *parts])
    yield from [summary] if width is None else textwrap.wrap(summary, width)
    if not rows:
        return
    yield "\t".join(COLUMNS) if width is None else f"{'STATE':<10}{'FRAMES':>7} {'AGE':>6}  JOB"
    done = sorted((row for row in rows if row.state == "done"), key=lambda row: row.age)
    shown = done if every else done[:DONE_SHOWN]
    others = sorted((row for row in rows if row.state != "done"), key=lambda row: (ORDER.index(row.state), -row.age))
    for row in (*others, *shown):
        if width is None:
            cells = (row.state, str(row.frames), duration(row.age), one_line(row.job), one_line(row.note))
            yield "\t".join(cells).rstrip("\t")
        else:
            yield from _row_lines(row, width)
    if left := counts["done"] - len(shown):
        more = f"… and {left} more; --all shows them"
        yield f"done\t\t\t{more}" if width is None else f"{'done':<10}{'':>7} {'':>6}  {more}"


def fitting(lines: Sequence[str], height: int) -> list[str]:
    """As many lines as a terminal of so many rows shows, its last one left for the cursor."""
    room = max(2, height - 1)
    if len(lines) <= room:
        return list(lines)
    return [*lines[: room - 1], f"… and {len(lines) - room + 1} more lines; --failed, --last or a JOB show fewer"]


def _row_lines(row: StatusRow, width: int) -> Iterable[str]:
    job, note = one_line(row.job), one_line(row.note)
    # State, frames, age and the blanks between them take 26 columns; a job's path gets what is left, at least 20. A
    # short note stays beside it.
    room = max(20, width - 30)
    if width - 28 - len(note) >= 30:
        room = min(room, width - 28 - len(note))
    if len(job) > room:
        # Jobs differ at the end.
        job = "…" + job[-(room - 1) :]
    line = f"{row.state:<10}{row.frames:>7} {duration(row.age):>6}  {job}"
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
