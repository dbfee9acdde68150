"""`frames.deleting.json`: which files of a job are being deleted, written down before the first one goes.

As long as one of them is there, nobody makes a video of what is left: a job that has lost its first or last frames may
look whole.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from daddy_encode.errors import ManifestError, Skipped
from daddy_encode.spool.paths import sequence_name
from daddy_encode.spool.records import Check, read_record

SUFFIX = ".deleting.json"
# Of a file: its name, size and times.
MARK_BYTES = 6
# So many fit into a record that readers accept.
MOST_FILES = 400_000
_Digest = Annotated[str, Meta(max_length=64)]


class Deleting(Struct, frozen=True, kw_only=True):
    """What is being deleted.

    Attributes:
        version: Of this format: 1.
        receipt_sha256: Of the bytes of the receipt that was proved.
        files: The marks of the files, MARK_BYTES of each, one behind the other, in Base64.
    """

    version: int = 1
    receipt_sha256: _Digest
    files: str


def deleting_name(pattern: str | None) -> str:
    """The record's name in the job's directory; `pattern`: of the job's sequence, where it is one of several."""
    return f"frames{SUFFIX}" if pattern is None else f"frames.{sequence_name(pattern)}{SUFFIX}"


def mark(name: str, status: os.stat_result) -> bytes:
    """What a file is known by: a digest of its name, its size, and when it and its inode last changed."""
    text = f"{name!r} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    return hashlib.blake2b(text.encode(), digest_size=MARK_BYTES).digest()


def pack_marks(marks: Iterable[bytes]) -> str:
    """The marks of files, as a record has them."""
    return base64.b64encode(b"".join(marks)).decode("ascii")


def read_deleting(
    path: Path, dir_fd: int | None = None, check: Check | None = None
) -> tuple[Deleting, frozenset[bytes]] | None:
    """The record at `path` and the marks in it; None where there is none that can be used.

    Args:
        path: Where it is.
        dir_fd: A descriptor of its directory, where that is open already.
        check: As for `read_record`.
    """
    with contextlib.suppress(ManifestError, Skipped, ValueError):
        found = read_record(path, Deleting, dir_fd=dir_fd, check=check)
        if found is not None:
            data = base64.b64decode(found[0].files, validate=True)
            return found[0], frozenset(data[at : at + MARK_BYTES] for at in range(0, len(data), MARK_BYTES))
    return None


def being_deleted(
    directory: Path, names: Iterable[str], dir_fd: int | None = None, check: Check | None = None
) -> set[str]:
    """Those of the files of a directory that are being deleted, as its records say; quick where it has no record.

    Args:
        directory: The directory.
        names: The names in it, of which each that could be a frame is asked for where there is a record.
        dir_fd: A descriptor of it, where it is open already.
        check: As for `read_record`: whose records count. Default: everybody's.
    """
    names = list(names)
    marks: set[bytes] = set()
    for name in names:
        if name.endswith(SUFFIX) and (found := read_deleting(directory / name, dir_fd, check)) is not None:
            marks |= found[1]
    left = set()
    for name in names if marks else ():
        with contextlib.suppress(OSError):
            path = name if dir_fd is not None else directory / name
            if mark(name, os.stat(path, dir_fd=dir_fd, follow_symlinks=False)) in marks:
                left.add(name)
    return left
