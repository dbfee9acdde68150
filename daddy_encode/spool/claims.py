"""Claims: which encoder works on a job. A hint that saves work, not a lock: safety comes from how files are published.

The lease's file lies in a folder `.daddy-encode` beside the outputs, so that encoders agree on it whatever part of the
spool each was given.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.errors import ClaimedError, SettingsError, one_line
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import remove_orphans, reported

if TYPE_CHECKING:
    from filelock import LeaseCompromise, SoftFileLease

FOLDER = ".daddy-encode"
SUFFIX = ".lease"
# Longer than the 60 s for which NFS clients cache attributes by default, twice over: a heartbeat every 40 s is seen.
DEFAULT_SECONDS = 120.0


class Claims:
    """Leases of `seconds`, the same for every encoder of a spool.

    A lease object is kept between attempts: only one that has watched a dead holder's marker for the whole duration
    by its own clock may take it.
    """

    def __init__(self, seconds: float = DEFAULT_SECONDS) -> None:
        self.seconds = seconds
        self._contenders: dict[Path, _Contender] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def hold(self, paths: JobPaths, on_lost: Callable[[], None]) -> Iterator[None]:
        """Hold the claim on a job for the length of the block; one attempt, no waiting.

        `on_lost` is called, from another thread, when the claim is lost: the work should end. What an earlier holder
        left half-made is removed first.
        Raises ClaimedError, which names the holder; SettingsError where it uses another duration; SpoolError where
        the claim cannot be written.
        """
        from filelock import LeaseSettingsMismatch, Timeout

        path = lease_path(paths)
        with self._lock:
            contender = self._contenders.setdefault(path, _Contender(path, self.seconds))
        with reported(path, "claim"):
            os.makedirs(path.parent, exist_ok=True)
            try:
                contender.on_lost = on_lost
                contender.lease.acquire(timeout=0)
            except Timeout as error:
                raise ClaimedError(f"{paths.directory}: {holder(path) or 'another encoder'} works on it") from error
            except LeaseSettingsMismatch as error:
                raise SettingsError(
                    f"{paths.directory}: {holder(path) or 'another encoder'} uses another lease; "
                    f"give every encoder of this spool the same --lease ({one_line(str(error))})"
                ) from error
        try:
            remove_orphans(paths.base.parent, paths.base.name)
            yield
        finally:
            contender.on_lost = lambda: None
            with contextlib.suppress(OSError):
                contender.lease.release()
            self.forget(paths)

    def forget(self, paths: JobPaths) -> None:
        """Drop what is kept for a job that nobody needs to claim any more."""
        with self._lock:
            self._contenders.pop(lease_path(paths), None)


class _Contender:
    """One lease and whom to tell when it is lost: the callback of a lease itself is fixed when it is made."""

    def __init__(self, path: Path, seconds: float) -> None:
        from filelock import SoftFileLease

        self.on_lost: Callable[[], None] = lambda: None
        self.lease: SoftFileLease = SoftFileLease(
            path,
            lease_duration=seconds,
            on_compromise=self._lost,
            # Claimed by one worker thread, later perhaps by another.
            thread_local=False,
        )

    def _lost(self, compromise: LeaseCompromise) -> None:
        self.on_lost()


def lease_path(paths: JobPaths) -> Path:
    """Where the lease of a job lies."""
    return paths.base.parent / FOLDER / (paths.base.name + SUFFIX)


def holder(path: Path) -> str | None:
    """Who holds the lease at `path`, as "HOST, process PID"; None where nobody does, or it cannot be read."""
    from filelock import SoftFileLease

    owner = SoftFileLease(path).owner
    return None if owner is None else one_line(f"{owner.hostname}, process {owner.pid}")


def claimed_names(folder: Path) -> set[str]:
    """The names of the jobs in `folder` that have a lease, dead or alive."""
    with contextlib.suppress(OSError):
        return {name.removesuffix(SUFFIX) for name in os.listdir(folder / FOLDER) if name.endswith(SUFFIX)}
    return set()
