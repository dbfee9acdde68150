"""Atomic publish: a file that appears under its final name is whole and on disk."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError, SpoolError, TransientError
from daddy_encode.spool.held_file import NEW, HeldFile, opened_directory
from daddy_encode.spool.orphans import temp_name
from daddy_encode.spool.transient import TRANSIENT


@contextlib.contextmanager
def temp_file(
    directory: Path,
    owner: str = "",
    expected: os.stat_result | None = None,
    top: Path | None = None,
    *,
    make: bool = True,
) -> Iterator[HeldFile]:
    """Make `directory` and a new empty file in it; at the end of the block, remove the file if it is still there.

    The file is created with O_EXCL (never through a planted link) and the umask's mode.

    Args:
        directory: Where to make it.
        owner: What it is for, as in `temp_name`.
        expected: The status of the directory that is meant, where it is known: others may put a link at its name.
        top: As in `opened_directory`.
        make: As there.

    Yields:
        The file.

    Raises:
        SpoolError: It cannot be made; a TransientError where the directory is another one.
    """
    with contextlib.ExitStack() as stack:
        with reported(directory, "write to"):
            descriptor = stack.enter_context(opened_directory(directory, top, make=make))
            if expected is not None and not os.path.samestat(os.fstat(descriptor), expected):
                raise TransientError(f"cannot write to {directory}: another directory was put in its place; run again")
            temp = HeldFile(directory / temp_name(owner), owner, descriptor)
        stack.callback(temp.close)
        yield temp


@contextlib.contextmanager
def sibling_file(temp: HeldFile) -> Iterator[HeldFile]:
    """As `temp_file`: another file in the directory of `temp`, for the same owner; its block is inside that one's."""
    with reported(temp.path.parent, "write to"):
        sibling = temp.sibling(temp_name(temp.owner))
    try:
        yield sibling
    finally:
        sibling.close()


@contextlib.contextmanager
def flushed(
    temp: HeldFile,
    final: Path,
    owner: str = "",
    expected: os.stat_result | None = None,
    top: Path | None = None,
) -> Iterator[HeldFile]:
    """Flush `temp` to disk, so that giving it the name `final` is all that is left to do.

    Args:
        temp: The finished file.
        final: Its path from then on.
        owner: What it is for, as in `temp_name`, where it has to be copied.
        expected: As in `temp_file`, of the directory of `final`.
        top: As in `opened_directory`, of that directory.

    Yields:
        The file to rename: from another directory, which may be on another file system, a copy beside `final`.

    Raises:
        SpoolError: It cannot be written.
    """
    if temp.path.parent == final.parent:
        with reported(final, "write"):
            temp.flush()
        yield temp
        return
    with temp_file(final.parent, owner, expected, top) as beside:
        with reported(final, "write"):
            beside.copy_from(temp)
            beside.flush()
        yield beside


def check_can_rename(ready: HeldFile, final: Path) -> bool:
    """Whether `rename` will replace something. Raises SpoolError where it would for certain: a directory."""
    with reported(final, "write"):
        try:
            status = os.stat(final.name, dir_fd=ready.directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return True


def rename(ready: HeldFile, final: Path) -> None:
    """Give what `flushed` yields its final name, replacing what had that: a link itself, not its target.

    Raises:
        SpoolError: The system refuses; a TransientError where another file was put in its place.
    """
    with reported(final, "write"):
        ready.rename(final)


def publish(temp: HeldFile, final: Path) -> None:
    """`flushed` and `rename`; raises what these raise."""
    with flushed(temp, final) as ready:
        rename(ready, final)


def publish_bytes(
    data: bytes,
    final: Path,
    owner: str = "",
    expected: os.stat_result | None = None,
    top: Path | None = None,
    *,
    make: bool = True,
) -> None:
    """Write `data` under the name `final` atomically: temporary file, fsync, rename, fsync of the directory.

    Args:
        data: The bytes.
        final: Where they go.
        owner: As in `temp_file`.
        expected: As in `temp_file`.
        top: As in `opened_directory`.
        make: As there.

    Raises:
        SpoolError: It cannot be written.
    """
    with temp_file(final.parent, owner, expected, top, make=make) as temp:
        with reported(final, "write"):
            _write_all(temp.descriptor, data)
        publish(temp, final)


def write_new(path: str, data: bytes) -> None:
    """Write `data` to `path`, a file that is not there yet, without flushing it. After an OSError there is none either.

    Raises:
        OSError: Something is there already, or the disk refused.
    """
    # Never over another dump's frame.
    descriptor = os.open(path, os.O_WRONLY | NEW, 0o666)
    try:
        try:
            _write_all(descriptor, data)
        finally:
            # A network file system says here that the disk or quota is full.
            os.close(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


@contextlib.contextmanager
def reported(path: Path, verb: str) -> Iterator[None]:
    """Turn an OSError inside the block into one line that names `path` and what to do.

    Args:
        path: What the block works on.
        verb: What it does with it, such as "write".

    Raises:
        SpoolError: The block raised an OSError; a TransientError where the fault may pass by itself.
    """
    try:
        yield
    except OSError as error:
        raise spool_error(error, path, verb) from error


def spool_error(error: OSError, path: Path, verb: str) -> SpoolError:
    """The error that `reported` raises: "cannot VERB PATH: …"."""
    if error.errno in TRANSIENT:
        return TransientError(f"cannot {verb} {path} (file system {mount_point(path)}): {explain(error)}")
    return SpoolError(f"cannot {verb} {path}: {explain(error)}")


def write_error(error: Exception, path: Path) -> DaddyEncodeError:
    """What to report of `path`, which could not be made or written: one line that names it.

    Args:
        error: Why not: the system's word, or one of ours, which is kept; anything else is a lack of memory, say, or our
            own mistake, of which the caller has to hear as well.
        path: The file.

    Returns:
        The exception to raise.
    """
    if isinstance(error, DaddyEncodeError):
        return error
    if isinstance(error, OSError):
        return spool_error(error, path, "write")
    return SpoolError(f"cannot write {path}: {type(error).__name__}: {error}")


def mount_point(path: Path) -> Path:
    """Where the file system of `path` is mounted."""
    for directory in (path, *path.parents):
        with contextlib.suppress(OSError):
            if os.path.ismount(directory):
                return directory
    return Path("/")


def explain(error: OSError) -> str:
    """The operating system's text for `error`, and what a user can do about it."""
    advice = {
        errno.ENOSPC: "free space (or inodes) on that file system, then run again",
        errno.EDQUOT: "your quota is full: free space, then run again",
        errno.EACCES: "check its permissions, or choose another place",
        errno.EPERM: "check its permissions, or choose another place",
        errno.EROFS: "the file system is read-only: choose another place",
        errno.ENAMETOOLONG: "use a shorter name",
        errno.ENOTDIR: "a part of that path is a file: choose another place",
        errno.EISDIR: "a directory has that name: move it away",
    }.get(error.errno or 0)
    reason = error.strerror or str(error)
    return f"{reason}; {advice}" if advice else reason
