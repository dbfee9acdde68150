"""A compressed frame to its file, within the disk's budget."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.directory import write_new
from daddy_encode.errors import DaddyEncodeError, SpoolError
from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.publish import spool_error


def frame_path(directory: Path | str, index: int) -> str:
    return f"{directory}{os.sep}{frame_name(index)}"


def write_frame(path: str, png: bytes, budget: DiskBudget) -> None:
    """Write `png` to `path`, a file that is not there yet; after an error there is none either.

    Raises SpoolError where the budget forbids it, OSError where the disk does.
    """
    budget.spend(path, len(png))
    write_new(path, png)


def frame_error(path: str, error: Exception) -> DaddyEncodeError:
    """What to tell the caller of a frame that could not be compressed or written: a line that names its file."""
    if isinstance(error, DaddyEncodeError):
        return error
    if isinstance(error, OSError):
        return spool_error(error, Path(path), "write")
    # Out of memory, or our own mistake: either way the caller has to hear of it.
    return SpoolError(f"cannot write {path}: {type(error).__name__}: {error}")
