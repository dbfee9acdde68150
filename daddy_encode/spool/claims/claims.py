"""Taking the claim on a job, keeping it, giving it up."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from daddy_encode.errors import ClaimedError, DaddyEncodeError, SettingsError, SpoolError, TransientError, one_line
from daddy_encode.spool.claims.claim import TRIES, Claim
from daddy_encode.spool.claims.directory import (
    clear,
    describe,
    file_age,
    lease_path,
    make_directory,
    open_directory,
    read_marker,
    remove_gone,
    remove_slurm_record,
    share_directory,
    what_is_in_the_way,
    write_marker,
)
from daddy_encode.spool.claims.heartbeat import Heartbeat
from daddy_encode.spool.claims.marker import MAX_LEASE_SECONDS, Marker, host_name
from daddy_encode.spool.orphans import remove_orphans
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported

log = logging.getLogger(__name__)


def _is_own(uid: int) -> bool:
    return uid == os.geteuid()


class Claims:
    """The claims of one encoder.

    It remembers since when each lease of another has looked the same: only who has watched a dead holder's lease for
    its whole duration, by its own clock, may take it.
    """

    def __init__(
        self, seconds: float, is_trusted: Callable[[int], bool] = _is_own, tmp_dir: Path | None = None
    ) -> None:
        """Claim nothing yet.

        Args:
            seconds: The duration of a lease, the same for every encoder of a spool.
            is_trusted: Whether the leases of a user, by number, are respected; root's always are. Default: this user's.
            tmp_dir: Where temporary files are; None (default): beside the outputs.
        """
        self._tmp_dir = tmp_dir
        self._seconds = min(seconds, MAX_LEASE_SECONDS)
        self._is_trusted = is_trusted
        self._seen: dict[JobPaths, tuple[tuple[int, int, int], float]] = {}
        self._lock = threading.Lock()
        self._heartbeat = Heartbeat(self._seconds / 3)
        # The directories whose mode is right.
        self._shared: set[Path] = set()
        # The jobs of which was said that there is no claim on them.
        self._unclaimed: set[JobPaths] = set()

    @contextlib.contextmanager
    def hold(self, paths: JobPaths, on_lost: Callable[[], None]) -> Iterator[Claim]:
        """Hold the claim on a job for the length of the block; one attempt, no waiting.

        What an earlier holder left half-made is removed first. What has the name of the lease and is no lease of a user
        who is trusted is taken away. Where it cannot be (in a folder with the sticky bit), the block runs without a
        claim: then another encoder may do the same work.

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
        claim, found = self._take(paths, on_lost)
        try:
            with contextlib.suppress(SpoolError):
                claim.record_slurm_job()
            if found:
                self._remove_half_made(paths)
            yield claim
        finally:
            self._give_up(claim, paths)

    def sweep(self, paths: JobPaths) -> None:
        """Take away the lease of a dead encoder, and what it left half-made, from a job that is done; never raises.

        Here a lease is dead, too, that is older than its duration by the file system's clock: nobody need wait for it,
        and nothing is lost where that clock is wrong.
        """
        with contextlib.suppress(DaddyEncodeError):
            claim, found = self._take(paths, lambda: None, is_done=True)
            try:
                if found:
                    self._remove_half_made(paths)
            finally:
                self._give_up(claim, paths)

    def kept(self) -> set[JobPaths]:
        """The jobs of which another's lease is remembered."""
        with self._lock:
            return set(self._seen)

    def keep_only(self, wanted: Collection[JobPaths]) -> None:
        """Forget the leases of jobs that are not `wanted` any more; what is held stays held."""
        with self._lock:
            for paths in self._seen.keys() - wanted:
                del self._seen[paths]

    def _remove_half_made(self, paths: JobPaths) -> None:
        """Remove a dead holder's files: whoever gives up a claim has removed its own.

        Looking for them costs a listing of all outputs.
        """
        remove_orphans(paths.base.parent, paths.base.name, self._trusts)
        if self._tmp_dir is not None:
            remove_orphans(self._tmp_dir, str(paths.base), self._trusts)

    def _give_up(self, claim: Claim, paths: JobPaths) -> None:
        self._heartbeat.remove(claim)
        claim.release()
        with self._lock:
            self._seen.pop(paths, None)

    def _take(self, paths: JobPaths, on_lost: Callable[[], None], *, is_done: bool = False) -> tuple[Claim, bool]:
        """Take the claim, or raise as `hold` does; also return whether there was another's, which is gone."""
        if not os.path.isdir(paths.directory):
            # Otherwise the directories that lead to it would be made below the mount point of a spool that is away.
            raise TransientError(f"{paths.directory}: is not there now; was it renamed, or is its file system away?")
        path = lease_path(paths)
        with reported(path, "claim"):
            for _ in range(TRIES):
                directory = self._open(path)
                try:
                    # An empty one may be removed before there is a lease in it.
                    with contextlib.suppress(FileNotFoundError):
                        claim, found = self._try(directory, paths, on_lost, is_done)
                        if claim.is_held:
                            self._heartbeat.add(claim)
                        return claim, found
                except PermissionError as error:
                    os.close(directory)
                    # One that an earlier version of this program has made may be closed to others: it goes while nobody
                    # uses it.
                    if (owner := _remove_empty(path.parent)) is not None:
                        raise SpoolError(
                            f"cannot claim {path}: {error.strerror}: {path.parent.name} there belongs to the user "
                            f"{owner}; have it removed, or made writable for you (chmod g+w)"
                        ) from error
                except BaseException:
                    os.close(directory)
                    raise
                else:
                    os.close(directory)
        raise TransientError(f"cannot claim {path}: its directory is removed again and again; try again")

    def _open(self, lease: Path) -> int:
        """A descriptor of the directory of a lease, which is made where there is none."""
        path = lease.parent
        try:
            try:
                directory = open_directory(path)
            except FileNotFoundError:
                directory = make_directory(path)
                self._shared.discard(path)
        except OSError as error:
            if (kind := what_is_in_the_way(path)) is None:
                raise
            raise SpoolError(f"cannot claim {lease}: {path.name} is {kind}, not a directory; remove it") from error
        if path not in self._shared:
            with contextlib.suppress(OSError):
                share_directory(directory, path)
                remove_gone(directory, os.listdir(directory))
            self._shared.add(path)
        return directory

    def _try(self, directory: int, paths: JobPaths, on_lost: Callable[[], None], is_done: bool) -> tuple[Claim, bool]:
        name, found = lease_path(paths).name, False
        marker = Marker(os.getpid(), host_name(), secrets.token_hex(16), self._seconds)
        for _ in range(TRIES):
            try:
                descriptor = write_marker(directory, name, marker)
            except FileExistsError:
                judged = self._judge(directory, name, paths, is_done)
                if judged is not None and not clear(directory, name, judged):
                    break
                found |= judged is not None
            else:
                if found:
                    remove_slurm_record(directory, name)
                return Claim(directory, name, marker, descriptor, self._trusts, on_lost), found
        if paths not in self._unclaimed:
            self._unclaimed.add(paths)
            log.warning(
                "%s: something of another user's is in the way and cannot be taken away: encoding without a claim, so "
                "another encoder may do the same work",
                one_line(str(lease_path(paths))),
            )
        return Claim(directory, name, marker, None, self._trusts, on_lost), False

    def _judge(self, directory: int, name: str, paths: JobPaths, is_done: bool) -> os.stat_result | None:
        """The status of what is at the name of a lease and should go; None where nothing is there any more.

        Raises:
            ClaimedError: It is that of another encoder, which may be alive.
            SettingsError: As before, and it has another duration.
        """
        found = read_marker(directory, name)
        if found is None:
            return None
        status, marker = found
        if not self._trusts(status) or (marker is not None and marker.is_dead()):
            return status
        # By our own clock. The file of another duration, or one that says nothing, as well.
        longest = max(self._seconds, marker.seconds if marker is not None else 0.0)
        if self._unchanged_seconds(paths, status) >= longest:
            return status
        if is_done and file_age(directory, status) >= longest:
            return status
        job, who = paths.directory, "another encoder"
        if marker is not None:
            who = describe(directory, name, status, marker)
            if marker.seconds != self._seconds:
                raise SettingsError(
                    f"{job}: {who} uses another lease; give every encoder of this spool the same --lease (it has "
                    f"{marker.seconds:g} s, this one {self._seconds:g} s)"
                )
        raise ClaimedError(f"{job}: {who} works on it")

    def _trusts(self, status: os.stat_result) -> bool:
        """Whether a file of this status can be the lease of an encoder that counts."""
        owner = status.st_uid
        return stat.S_ISREG(status.st_mode) and (owner == 0 or _is_own(owner) or self._is_trusted(owner))

    def _unchanged_seconds(self, paths: JobPaths, status: os.stat_result) -> float:
        looks, now = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino), time.monotonic()
        with self._lock:
            before, since = self._seen.get(paths, (None, now))
            if before != looks:
                since = now
            self._seen[paths] = looks, since
        return now - since


def _remove_empty(path: Path) -> int | None:
    """Remove a directory that has nothing in it; return the number of the user whose it is, where that is refused."""
    owner = None
    with contextlib.suppress(OSError):
        owner = os.lstat(path).st_uid
        os.rmdir(path)
        return None
    return owner
