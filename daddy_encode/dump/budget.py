"""How much of the disk a recording may take: free space and inodes, looked at as it goes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import MutableSequence
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.publish import reported

# Unless told otherwise this part of the file system stays free, but never more than this much. A login node, a
# colleague's job and this run's own checkpoint still work then.
_RESERVED_PART = 100
_MOST_BYTES = 2**30
_MOST_FILES = 10_000
# Others fill the disk too: look again after this many ns, however little was written here.
_LOOK_EVERY = 10**9
# Or once this part of what was spare is used, so that one fast writer never runs past the limit between two looks.
_LOOK_PART = 4
# The largest block of common file systems: what a file may take beyond its bytes.
_BLOCK = 4096


class DiskBudget:
    """Refuses to write where less than a given amount would stay free. Any thread may ask.

    min_free: bytes that stay free on the file system of `directory`; None is 1 % of it, at most 1 GiB; 0 never looks.
    Unless it is 0, 1 % of the inodes stay free too, at most 10 000.
    state: three integers, zeros at first, in memory that several processes share who write there; None: only this one.
    """

    def __init__(
        self, directory: Path, min_free: int | None = None, state: MutableSequence[int] | memoryview | None = None
    ) -> None:
        self._directory = directory
        self._min_free = min_free
        self._lock = threading.Lock()
        # Bytes and files that may be written before the next look, and when that is due, in ns. Two processes may lose
        # a count between them; a quarter of what is spare leaves room for that.
        self._left: MutableSequence[int] | memoryview = [0, 0, 0] if state is None else state

    def spend(self, path: str, size: int) -> None:
        """Account for a new file of `size` bytes. Raises SpoolError, naming `path`, where it must not be written.

        Looks at the file system itself (one statvfs) about once a second, more often near the limit.
        """
        if self._min_free == 0:
            return
        with self._lock:
            self._left[0] -= size + _BLOCK
            self._left[1] -= 1
            if self._left[0] < 0 or self._left[1] < 0 or time.monotonic_ns() >= self._left[2]:
                self._look(path, size + _BLOCK)

    def _look(self, path: str, size: int) -> None:
        with reported(Path(path), "write"):
            disk = os.statvfs(self._directory)
        free = disk.f_bavail * disk.f_frsize
        keep = self._min_free
        if keep is None:
            keep = min(_MOST_BYTES, disk.f_blocks * disk.f_frsize // _RESERVED_PART)
        if free - size < keep:
            raise SpoolError(
                f"cannot write {path}: {free} bytes are free on that file system and {keep} must stay free (min_free); "
                "free space, or give a smaller min_free"
            )
        self._left[0] = (free - keep) // _LOOK_PART
        # Some file systems make inodes as they need them, and say that they have none.
        keep_files = min(_MOST_FILES, disk.f_files // _RESERVED_PART)
        if disk.f_files and disk.f_favail - 1 < keep_files:
            raise SpoolError(
                f"cannot write {path}: {disk.f_favail} inodes are free on that file system and {keep_files} must stay "
                "free; remove files, or give min_free=0"
            )
        self._left[1] = (disk.f_favail - keep_files) // _LOOK_PART if disk.f_files else 2**62
        self._left[2] = time.monotonic_ns() + _LOOK_EVERY
