"""Temporary files: their names, and the removal of those that nobody will finish."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from daddy_encode.spool.held_file import opened_directory

TEMP_PREFIX = ".daddy-encode-"
TEMP_SUFFIX = ".tmp"
# Of a file that is written in one go: longer than any takes, and than clocks differ.
ABANDONED_SECONDS = 3600.0
_MAKER = re.compile(r"-(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})-[0-9a-f]{12}\.tmp")


def temp_name(owner: str = "") -> str:
    """A name for a temporary file, unique to this machine, process and call, safe on any command line.

    Args:
        owner: What the file is for, such as a job's name, by which `remove_orphans` finds it. Default: nothing.
    """
    return f"{_start(owner)}{_safe(os.uname().nodename)}-{_machine()}-{os.getpid()}-{os.urandom(6).hex()}{TEMP_SUFFIX}"


def is_temp_name(name: str) -> bool:
    """Whether `name` is that of a temporary file of ours."""
    return name.startswith(TEMP_PREFIX) and name.endswith(TEMP_SUFFIX)


def is_own(status: os.stat_result) -> bool:
    """Whether a file of that status is a regular one of this user's."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def remove_orphans(
    directory: Path,
    owner: str,
    maker: tuple[str, int] | None = None,
    may_go: Callable[[os.stat_result], bool] = is_own,
) -> None:
    """Remove the temporary files in `directory` made for `owner`, which nobody may be writing.

    Args:
        directory: Where they are; it need not exist.
        owner: As in `temp_name`.
        maker: The machine's name and the number of the process that has made them. Default: whoever has.
        may_go: Whose files go, by their status. Default: this user's.
    """
    start, end = _start(owner), ""
    if maker is not None:
        host, pid = maker
        start, end = f"{start}{_safe(host)}-", rf"-{pid}-[0-9a-f]+\.tmp"

    def should_go(name: str, status: os.stat_result) -> bool:
        return name.startswith(start) and re.search(f"{end}$", name) is not None and may_go(status)

    with contextlib.suppress(OSError):
        _remove(directory, should_go)


def remove_dead(directory: Path) -> None:
    """Remove the temporary files in `directory` of this user's processes on this machine that are gone."""
    with contextlib.suppress(OSError):
        _remove(directory, lambda name, status: is_own(status) and is_dead(name))


def remove_abandoned(directory: Path, owner: str = "") -> None:
    """As `remove_dead`, and those for `owner` of whichever machine that are an hour old: no writer takes so long.

    Args:
        directory: Where they are; it need not exist.
        owner: As in `temp_name`; of files that are written in one go. Default: all in `directory` are such files.
    """
    start, oldest = _start(owner), time.time() - ABANDONED_SECONDS

    def should_go(name: str, status: os.stat_result) -> bool:
        is_old = name.startswith(start) and status.st_mtime < oldest
        return is_own(status) and (is_old or is_dead(name))

    with contextlib.suppress(OSError):
        _remove(directory, should_go)


def remove_temporaries(directory: Path) -> None:
    """Remove this user's temporary files in `directory`: only for whoever has the directory to itself."""
    with contextlib.suppress(OSError):
        _remove(directory, lambda name, status: is_own(status))


def is_dead(name: str) -> bool:
    """Whether the temporary file `name` was made on this machine, since it was started, by a process that is gone."""
    match = _MAKER.search(name)
    return match is not None and match["machine"] == _machine() and is_gone(int(match["pid"]))


def is_gone(pid: int) -> bool:
    """Whether there is no process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def _remove(directory: Path, should_go: Callable[[str, os.stat_result], bool]) -> None:
    with opened_directory(directory, make=False) as descriptor:
        remove_from(descriptor, os.listdir(descriptor), should_go)


def remove_from(directory: int, names: Iterable[str], should_go: Callable[[str, os.stat_result], bool]) -> bool:
    """Remove the temporary files among `names` in a directory, given by a descriptor.

    Args:
        directory: Its descriptor.
        names: Any names in it.
        should_go: Called with the name and the status of each temporary file.

    Returns:
        Whether one was removed.
    """
    removed = False
    for name in filter(is_temp_name, names):
        with contextlib.suppress(OSError):
            if should_go(name, os.stat(name, dir_fd=directory, follow_symlinks=False)):
                os.unlink(name, dir_fd=directory)
                removed = True
    return removed


def _safe(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "-", host)[:40]


def _start(owner: str) -> str:
    # A digest: a name in the spool may hold anything.
    digest = hashlib.sha256(os.fsencode(owner)).hexdigest()[:12] + "-" if owner else ""
    return TEMP_PREFIX + digest


@functools.cache
def _machine() -> str:
    """Those processes that see one another by number: of one start of one machine, and one PID namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        # Not to be found out: then no other process is of this machine.
        return os.urandom(4).hex()
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:8]
