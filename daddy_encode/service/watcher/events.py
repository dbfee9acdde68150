"""File system events: on a local file system they bring the next scan forward. They decide nothing.

Of watchdog only its inotify calls are used. Its observer keeps a watch, and 0.6 kB, for every directory below a root,
the thousands of finished jobs among them; here a scan says which directories are worth watching. The calls are private
(`watchdog.observers.inotify_c`), so pyproject.toml bounds the version: tests/service/test_events.py fails where a
release has changed them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daddy_encode.errors import one_line
from daddy_encode.spool.manifest import MANIFEST_NAME

log = logging.getLogger(__name__)

# inotify reports changes made through this kernel; on these file systems other nodes make changes, too.
_NETWORK = (
    *("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs"),
    *("ceph", "fuse", "9p", "afs", "glusterfs", "orangefs", "pvfs", "panfs", "weka", "virtiofs", "vboxsf"),
)
# struct inotify_event of inotify(7), without its name: watch descriptor, mask, cookie, the name's length.
_EVENT = struct.Struct("iIII")


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system of `path`, from the text of /proc/self/mountinfo; "" where it is unknown."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields, _, after = line.partition(" - ")
        # Octal escapes for blanks and the like (proc(5)).
        point = fields.split()[4].encode("ascii", "replace").decode("unicode_escape")
        inside = point == "/" or str(path) == point or str(path).startswith(point + "/")
        # Of several mounts on one directory the last is seen.
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def is_network(kind: str) -> bool:
    """Whether other nodes may write to a file system of this type; an unknown one counts as such."""
    return not kind or kind.startswith(_NETWORK)


def start_events(root: Path) -> Events | None:
    """Events for directories below `root`; None on a network file system, and where inotify cannot be used."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as stream:
        kind = file_system(Path(os.path.realpath(root)), stream.read())
    if is_network(kind):
        return None
    try:
        return Events()
    except OSError as error:
        reason = error.strerror
    # A watchdog that keeps these calls elsewhere.
    except (ImportError, AttributeError) as error:
        reason = str(error)
    log.warning("no file system events for %s: %s; scans alone find new jobs", one_line(str(root)), reason)
    return None


class Events:
    """Watches directories, each from one scan to the next.

    Attributes:
        descriptor: Readable when an event has come.
    """

    def __init__(self) -> None:
        """Watch nothing yet.

        Raises:
            OSError: inotify cannot be used.
            ImportError: This watchdog does not have its calls where they are looked for.
            AttributeError: Nor under the names that are used.
        """
        from watchdog.observers import inotify_c

        # Any: they are the same in all its releases from 4 to 7, their types are not. All are looked up now, so that a
        # release that has changed them is noticed here.
        calls: Any = inotify_c
        flags = calls.InotifyConstants
        self._add_watch, self._remove_watch = calls.inotify_add_watch, calls.inotify_rm_watch
        self._job_mask: int = flags.IN_ONLYDIR | flags.IN_MOVED_TO
        self._other_mask: int = self._job_mask | flags.IN_CREATE
        self._is_directory: int = flags.IN_ISDIR
        self._is_overflow: int = flags.IN_Q_OVERFLOW
        self.descriptor: int = calls.inotify_init()
        if self.descriptor < 0:
            raise _os_error()
        os.set_blocking(self.descriptor, False)
        os.set_inheritable(self.descriptor, False)
        self._watched: set[int] = set()
        # Those of the current scan.
        self._wanted: set[int] = set()
        self._full = False

    def watch(self, path: str, *, is_job: bool) -> None:
        """Watch a directory until the next scan has ended. Before it is listed, so that no change escapes.

        Args:
            path: The directory.
            is_job: Frames are written to it, each of which would be an event: only what is renamed into it counts.
        """
        mask = self._job_mask if is_job else self._other_mask
        # The kernel recognizes a directory whatever its path is now, and returns the number that it has.
        number: int = self._add_watch(self.descriptor, os.fsencode(path), mask)
        if number >= 0:
            self._wanted.add(number)
        elif ctypes.get_errno() == errno.ENOSPC and not self._full:
            self._full = True
            log.warning(
                "file system events for %d directories only (fs.inotify.max_user_watches); "
                "scans alone find new jobs in others",
                len(self._watched | self._wanted),
            )

    def end_scan(self) -> None:
        """Stop watching what the scan that has ended did not ask for."""
        for number in self._watched - self._wanted:
            # It fails where the directory is gone, and its watch with it.
            self._remove_watch(self.descriptor, number)
        self._watched, self._wanted = self._wanted, set()

    def read(self) -> bool:
        """Read the events that have come.

        Returns:
            Whether one asks for a scan: a manifest has come, or a directory, which may have come with all it holds.
        """
        found = False
        for mask, name in self._pending():
            if mask & self._is_directory:
                found |= not name.startswith(b".")
            else:
                found |= name == MANIFEST_NAME.encode() or bool(mask & self._is_overflow)
        return found

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.descriptor)

    def _pending(self) -> Iterator[tuple[int, bytes]]:
        """The mask and the name of each event that has come and has not been read."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.descriptor, 65_536):
                at = 0
                while at < len(data):
                    _, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size + length
                    yield mask, data[at - length : at].rstrip(b"\0")


def _os_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
