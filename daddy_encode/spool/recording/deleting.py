"""`frames.deleting.json`: which files of a job are being deleted, written down before the first one goes.

As long as one of them is there, nobody makes a video of what is left: a job that has lost its first or last frames may
look whole. That holds of copies as well, and of files whose permissions have changed: what may be deleted is known by
its times too, what no video is made of by names and sizes alone.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from daddy_encode.errors import FrameError, ManifestError, Skipped
from daddy_encode.spool.frames import frame_sequence, is_frame_name
from daddy_encode.spool.paths import JobPaths, sequence_name
from daddy_encode.spool.records import Check, read_record
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD

SUFFIX = ".deleting.json"
# Of a file: its name and size, and in the other field its times as well.
MARK_BYTES = 6
# So many fit into a record that readers accept.
MOST_FILES = 250_000
_Digest = Annotated[str, Meta(max_length=64)]


class Deleting(Struct, frozen=True, kw_only=True):
    """What is being deleted.

    Attributes:
        version: Of this format: 1.
        receipt_sha256: Of the bytes of the receipt that was proved.
        files: The marks of the files, MARK_BYTES of each, one behind the other, in Base64.
        named: The same of their names and sizes alone. Default: not known.
    """

    version: int = 1
    receipt_sha256: _Digest
    files: str
    named: str = ""

    @staticmethod
    def of(receipt_sha256: str, files: Mapping[str, os.stat_result]) -> Deleting:
        """The record of these files, by their names, with the digest of the receipt that was proved."""
        marks = [mark(name, status) for name, status in files.items()]
        named = [mark_named(name, status) for name, status in files.items()]
        return Deleting(receipt_sha256=receipt_sha256, files=_pack(marks), named=_pack(named))

    @property
    def marks(self) -> frozenset[bytes]:
        """Of its files, see `mark`."""
        return _unpack(self.files)


class Left(Struct, frozen=True):
    """What is left of files that are being deleted.

    Attributes:
        files: Those that are still the very files.
        changed: Those frames that have the name and the size of one, but other times, as a copy has.
        is_whole: Whether none is gone, by names and sizes.
        is_half: Whether what is there is what is left, of which no video is made.
    """

    files: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    is_whole: bool = False
    is_half: bool = False


def deleting_name(pattern: str | None) -> str:
    """The record's name in the job's directory; `pattern`: of the job's sequence, where it is one of several."""
    return f"frames{SUFFIX}" if pattern is None else f"frames.{sequence_name(pattern)}{SUFFIX}"


def mark(name: str, status: os.stat_result) -> bytes:
    """What a file is known by: a digest of its name, its size, and when it and its inode last changed."""
    return _digest(f"{name!r} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}")


def mark_named(name: str, status: os.stat_result) -> bytes:
    """What a file and its copies are known by: a digest of its name and its size."""
    return _digest(f"{name!r} {status.st_size}")


def read_deleting(path: Path, dir_fd: int | None = None, check: Check | None = None) -> Deleting | None:
    """The record at `path`; None where there is none that can be used.

    Args:
        path: Where it is.
        dir_fd: A descriptor of its directory, where that is open already.
        check: As for `read_record`.
    """
    with contextlib.suppress(ManifestError, Skipped, ValueError):
        found = read_record(path, Deleting, dir_fd=dir_fd, check=check)
        if found is not None:
            _unpack(found[0].files), _unpack(found[0].named)
            return found[0]
    return None


def what_is_left(
    paths: JobPaths, names: Iterable[str], dir_fd: int | None = None, check: Check | None = None
) -> Left | None:
    """What is left of the files of a job that are being deleted; None, and that quickly, where it has no such record.

    Args:
        paths: The job's names.
        names: Those in its directory, of which each that could be a frame is asked for where there is a record.
        dir_fd: A descriptor of the directory, where it is open already.
        check: As for `read_record`: whose records count. Default: everybody's.
    """
    names = list(names)
    # One of several sequences may have been a job with the others, and the other way round.
    wanted = None if paths.pattern is None else {deleting_name(paths.pattern), deleting_name(None)}
    there = [name for name in names if name.endswith(SUFFIX) and (wanted is None or name in wanted)]
    records = [found for name in there if (found := read_deleting(paths.directory / name, dir_fd, check)) is not None]
    if not records:
        return None
    marks = frozenset[bytes]().union(*(record.marks for record in records))
    known = frozenset[bytes]().union(*(_unpack(record.named) for record in records))
    statuses = {}
    for name in names:
        with contextlib.suppress(OSError):
            path = name if dir_fd is not None else paths.directory / name
            statuses[name] = os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    files = frozenset(name for name, status in statuses.items() if mark(name, status) in marks)
    frames = [name for name in _frames(paths, names) if name in statuses]
    named = [name for name in frames if mark_named(name, statuses[name]) in known]
    is_whole = known != frozenset() and known <= {mark_named(name, status) for name, status in statuses.items()}
    return Left(
        files=files,
        changed=frozenset(named).difference(files),
        is_whole=is_whole,
        # A new recording has a frame more, or one of another size.
        is_half=bool(files) or (not is_whole and bool(named) and len(named) == len(frames)),
    )


def is_half_deleted(
    paths: JobPaths, names: Iterable[str], dir_fd: int | None = None, check: Check | None = None
) -> bool:
    """Whether the frames of a job are those that are left of what is being deleted. The arguments: `what_is_left`."""
    left = what_is_left(paths, names, dir_fd, check)
    return left is not None and left.is_half


def _frames(paths: JobPaths, names: Iterable[str]) -> Iterable[str]:
    """The files that hold the job's frames."""
    try:
        frames: Iterable[str] = frame_sequence(names, str(paths.directory), paths.pattern).names
    except FrameError:
        frames = [name for name in names if is_frame_name(name)]
    return frames or [name for name in (FRAMES_TAR, FRAMES_MKV, PACK_RECORD) if name in names]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=MARK_BYTES).digest()


def _pack(marks: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(marks)).decode("ascii")


def _unpack(text: str) -> frozenset[bytes]:
    data = base64.b64decode(text, validate=True)
    return frozenset(data[at : at + MARK_BYTES] for at in range(0, len(data), MARK_BYTES))
