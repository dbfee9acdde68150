"""`annotations.jsonl`: line n says what the rollout said about frame n; not there until a frame has annotations."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.held_file import NEW, SAFELY
from daddy_encode.spool.manifest import ANNOTATIONS_NAME
from daddy_encode.spool.publish import reported

# Lines wait for this many bytes: one write for hundreds of frames.
_BLOCK_BYTES = 64 * 1024
_APPEND = os.O_WRONLY | os.O_APPEND | SAFELY


class Annotations:
    """The annotations of one directory. Whatever fails, the file holds whole lines only."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ANNOTATIONS_NAME
        # Lines that wait, and how many frames without annotations came before the first that has some.
        self._pending = bytearray()
        self._bare = 0
        # Which file it is, once it is made: device and inode.
        self._file: tuple[int, int] | None = None

    def add(self, line: bytes) -> None:
        """The next frame is on disk; `line`: its annotations as a JSON object, or nothing.

        Raises SpoolError as `flush` does, where there is enough for one write.
        """
        if line or self._file or self._pending:
            self._pending += b"{}\n" * self._bare + (line or b"{}") + b"\n"
            self._bare = 0
        else:
            self._bare += 1
        if len(self._pending) >= _BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises SpoolError where that fails; the file then ends where it did before."""
        if not self._pending:
            return
        lines, self._pending = self._pending, bytearray()
        with reported(self._path, "write"), open(self._open(), "ab", buffering=0) as stream:
            end = stream.tell()
            try:
                remaining = memoryview(lines)
                while remaining:
                    remaining = remaining[stream.write(remaining) :]
            except OSError:
                stream.truncate(end)
                raise

    def _open(self) -> int:
        """A descriptor of the file, made where it is not yet: none is kept for each of hundreds of recordings."""
        descriptor = os.open(self._path, _APPEND if self._file else _APPEND | NEW, 0o666)
        status = os.fstat(descriptor)
        file = (status.st_dev, status.st_ino)
        if self._file not in (None, file):
            os.close(descriptor)
            raise _swapped(self._path)
        self._file = file
        return descriptor


def keep_whole_lines(directory: Path) -> None:
    """Cut off a line that a killed writer has left unfinished. Raises SpoolError where the file cannot be cut."""
    path = directory / ANNOTATIONS_NAME
    with reported(path, "write"):
        try:
            descriptor = os.open(path, os.O_RDWR | SAFELY)
        except FileNotFoundError:
            return
        with open(descriptor, "r+b") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != os.geteuid():
                raise _swapped(path)
            stream.truncate(stream.read().rfind(b"\n") + 1)


def _swapped(path: Path) -> SpoolError:
    return SpoolError(f"cannot write {path}: another file was put in its place; choose a directory that is yours")
