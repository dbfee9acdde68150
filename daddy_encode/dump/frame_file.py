"""One frame to one file: compress, look at the disk's budget, write."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.directory import write_new
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.png import Filter, encode_png
from daddy_encode.errors import DaddyEncodeError, SpoolError
from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.publish import spool_error


def write_frame(directory: Path | str, index: int, frame: Frame, row_filter: Filter, budget: DiskBudget) -> None:
    """Write `frame` as number `index`, a file that is not there yet.

    Raises SpoolError, named after the file, whatever goes wrong; then there is no such file.
    """
    # Here every microsecond of Python counts; on a thread twice, for it holds the GIL while the rollout waits for it.
    path = f"{directory}{os.sep}{frame_name(index)}"
    try:
        data = encode_png(frame, row_filter)
        budget.spend(path, len(data))
        write_new(path, data)
    except DaddyEncodeError:
        raise
    except OSError as error:
        raise spool_error(error, Path(path), "write") from error
    except Exception as error:  # out of memory, or our own mistake: either way the caller has to hear of it
        raise SpoolError(f"cannot write {path}: {type(error).__name__}: {error}") from error
