"""A recording's `frames.tar`: frames are appended to it, and what a killed writer has left of one is cut off."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.frames import frame_name, frame_path
from daddy_encode.spool.held_file import NEW, SAFELY
from daddy_encode.spool.stored.names import FRAMES_TAR
from daddy_encode.spool.stored.tar import BLOCK, END_BYTES, TarFault, entry
from daddy_encode.spool.stored.tar_index import read_index


class TarStore:
    """An archive of all frames; they are added in their order, by one thread at a time.

    Each is written by one call where the archive ends. What says that it ends is written last: so no byte that somebody
    may have read changes, and an archive whose writer was killed ends with its last frame, or within it.
    """

    def __init__(self, directory: Path, budget: DiskBudget, *, keep_open: bool = True) -> None:
        self._directory = directory
        self._budget = budget
        self._keep_open = keep_open
        self._descriptor = -1
        # Which file it is, once it is made: device and inode.
        self._file: tuple[int, int] | None = None
        self._end = 0

    def add(self, index: int, png: bytes) -> None:
        """See FrameStore."""
        data = entry(frame_name(index), png, int(time.time()))
        self._budget.spend(frame_path(self._directory / FRAMES_TAR, index), len(data), files=int(self._file is None))
        try:
            descriptor = self._open()
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, memoryview(data)[written:], self._end + written)
            if not self._keep_open:
                # A network file system says here that the disk or quota is full.
                self._close()
        except BaseException:
            self._cut()
            raise
        self._end += len(data)

    def finish(self) -> None:
        """See FrameStore."""
        if self._end:
            try:
                # Zeros that take no room.
                os.ftruncate(self._open(), self._end + END_BYTES)
            finally:
                self._close()

    def _open(self) -> int:
        if self._descriptor < 0:
            flags = os.O_RDWR | SAFELY | (NEW if self._file is None else 0)
            descriptor = os.open(self._directory / FRAMES_TAR, flags, 0o666)
            status = os.fstat(descriptor)
            file = (status.st_dev, status.st_ino)
            if self._file not in (None, file):
                os.close(descriptor)
                raise _swapped(self._directory)
            self._descriptor, self._file = descriptor, file
        return self._descriptor

    def _cut(self) -> None:
        """Take away what there is of a frame that could not be written."""
        with contextlib.suppress(OSError, SpoolError):
            if self._file is not None:
                os.ftruncate(self._open(), self._end)
                if not self._end:
                    os.unlink(self._directory / FRAMES_TAR)
        with contextlib.suppress(OSError):
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def keep_whole_frames(directory: Path, frames: int) -> int:
    """Cut off what a killed writer has left of a further frame in an archive, and end it as an archive ends.

    Returns how many whole frames there are, at most `frames`. Raises SpoolError where it is not ours, OSError where it
    cannot be cut.
    """
    try:
        descriptor = os.open(directory / FRAMES_TAR, os.O_RDWR | SAFELY)
    except FileNotFoundError:
        return 0
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != os.geteuid():
            raise _swapped(directory)
        try:
            index = read_index(descriptor, status.st_size)
        except TarFault as fault:
            raise SpoolError(f"{directory / FRAMES_TAR}: {fault}") from fault
        whole = min(frames, len(index.entries) - (index.cut is not None))
        following = frame_name(whole)
        is_whole = following in index.entries and following != index.cut
        end = index.entries[following][0] - BLOCK if is_whole else index.end
        os.ftruncate(descriptor, end)
        os.ftruncate(descriptor, end + END_BYTES)
        return whole
    finally:
        os.close(descriptor)


def _swapped(directory: Path) -> SpoolError:
    path = directory / FRAMES_TAR
    return SpoolError(f"cannot write {path}: another file was put in its place; choose a directory that is yours")
