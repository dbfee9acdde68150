"""The directory `.daddy-encode` and what is in it: opened without following a link, reached by its descriptor."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from daddy_encode.errors import TransientError, one_line
from daddy_encode.spool.claims.marker import MAX_MARKER_BYTES, Marker, parse_marker
from daddy_encode.spool.held_file import NEW, SAFELY, by_descriptor, kind_of, opened_directory
from daddy_encode.spool.orphans import TEMP_PREFIX, remove_orphans
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.slurm_process import read_slurm_process

DIRECTORY = ".daddy-encode"
SUFFIX = ".lease"
# Beside a lease, while its holder runs under Slurm.
SLURM_SUFFIX = ".slurm.json"
# Of something that was moved out of a lease's way, and is being removed.
_GONE_PREFIX = "gone-"
_GONE = re.compile("gone-[0-9a-f]{16}")
# All that is ever in a `.daddy-encode`.
_OURS = re.compile(
    rf".*(\.lease|\.slurm\.json)|gone-[0-9a-f]{{16}}|slurm(-[0-9]+)?|{re.escape(TEMP_PREFIX)}.*", re.DOTALL
)


def lease_path(paths: JobPaths) -> Path:
    """Where the lease of a job is."""
    return paths.base.parent / DIRECTORY / (paths.base.name + SUFFIX)


def slurm_name(lease_name: str) -> str:
    """The name of the Slurm record beside a lease."""
    return lease_name.removesuffix(SUFFIX) + SLURM_SUFFIX


def open_directory(path: Path | str, above: int | None = None) -> int:
    """A descriptor of a `.daddy-encode` that is there.

    Raises:
        OSError: It cannot be opened, or is not a directory, such as a link to one.
    """
    # With `above`, the descriptor of a directory, `path` is a name in that.
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)


@contextlib.contextmanager
def opened(path: Path | str, above: int | None = None) -> Iterator[int]:
    """As `open_directory`, closed at the end of the block."""
    directory = open_directory(path, above)
    try:
        yield directory
    finally:
        os.close(directory)


def remove_slurm_record(directory: int, name: str) -> None:
    """Remove what the dead holder of the lease `name` has left beside it."""
    with contextlib.suppress(OSError):
        os.unlink(slurm_name(name), dir_fd=directory)
    remove_orphans(by_descriptor(directory), name)


def open_or_make_directory(above: int) -> tuple[int, bool]:
    """Open the `.daddy-encode` in the directory `above`, which is made where there is none; whether it was.

    Raises:
        OSError: It cannot be opened or made; ENOENT where it was removed at once.
    """
    try:
        return open_directory(DIRECTORY, above), False
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(DIRECTORY, dir_fd=above)
        return open_directory(DIRECTORY, above), True


def share_directory(directory: int, above: int) -> None:
    """Let everybody who may write to the folder that it is in write to a `.daddy-encode` of ours as well.

    Whatever the umask: whoever may write videos there has to be able to claim. In a group's folder it is the group's.
    One that holds anything else than claims is left as it is: others may have given this name to a private directory.
    """
    own, folder = os.fstat(directory), os.fstat(above)
    bits = stat.S_IMODE(folder.st_mode) & ~stat.S_ISUID
    if own.st_uid != os.geteuid() or not bits & 0o022 or not all(map(_OURS.fullmatch, os.listdir(directory))):
        return
    with contextlib.suppress(OSError):
        if own.st_gid != folder.st_gid:
            try:
                os.fchown(directory, -1, folder.st_gid)
            except PermissionError:
                bits &= ~(stat.S_IRWXG | stat.S_ISGID)
        mode = stat.S_IMODE(own.st_mode) | bits
        if mode != stat.S_IMODE(os.fstat(directory).st_mode):
            os.fchmod(directory, mode)


def remove_empty(above: int) -> None:
    """Remove the `.daddy-encode` in the directory `above`, if it has nothing in it."""
    with contextlib.suppress(OSError):
        os.rmdir(DIRECTORY, dir_fd=above)


def what_is_in_the_way(above: int) -> str | None:
    """What is at the name `.daddy-encode` in the directory `above`, for people; None where nothing is."""
    try:
        status = os.stat(DIRECTORY, dir_fd=above, follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return f"the user {status.st_uid}'s and closed to you; have it removed, or made writable for you (chmod g+rwx)"
    return f"a {kind_of(status.st_mode)}, not a directory; remove it"


def write_marker(directory: int, name: str, marker: Marker) -> int:
    """Make the file of a lease, and return a descriptor of it.

    Raises:
        FileExistsError: Something has its name.
        OSError: It cannot be made.
    """
    descriptor = os.open(name, os.O_WRONLY | NEW, 0o666, dir_fd=directory)
    try:
        os.write(descriptor, marker.text())
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=directory)
        raise
    return descriptor


def read_marker(directory: int, name: str) -> tuple[os.stat_result, Marker | None] | None:
    """What is at the name of a lease.

    Returns:
        The status of what is there, and what it says where it is the file of a lease that can be read; None where there
        is nothing.

    Raises:
        OSError: The file system does not answer.
    """
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return status, None
        # A FIFO may have taken its place meanwhile.
        descriptor = os.open(name, os.O_RDONLY | SAFELY, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO):
            return status, None
        raise
    try:
        status = os.fstat(descriptor)
        data = os.read(descriptor, MAX_MARKER_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(descriptor)
    return status, parse_marker(data)


def clear(directory: int, name: str, judged: os.stat_result) -> bool:
    """Take away what is at the name of a lease.

    It is moved first, and then looked at once more: what another encoder has put there meanwhile is put back.

    Args:
        directory: The `.daddy-encode`.
        name: Of the lease.
        judged: The status of what should go.

    Returns:
        Whether the name is free, or somebody else's new lease is there. False: in a folder with the sticky bit, only
        the owner may take it away.
    """
    aside = _GONE_PREFIX + os.urandom(8).hex()
    try:
        os.rename(name, aside, src_dir_fd=directory, dst_dir_fd=directory)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    # Another encoder that clears as well may have removed it already.
    with contextlib.suppress(OSError):
        moved = os.stat(aside, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISREG(moved.st_mode) and not _is_same(moved, judged):
            # Not a rename: that would replace a third one.
            os.link(aside, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    remove_gone(directory, os.listdir(directory))
    return True


def remove_gone(directory: int, names: Iterable[str]) -> None:
    """Remove what was moved out of the way, also by others who were killed at that point.

    Args:
        directory: The `.daddy-encode`.
        names: What is in it.
    """
    for name in names:
        if _GONE.fullmatch(name):
            with contextlib.suppress(OSError):
                try:
                    os.unlink(name, dir_fd=directory)
                except IsADirectoryError:
                    os.rmdir(name, dir_fd=directory)


def file_age(directory: int, status: os.stat_result) -> float:
    """The seconds since a file in `directory` was last written, by the clock of its file system.

    Raises:
        OSError: No file can be made there.
    """
    name = _GONE_PREFIX + os.urandom(8).hex()
    descriptor = os.open(name, os.O_WRONLY | NEW, 0o666, dir_fd=directory)
    try:
        return os.fstat(descriptor).st_mtime - status.st_mtime
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return os.path.samestat(one, other) and one.st_mtime_ns == other.st_mtime_ns


def has_lease(paths: JobPaths) -> bool:
    """Whether something is at the name of a job's lease."""
    path = lease_path(paths)
    with contextlib.suppress(OSError), opened(path.parent) as directory:
        os.stat(path.name, dir_fd=directory, follow_symlinks=False)
        return True
    return False


