"""How much of the disk a recording may take: free space and inodes, looked at as it goes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.publish import reported, write_new

# Unless told otherwise this part of the file system stays free, but never more than this much. A login node, a
# colleague's job and this run's own checkpoint still work then.
_RESERVED_PART = 100
_MOST_BYTES = 2**30
_MOST_FILES = 10_000
# Others fill the disk too: look again after this many seconds, however little was written here.
_LOOK_SECONDS = 1.0
# Or once this part of what was spare is used, so that one fast writer never runs past the limit between two looks.
_LOOK_PART = 4
# The largest block of common file systems: what a file may take beyond its bytes.
_BLOCK = 4096


class DiskBudget:
    """Refuses to write where less than a given amount would stay free. Any thread may ask."""

    def __init__(self, directory: Path, min_free: int | None = None) -> None:
        """Nothing is looked at yet.

        Args:
            directory: Names the file system.
            min_free: Bytes that stay free on it; None (default) is 1 % of it, at most 1 GiB; 0 never looks. Unless it
                is 0, 1 % of the inodes stay free too, at most 10 000.
        """
        self._directory = directory
        self._min_free = min_free
        self._lock = threading.Lock()
        # What may be written before the next look, and when that is due.
        self._bytes_left = self._files_left = 0
        self._next_look = 0.0

    def write(self, path: str, data: bytes) -> None:
        """Write `data` to `path`, a file that is not there yet; after an error there is none either.

        Raises SpoolError where the budget forbids it, OSError where the disk does.
        """
        self.spend(path, len(data))
        write_new(path, data)

    def spend(self, path: str, size: int, files: int = 1) -> None:
        """Account for `size` bytes in so many new files. Raises SpoolError, naming `path`, where that is too much.

        Looks at the file system itself (one statvfs) about once a second, more often near the limit.
        """
        if self._min_free == 0:
            return
        with self._lock:
            self._bytes_left -= size + _BLOCK
            self._files_left -= files
            if self._bytes_left < 0 or self._files_left < 0 or time.monotonic() >= self._next_look:
                self._look(path, size + _BLOCK, files)

    def _look(self, path: str, size: int, files: int) -> None:
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
        self._bytes_left = (free - keep) // _LOOK_PART
        # Some file systems make inodes as they need them, and say that they have none.
        keep_files = min(_MOST_FILES, disk.f_files // _RESERVED_PART)
        if disk.f_files and files and disk.f_favail - files < keep_files:
            raise SpoolError(
                f"cannot write {path}: {disk.f_favail} inodes are free on that file system and {keep_files} must stay "
                "free; remove files, or give min_free=0"
            )
        self._files_left = (disk.f_favail - keep_files) // _LOOK_PART if disk.f_files else 2**62
        self._next_look = time.monotonic() + _LOOK_SECONDS
