"""The line for each job that was packed or unpacked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daddy_encode.errors import one_line
from daddy_encode.report.log import counted, shown, size


def packed_line(job: Path, kind: str, frames: int, before: tuple[int, int], after: tuple[int, int]) -> str:
    """What became of a job, in one line for people.

    Args:
        job: Its path.
        kind: What became of it, as `PackOutcome` has it, or "would unpack".
        frames: How many frames it has.
        before: How many files held them, and their size in bytes.
        after: How many do now, and theirs; 0 bytes: not known yet.
    """
    what = {"would": "would pack", "already": "nothing to do"}.get(kind, kind)
    text = f"{what} {shown(job)}: {counted(frames, 'frame')}"
    if kind == "already":
        return one_line(f"{what}: {shown(job)}")
    text += f", {counted(before[0], 'file')} of {size(before[1])}"
    return one_line(text + (f" are now {after[0]} of {size(after[1])}" if after[1] else ""))


def packed_json(job: Path, kind: str, **values: Any) -> str:
    """The same as one JSON object on one line."""
    return json.dumps({"path": str(job), "state": kind, **values})