def claimed_names(parent: Path, top: Path | None = None, *, tidy: bool = False) -> set[str]:
    """The names of the jobs that have a lease, alive or dead, and their outputs in `parent`.

    Args:
        parent: A directory that need not exist.
        top: As in `opened_directory`.
        tidy: Also remove what encoders that were killed have left, which is for encoders alone.
    """
    with (
        contextlib.suppress(OSError, TransientError),
        opened_directory(parent, top, make=False) as above,
        opened(DIRECTORY, above) as directory,
    ):
        names = os.listdir(directory)
        if tidy:
            remove_gone(directory, names)
        return {name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)}
    return set()


def holder(path: Path) -> str | None:
    """Who holds the lease at `path`, for people; None where nobody does, or it cannot be read."""
    with contextlib.suppress(OSError), opened(path.parent) as directory:
        found = read_marker(directory, path.name)
        if found is not None and found[1] is not None:
            text, uid = describe(directory, path.name, found[0], found[1]), found[0].st_uid
            return text if uid in (0, os.geteuid()) else f"{text}, user {uid}: counts only with --trust-owner"
    return None


def describe(directory: int, name: str, status: os.stat_result, marker: Marker) -> str:
    """The holder of a lease: host and process, the Slurm job where it is one, and how long it has been silent.

    That only where it is longer than the lease.
    """
    text = one_line(f"{marker.shown_host()}, process {marker.pid}")
    slurm = read_slurm_process(Path(slurm_name(name)), dir_fd=directory)
    # An earlier holder may have left it.
    if slurm is not None and slurm.pid == marker.pid:
        text += f", Slurm job {slurm.slurm_job_id}"
    silent = time.time() - status.st_mtime
    if silent > marker.seconds:
        text += f", silent for {silent:.0f} s"
    return text
