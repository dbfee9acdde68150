"""Claims: which encoder works on a job. A hint that saves work, not a lock: safety comes from how files are published.

The lease's file is in a directory `.daddy-encode` beside the outputs, so that encoders agree on it whatever part of the
spool each was given.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.errors import ClaimedError, SettingsError, SpoolError, TransientError, one_line
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import remove_orphans, reported
from daddy_encode.spool.slurm_process import read_slurm_process, write_slurm_process

if TYPE_CHECKING:
    from filelock import LeaseCompromise, SoftFileLease

DIRECTORY = ".daddy-encode"
SUFFIX = ".lease"
# Beside a lease, while its holder runs under Slurm.
SLURM_SUFFIX = ".slurm.json"


class Claims:
    """The claims of one encoder.

    A lease object is kept between attempts: only one that has watched a dead holder's marker for the whole duration
    by its own clock may take it.
    """

    def __init__(self, seconds: float) -> None:
        """Claim nothing yet.

        Args:
            seconds: The duration of a lease, the same for every encoder of a spool.
        """
        self._seconds = seconds
        self._claims: dict[JobPaths, Claim] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def hold(self, paths: JobPaths, on_lost: Callable[[], None]) -> Iterator[Claim]:
        """Hold the claim on a job for the length of the block; one attempt, no waiting.

        What an earlier holder left half-made is removed first.

        Args:
            paths: The job's names.
            on_lost: Called, from another thread, when the claim is lost: the work should end.

        Yields:
            The claim.

        Raises:
            ClaimedError: Another encoder holds it; its text names the holder.
            SettingsError: The holder uses a lease of another duration.
            SpoolError: The claim cannot be written; a TransientError where that, or the job's directory, may come back.
        """
        with self._lock:
            claim = self._claims.setdefault(paths, Claim(paths, self._seconds))
        found = claim.acquire(on_lost)
        try:
            with contextlib.suppress(SpoolError):
                claim.record_slurm_job()
            if found:
                # A dead holder's: whoever gives up a claim has removed its own. Looking for them costs a listing of all
                # outputs.
                remove_orphans(paths.base.parent, paths.base.name)
            yield claim
        finally:
            claim.release()
            with self._lock:
                self._claims.pop(paths, None)

    def kept(self) -> set[JobPaths]:
        """The jobs whose lease objects are kept."""
        with self._lock:
            return set(self._claims)

    def keep_only(self, wanted: Collection[JobPaths]) -> None:
        """Drop the lease objects of jobs that are not `wanted` any more; what is held stays held."""
        with self._lock:
            for paths in self._claims.keys() - wanted:
                del self._claims[paths]


class Claim:
    """One lease, and what to call when it is lost: the callback of the lease itself is fixed when it is made."""

    def __init__(self, paths: JobPaths, seconds: float) -> None:
        from filelock import SoftFileLease

        self._paths = paths
        self._path = lease_path(paths)
        self._slurm_path = _slurm_path(self._path)
        self._has_slurm_record = False
        self._seconds = seconds
        # What another's marker looked like when it was last tried for, and since when.
        self._marker: tuple[int, int, int] | None = None
        self._marker_since = 0.0
        self._on_lost: Callable[[], None] = lambda: None
        self._lease: SoftFileLease = SoftFileLease(
            self._path,
            lease_duration=seconds,
            on_compromise=self._lost,
            # Claimed by one worker thread, later perhaps by another.
            thread_local=False,
        )

    def acquire(self, on_lost: Callable[[], None]) -> bool:
        """Take the claim, or raise as `Claims.hold` does; return whether there was another encoder's lease."""
        job, directory = self._paths.directory, self._path.parent
        if not os.path.isdir(job):
            # Otherwise the directories that lead to it would be made below the mount point of a spool that is away.
            raise TransientError(f"{job}: is not there now; was it renamed, or is its file system away?")
        self._on_lost = on_lost
        with reported(self._path, "claim"):
            os.makedirs(directory, exist_ok=True)
            found = os.path.lexists(self._path)
            try:
                self._try()
            except (ClaimedError, SettingsError):
                if not self._is_dead():
                    raise
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path)
                self._try()
        return found

    def _try(self) -> None:
        from filelock import LeaseSettingsMismatch, Timeout

        job = self._paths.directory
        try:
            self._lease.acquire(timeout=0)
        except Timeout as error:
            raise ClaimedError(f"{job}: {holder(self._path) or 'another encoder'} works on it") from error
        except LeaseSettingsMismatch as error:
            raise SettingsError(
                f"{job}: {holder(self._path) or 'another encoder'} uses another lease; "
                f"give every encoder of this spool the same --lease ({one_line(str(error))})"
            ) from error

    def _is_dead(self) -> bool:
        """Whether the marker has not changed for as long as its lease, by our own clock.

        filelock takes over such a lease only where the file system can exchange two names, which NFS, SMB and FUSE
        cannot, and never one of another duration. Two encoders that do so at once may both get the claim: that costs
        time only.
        """
        try:
            status = os.lstat(self._path)
        except FileNotFoundError:
            return True
        marker = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        now = time.monotonic()
        if self._marker != marker:
            self._marker, self._marker_since = marker, now
        owner = self._lease.owner
        theirs = owner.lease_duration if owner is not None else None
        return now - self._marker_since >= max(self._seconds, theirs or 0.0)

    def record_slurm_job(self) -> None:
        """Under Slurm, write down for `holder` which Slurm job this is."""
        self._has_slurm_record = write_slurm_process(self._slurm_path)

    def is_ours(self) -> bool:
        """Whether the claim, once taken, is still this process's."""
        owner = self._lease.owner
        return owner is not None and owner.token == self._lease.token

    def release(self) -> None:
        """Give the claim up, if it is still this process's."""
        self._on_lost = lambda: None
        if self._has_slurm_record and self.is_ours():
            with contextlib.suppress(OSError):
                os.unlink(self._slurm_path)
        with contextlib.suppress(OSError):
            self._lease.release()

    def _lost(self, compromise: LeaseCompromise) -> None:
        self._on_lost()


def lease_path(paths: JobPaths) -> Path:
    """Where the lease of a job is."""
    return paths.base.parent / DIRECTORY / (paths.base.name + SUFFIX)


def _slurm_path(lease: Path) -> Path:
    return lease.with_name(lease.name.removesuffix(SUFFIX) + SLURM_SUFFIX)


def holder(path: Path) -> str | None:
    """Who holds the lease at `path`, for people; None where nobody does, or it cannot be read.

    Host and process, the Slurm job where it is one, and how long it has given no sign of life where that is longer than
    the lease.
    """
    from filelock import SoftFileLease

    owner = SoftFileLease(path).owner
    if owner is None:
        return None
    # filelock adds the PID namespace, which tells people nothing.
    name = one_line(f"{owner.hostname.partition('?pidns-')[0]}, process {owner.pid}")
    slurm = read_slurm_process(_slurm_path(path))
    # An earlier holder may have left it.
    if slurm is not None and slurm.pid == owner.pid:
        name += f", Slurm job {slurm.slurm_job_id}"
    with contextlib.suppress(OSError):
        silent = time.time() - os.stat(path).st_mtime
        if owner.lease_duration is not None and silent > owner.lease_duration:
            name += f", silent for {silent:.0f} s"
    return name


def claimed_names(directory: Path) -> set[str]:
    """The names of the jobs that have a lease, alive or dead, and their outputs in `directory`."""
    with contextlib.suppress(OSError):
        return {name.removesuffix(SUFFIX) for name in os.listdir(directory / DIRECTORY) if name.endswith(SUFFIX)}
    return set()
