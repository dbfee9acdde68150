"""The frames in a `frames.tar`, read where they lie in it, as if each were a file beside it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from daddy_encode.encoding.png.parse import PngFault
from daddy_encode.encoding.png.read import read_png
from daddy_encode.errors import DaddyEncodeError, FrameError, TransientError
from daddy_encode.spool.held_file import SAFELY, kind_of
from daddy_encode.spool.stored.names import FRAMES_TAR
from daddy_encode.spool.stored.tar import TarFault
from daddy_encode.spool.stored.tar_index import TarIndex, read_index
from daddy_encode.spool.transient import TRANSIENT


class TarFrames:
    """The PNGs of an archive that is held open.

    Attributes:
        file: Its name.
        path: Of the archive.
        names: Of the PNGs in it.
        mtime_ns: When it was last written to before it was indexed.
    """

    file = FRAMES_TAR

    def __init__(self, path: Path, directory: int, check_owner: Callable[[os.stat_result, Path], None]) -> None:
        """Open and index the archive.

        Args:
            path: Its path, for messages.
            directory: A descriptor of the directory that it is in.
            check_owner: Raises Skipped where a file of that status and path should not be used.

        Raises:
            FrameError: It is no archive, or holds what no archive of frames has; a TransientError where that may pass.
            Skipped: It belongs to a user who is not trusted.
        """
        self.path = path
        self._descriptor = -1
        try:
            # Before it is opened, since opening some devices has effects.
            _check_regular(os.stat(FRAMES_TAR, dir_fd=directory, follow_symlinks=False), path)
            self._descriptor = os.open(FRAMES_TAR, os.O_RDONLY | SAFELY, dir_fd=directory)
            self._status = os.fstat(self._descriptor)
            _check_regular(self._status, path)
            check_owner(self._status, path)
            self._index = self._indexed()
        except OSError as error:
            self.close()
            raise _unreadable(path, error) from error
        except BaseException:
            self.close()
            raise
        self.names: Sequence[str] = list(self._index.entries)
        self.mtime_ns = self._status.st_mtime_ns

    def __contains__(self, name: str) -> bool:
        return name in self._index.entries

    def other_than(self, names: Collection[str]) -> str | None:
        """A file in the archive that is none of these; None where there is none."""
        return self._index.other or next((name for name in self.names if name not in names), None)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def is_current(self, directory: int) -> bool:
        """Whether the archive is in its place in `directory`, a descriptor, and as it was when it was indexed."""
        try:
            found = os.stat(FRAMES_TAR, dir_fd=directory, follow_symlinks=False)
        except OSError:
            return False
        return _identity(found) == _identity(self._status)

    def status(self, name: str) -> os.stat_result:
        """The status of an entry: its own size, all else the archive's."""
        status = self._status
        times = {"st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}
        return os.stat_result((*status[:6], self._index.entries[name][1], *status[7:10]), times)

    def read(self, name: str, max_pixels: int, most: int | None = None) -> tuple[bytes, int]:
        """The bytes of an entry, and how many were left unread; see `read_png`.

        Raises:
            PngFault: The archive ends before it does, or as there.
            OSError: It cannot be read.
        """
        begin, size = self._index.entries[name]
        there = max(0, self._status.st_size - begin)
        if name == self._index.cut and most is None:
            of_it = f"after {there} of its {size} bytes" if size else "within its header"
            raise PngFault(f"is cut off: {FRAMES_TAR} ends {of_it}")
        return read_png(self._descriptor, begin, min(there, size), max_pixels, most, is_last=False)

    def _indexed(self) -> TarIndex:
        try:
            return read_index(self._descriptor, self._status.st_size)
        except TarFault as fault:
            if _identity(os.fstat(self._descriptor)) != _identity(self._status):
                raise TransientError(f"{self.path}: is being written; run again when its rollout has ended") from fault
            raise FrameError(f"{self.path}: {fault}; nothing of it is read; {fault.advice}") from fault


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _check_regular(status: os.stat_result, path: Path) -> None:
    kind = kind_of(status.st_mode)
    if kind != "file":
        raise FrameError(f"{path}: is a {kind}, not a regular file; put the archive itself in its place, or remove it")


def _unreadable(path: Path, error: OSError) -> DaddyEncodeError:
    if error.errno == errno.ENOENT or error.errno in TRANSIENT:
        return TransientError(f"{path}: was listed, but cannot be read: {error.strerror}; run again")
    return FrameError(f"{path}: cannot be read: {error.strerror}; is it yours?")
