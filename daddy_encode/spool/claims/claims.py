"""Taking the claim on a job, keeping it, giving it up."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
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
    open_or_make_directory,
    read_marker,
    remove_empty,
    remove_gone,
    remove_slurm_record,
    share_directory,
    what_is_in_the_way,
    write_marker,
)
from daddy_encode.spool.claims.heartbeat import Heartbeat
from daddy_encode.spool.claims.marker import MAX_LEASE_SECONDS, Marker, host_name
from daddy_encode.spool.held_file import by_descriptor, opened_directory
from daddy_encode.spool.orphans import remove_orphans
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported

log = logging.getLogger(__name__)

# What has the name of a `.daddy-encode` is closed to this user, or no directory.
_CLOSED = (errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP)
# How another's lease looked (times, inode), and since when, by the clock that all processes of a machine share.
Seen = tuple[tuple[int, int, int], float]


class Claims:
    """The claims of one encoder.

    It remembers since when each lease of another has looked the same: only who has watched a dead holder's lease for
    its whole duration, by its own clock, may take it.

    Attributes:
        seconds: The duration of a lease.
    """

    def __init__(
        self, seconds: float, is_trusted: Callable[[int], bool] = lambda uid: False, tmp_dir: Path | None = None
    ) -> None:
        """Claim nothing yet.

        Args:
            seconds: The duration of a lease, the same for every encoder of a spool.
            is_trusted: Whether the leases of a user, by number, are respected; this user's and root's always are.
                Default: nobody else's.
            tmp_dir: Where temporary files are; None (default): beside the outputs.
        """
        self._tmp_dir = tmp_dir
        self.seconds = min(seconds, MAX_LEASE_SECONDS)
        self._is_trusted = is_trusted
        self._seen: dict[JobPaths, Seen] = {}
        self._lock = threading.Lock()
        self._heartbeat = Heartbeat(self.seconds / 3)
        # The directories of outputs in which that of the claims has the right mode.
        self._shared: set[Path] = set()
        # The leases, and their directories, of which was said that they are in the way.
        self._unclaimed: set[Path] = set()

    @contextlib.contextmanager
    def hold(self, paths: JobPaths, on_lost: Callable[[], None]) -> Iterator[Claim]:
        """Hold the claim on a job for the length of the block; one attempt, no waiting.

        What a dead holder left half-made is removed before its lease is. What has the name of the lease and is no lease
        of a user who is trusted is taken away. Where it cannot be (in a folder with the sticky bit), or the
        `.daddy-encode` is closed to this user or no directory, the block runs without a claim: then another encoder may
        do the same work.

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
        claim = self._take(paths, on_lost)
        try:
            with contextlib.suppress(SpoolError):
                claim.record_slurm_job()
            # What the last holder has published is found from here on: a client of NFS that was told before that it was
            # not there says so again until the directory is opened.
            with contextlib.suppress(DaddyEncodeError, OSError), opened_directory(paths.base.parent, paths.top):
                pass
            yield claim
        finally:
            self._give_up(claim, paths)

    def sweep(self, paths: JobPaths) -> None:
        """Take away the lease of a dead encoder, and what it left half-made, from a job that is done; never raises.

        Here a lease is dead, too, that is older than its duration by the file system's clock: nobody need wait for it,
        and nothing is lost where that clock is wrong.
        """
        with contextlib.suppress(DaddyEncodeError):
            self._give_up(self._take(paths, lambda: None, is_done=True), paths)

    def seen(self, paths: JobPaths) -> Seen | None:
        """What is remembered of another's lease of a job."""
        with self._lock:
            return self._seen.get(paths)

    def remember(self, paths: JobPaths, seen: Seen | None) -> None:
        """Have it remembered, as another process of this encoder has seen it; None: nothing."""
        with self._lock:
            self._seen.pop(paths, None)
            if seen is not None:
                self._seen[paths] = seen

    def kept(self) -> set[JobPaths]:
        """The jobs of which another's lease is remembered."""
        with self._lock:
            return set(self._seen)

    def keep_only(self, wanted: Collection[JobPaths]) -> None:
        """Forget the leases of jobs that are not `wanted` any more; what is held stays held."""
        with self._lock:
            for paths in self._seen.keys() - wanted:
                del self._seen[paths]

    def _remove_half_made(self, paths: JobPaths, holder: Marker) -> None:
        """Remove the files of a dead holder, by its name, while its lease still leads to them.

        Whoever gives up a claim has removed its own. Of several that find a dead lease one removes it, and another,
        that never saw it, may have the claim by then. Looking for the files costs a listing of all outputs.
        """
        maker = holder.shown_host(), holder.pid
        with (
            contextlib.suppress(DaddyEncodeError, OSError),
            opened_directory(paths.base.parent, paths.top) as directory,
        ):
            remove_orphans(by_descriptor(directory), paths.base.name, maker, self._trusts)
        if self._tmp_dir is not None:
            remove_orphans(self._tmp_dir, str(paths.base), maker, self._trusts)

    def _give_up(self, claim: Claim, paths: JobPaths) -> None:
        self._heartbeat.remove(claim)
        claim.release()
        with self._lock:
            self._seen.pop(paths, None)

    def _take(self, paths: JobPaths, on_lost: Callable[[], None], *, is_done: bool = False) -> Claim:
        """Take the claim, or raise as `hold` does."""
        if not os.path.isdir(paths.directory):
            # Otherwise the directories that lead to it would be made below the mount point of a spool that is away.
            raise TransientError(f"{paths.directory}: is not there now; was it renamed, or is its file system away?")
        path = lease_path(paths)
        with reported(path, "claim"), opened_directory(paths.base.parent, paths.top) as above:
            fault: OSError | None = None
            for _ in range(TRIES):
                try:
                    # An empty one may be removed before there is a lease in it.
                    with contextlib.suppress(FileNotFoundError):
                        return self._take_in(above, paths, on_lost, is_done)
                except OSError as error:
                    if error.errno not in _CLOSED:
                        raise
                    fault = error
                    # One that is closed to others, as a umask of an earlier version may have left it, goes while nobody
                    # uses it; another encoder may be about to make it anew.
                    remove_empty(above)
            if fault is not None:
                if (kind := what_is_in_the_way(above)) is None:
                    raise fault
                if not is_done:
                    self.say_unclaimed(path.parent, kind)
                return self._no_claim(above, path.name, on_lost)
        raise TransientError(f"cannot claim {path}: its directory is removed again and again; try again")

    def _take_in(self, above: int, paths: JobPaths, on_lost: Callable[[], None], is_done: bool) -> Claim:
        """As `_take`, in the directory of the outputs; raises an OSError of _CLOSED where there can be no claim."""
        directory, is_new = open_or_make_directory(above)
        try:
            path = paths.base.parent
            if is_new or path not in self._shared:
                with contextlib.suppress(OSError):
                    share_directory(directory, above)
                    remove_gone(directory, os.listdir(directory))
                self._shared.add(path)
            claim = self._try(directory, paths, on_lost, is_done)
        except BaseException:
            os.close(directory)
            raise
        if claim.is_held:
            self._heartbeat.add(claim)
        return claim

    def _no_claim(self, directory: int, name: str, on_lost: Callable[[], None]) -> Claim:
        marker = Marker(os.getpid(), host_name(), os.urandom(16).hex(), self.seconds)
        return Claim(os.dup(directory), name, marker, None, self._trusts, on_lost)

    def say_unclaimed(self, path: Path, reason: str) -> None:
        """Say, once, that there can be no claim where `path` is: a lease, or the directory of leases."""
        with self._lock:
            if path in self._unclaimed:
                return
            self._unclaimed.add(path)
        log.warning(
            "%s: is %s: encoding without a claim, so another encoder may do the same work", one_line(str(path)), reason
        )

    def _try(self, directory: int, paths: JobPaths, on_lost: Callable[[], None], is_done: bool) -> Claim:
        name, found, is_passing = lease_path(paths).name, False, False
        marker = Marker(os.getpid(), host_name(), os.urandom(16).hex(), self.seconds)
        for _ in range(TRIES):
            try:
                descriptor = write_marker(directory, name, marker)
            except FileExistsError:
                judged = self._judge(directory, name, paths, is_done)
                is_passing = judged is None
                if judged is None:
                    continue
                status, holder = judged
                if holder is not None and self._trusts(status):
                    self._remove_half_made(paths, holder)
                if not clear(directory, name, status):
                    break
                found = True
            else:
                if found:
                    remove_slurm_record(directory, name)
                return Claim(directory, name, marker, descriptor, self._trusts, on_lost)
        if is_passing:
            # Somebody's, who gave it up before it could be read, or a file system that lags: no reason to do without.
            raise ClaimedError(f"{paths.job}: another encoder works on it")
        if not is_done:
            self.say_unclaimed(lease_path(paths), "another user's and cannot be taken away")
        return Claim(directory, name, marker, None, self._trusts, on_lost)

    def _judge(
        self, directory: int, name: str, paths: JobPaths, is_done: bool
    ) -> tuple[os.stat_result, Marker | None] | None:
        """What is at the name of a lease and should go, as `read_marker`; None where nothing is there any more.

        Raises:
            ClaimedError: It is that of another encoder, which may be alive.
            SettingsError: As before, and it has another duration.
        """
        found = read_marker(directory, name)
        if found is None:
            return None
        status, marker = found
        if not self._trusts(status) or (marker is not None and marker.is_dead()):
            return found
        # One that is killed before it has written it: who looks once would never see that end by their own clock.
        if status.st_size == 0 and file_age(directory, status) >= min(self.seconds, 10.0):
            return found
        longest = max(self.seconds, marker.seconds if marker is not None else 0.0)
        if self._unchanged_seconds(paths, status) >= longest:
            return found
        # No encoder has said so: nobody is there to keep it.
        is_capped = marker is not None and marker.seconds == MAX_LEASE_SECONDS != self.seconds
        if (is_done or is_capped) and file_age(directory, status) >= longest:
            return found
        job, who = paths.job, "another encoder"
        if marker is not None:
            who = describe(directory, name, status, marker)
            if marker.seconds != self.seconds and not is_capped:
                raise SettingsError(
                    f"{job}: {who} uses another lease; give every encoder of this spool the same --lease (it has "
                    f"{marker.seconds:g} s, this one {self.seconds:g} s)"
                )
        raise ClaimedError(f"{job}: {who} works on it")

    def _trusts(self, status: os.stat_result) -> bool:
        """Whether a file of this status can be the lease of an encoder that counts."""
        owner = status.st_uid
        return stat.S_ISREG(status.st_mode) and (owner in (0, os.geteuid()) or self._is_trusted(owner))

    def _unchanged_seconds(self, paths: JobPaths, status: os.stat_result) -> float:
        looks, now = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino), time.monotonic()
        with self._lock:
            before, since = self._seen.get(paths, (None, now))
            if before != looks:
                since = now
            self._seen[paths] = looks, since
        return now - since
