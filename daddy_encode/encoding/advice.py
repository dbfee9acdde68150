"""Which option helps: what an error of a job adds to what is wrong. Pure."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TypeVar

from daddy_encode.errors import FrameError, SpoolError
from daddy_encode.spool.manifest import Manifest

_Error = TypeVar("_Error", bound=SpoolError)

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def way_on(manifest: Manifest | None) -> str:
    """How to encode a job of this manifest without some of its frames."""
    if manifest is None or not manifest.complete:
        return "--salvage takes what is whole"
    return "--gaps hold repeats the frame before, --gaps skip leaves it out"


def with_way_on(error: FrameError, manifest: Manifest | None) -> FrameError:
    """The error to raise for a frame that cannot be used, where none may be left out."""
    return FrameError(f"{error}, or go on without it: {way_on(manifest)}")


def with_place(error: _Error, tmp_dir: Path | None) -> _Error:
    """The error of a file that an encoder could not write, with the option that names another place for it.

    Args:
        error: The error; the system's own is its cause.
        tmp_dir: That of `--tmp-dir`.
    """
    number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
    if tmp_dir is not None and str(tmp_dir) in str(error):
        option = "--tmp-dir names another directory for temporary files"
        helps = number in (*_FULL, *_CLOSED, errno.ENOENT, errno.ENOTDIR)
    else:
        option = "--output-dir DIR writes videos and receipts elsewhere"
        helps = number in (*_FULL, *_CLOSED)
    if not helps:
        return error
    advised = type(error)(f"{error}; {option}")
    # Whether it may pass is seen from what it was raised from.
    advised.__cause__ = error.__cause__
    return advised
