"""What a watcher remembers of one job between scans, and when that is not enough."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from daddy_encode.service.look import Beside, Listing
from daddy_encode.service.state import Seen, State
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.paths import JobPaths, Kind

# A file system whose times are coarse (1 or 2 s) can show two changes with one time. A listing counts as the last word
# on a time only when it was made this long after that time was first seen.
CALM_SECONDS = 3.0
# Between two tries of a job for which something was in the way: at first, and at most.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0


class Known:
    """A job as it was last seen. Times of the file system are compared with each other only; the others are ours."""

    __slots__ = (
        "calm",
        "changed_at",
        "complaint",
        "done_mtime_ns",
        "failed_as",
        "folders",
        "frames",
        "manifest_mtime_ns",
        "met_in",
        "mtime_ns",
        "next_try",
        "outputs",
        "seen",
        "state",
        "tries",
    )

    def __init__(self) -> None:
        # The number of the last scan that met it.
        self.met_in = 0
        self.mtime_ns = -1
        self.frames = 0
        self.folders: tuple[str, ...] = ()
        # When it last looked different, and whether it was listed so long after that that nothing can have escaped.
        self.changed_at = 0.0
        self.calm = False
        # None once it is done or has failed: twenty thousand finished jobs need not be remembered in full.
        self.seen: Seen | None = None
        self.state = State.WRITING
        # Of a job that is done: its videos. Of one that has failed: its manifest's time.
        self.outputs: frozenset[Kind] = frozenset()
        self.manifest_mtime_ns = 0
        # The directory's time for which an attempt found the job done, and that and the manifest's digest with which
        # one failed for good.
        self.done_mtime_ns = -1
        self.failed_as: tuple[int, str | None] | None = None
        self.tries = 0
        self.next_try = 0.0
        # What was last in the way, and has been said.
        self.complaint = ""

    def must_list(self, path: str, mtime_ns: int, around: Beside) -> bool:
        """Whether the job may look different from what is remembered; `mtime_ns`: its directory's time now."""
        if self.mtime_ns != mtime_ns or not self.calm:
            return True
        if self.state is State.DONE:
            # A video that somebody removed.
            name = os.path.basename(path)
            return around.names is not None and not all(f"{name}.{kind}" in around.names for kind in self.outputs)
        if self.state is State.FAILED:
            # A manifest that somebody corrected in place.
            return self.manifest_mtime_ns != _mtime_ns(os.path.join(path, MANIFEST_NAME))
        if self.state is State.CLAIMED:
            # Whoever worked on it has finished.
            return os.path.basename(path) not in around.claimed
        return self.state is State.WAITING

    def remember(self, listing: Listing, seen: Seen, now: float) -> None:
        """Keep what `listing` and the records show."""
        if (self.mtime_ns, self.frames) != (seen.mtime_ns, seen.frames):
            self.changed_at = now
        self.mtime_ns, self.frames = seen.mtime_ns, seen.frames
        self.calm = now >= self.changed_at + CALM_SECONDS
        self.folders = listing.folders
        self.seen = seen

    def finish(self, paths: JobPaths) -> None:
        """Forget what is of no use any more once the job is done or has failed."""
        assert self.seen is not None
        self.outputs = _shared(self.seen.outputs)
        self.manifest_mtime_ns = _mtime_ns(paths.manifest) if self.state is State.FAILED else 0
        self.seen = None

    def list_again(self) -> None:
        self.calm = False

    def put_off(self, now: float, *, back_off: bool) -> None:
        """Try again later: in the next scan, or with `back_off` each time after twice as long."""
        self.tries = self.tries + 1 if back_off else 0
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (self.tries - 1), LONGEST_PAUSE_SECONDS) if back_off else 0.0
        self.next_try = now + pause


@functools.cache
def _shared(outputs: frozenset[Kind]) -> frozenset[Kind]:
    """One object for all that are equal."""
    return outputs


def _mtime_ns(path: str | Path) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0
