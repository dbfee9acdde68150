"""File system events: on a local file system they bring the next scan forward. They decide nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

# inotify tells of changes made through this kernel; on these, other nodes make changes, too.
_NETWORK = (
    *("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs"),
    *("ceph", "fuse", "9p", "afs", "glusterfs", "orangefs", "pvfs"),
)


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, from the text of /proc/self/mountinfo; "" where it is unknown."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields, _, after = line.partition(" - ")
        # Octal escapes for blanks and the like (proc(5)).
        point = fields.split()[4].encode("ascii", "replace").decode("unicode_escape")
        inside = point == "/" or str(path) == point or str(path).startswith(point + "/")
        # Of several mounts on one folder the last is seen.
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def is_network(kind: str) -> bool:
    """Whether other nodes may write to a file system of this type; an unknown one counts as such."""
    return not kind or kind.startswith(_NETWORK)


def start_events(root: Path, wake: Callable[[], None]) -> Callable[[], None] | None:
    """Call `wake` when a manifest appears below `root`, if it is on a local file system; return what ends that.

    None where no events come: a network file system, or one without inotify, or too many folders for it.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as stream:
        kind = file_system(Path(os.path.realpath(root)), stream.read())
    if is_network(kind):
        return None
    from watchdog.events import DirMovedEvent, FileMovedEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Handler(FileSystemEventHandler):
        def on_moved(self, event: Any) -> None:
            wake()

    observer = Observer()
    try:
        # A manifest is published by a rename. Every frame's creation would be an event, too, but for this filter.
        observer.schedule(Handler(), str(root), recursive=True, event_filter=[FileMovedEvent, DirMovedEvent])
        observer.start()
    except OSError as error:
        log.warning("no file system events for %s (%s); scans alone find new jobs", root, error.strerror)
        return None

    def stop() -> None:
        observer.stop()
        observer.join()

    return stop
