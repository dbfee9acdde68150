"""File system events: on a local file system they bring the next scan forward. They decide nothing."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daddy_encode.errors import one_line
from daddy_encode.spool.manifest import MANIFEST_NAME

log = logging.getLogger(__name__)

# inotify tells of changes made through this kernel; on these, other nodes make changes, too.
_NETWORK = (
    *("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs"),
    *("ceph", "fuse", "9p", "afs", "glusterfs", "orangefs", "pvfs", "panfs", "weka", "virtiofs", "vboxsf"),
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
    """Call `wake` when a manifest or a directory appears below `root`, if it is on a local file system; return what
    ends that.

    None where no events come: a network file system, or one without inotify, or too many folders for it.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as stream:
        kind = file_system(Path(os.path.realpath(root)), stream.read())
    if is_network(kind):
        return None
    from watchdog.events import DirCreatedEvent, DirMovedEvent, FileMovedEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    # What watchdog says of folders made fast, and of lost events, is nothing that a user need act on: scans go on.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: Any) -> None:
            # A directory may have come whole, or its manifest before we watched it.
            if event.is_directory or os.path.basename(event.dest_path) == MANIFEST_NAME:
                wake()

    try:
        observer = Observer()
        # A manifest is published by a rename. Every byte written would be an event, too, but for this filter.
        wanted = [FileMovedEvent, DirMovedEvent, DirCreatedEvent]
        observer.schedule(Handler(), str(root), recursive=True, event_filter=wanted)
        observer.start()
    # watchdog walks the tree by recursion.
    except (OSError, RecursionError) as error:
        log.warning("no file system events for %s: %s; scans alone find new jobs", one_line(str(root)), error)
        return None

    def stop() -> None:
        observer.stop()
        observer.join()

    return stop
