"""Which system calls of a run to kill or fail it at: chosen evenly from those of a clean run."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tests.soak.encoders import Fault

# What a disk, a network file system, a quota or a node short of memory can answer.
ERRORS = {
    "openat": ("EIO", "ESTALE", "EMFILE", "ENOMEM", "ENFILE", "EACCES", "ENOSPC"),
    "newfstatat": ("EIO", "ESTALE", "ENOMEM", "EACCES"),
    "fstat": ("EIO", "ESTALE"),
    "lstat": ("EIO", "ESTALE"),
    "statx": ("EIO", "ESTALE", "ENOMEM"),
    "getdents64": ("EIO", "ESTALE", "ENOMEM"),
    "read": ("EIO", "ESTALE", "ENOMEM"),
    "pread64": ("EIO", "ESTALE"),
    "write": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "pwrite64": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "copy_file_range": ("EIO", "ENOSPC", "EDQUOT"),
    "sendfile": ("EIO", "ENOSPC", "EDQUOT"),
    "ftruncate": ("EIO", "ENOSPC", "EDQUOT"),
    "fallocate": ("ENOSPC", "EDQUOT", "EIO"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "fdatasync": ("EIO", "ENOSPC", "EDQUOT"),
    "close": ("EIO", "ENOSPC", "EDQUOT"),
    "rename": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EACCES"),
    "renameat": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EACCES"),
    "renameat2": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EACCES"),
    "link": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "linkat": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "unlink": ("EIO", "ESTALE", "EACCES"),
    "unlinkat": ("EIO", "ESTALE", "EACCES"),
    "mkdir": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EACCES"),
    "mkdirat": ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EACCES"),
    "fchmod": ("EIO", "ESTALE", "EPERM"),
    "chmod": ("EIO", "ESTALE", "EPERM"),
    "utimensat": ("EIO", "ESTALE", "EDQUOT"),
    "flock": ("EIO", "ENOLCK"),
    "fcntl": ("EMFILE",),
    "pipe2": ("EMFILE", "ENFILE"),
    "memfd_create": ("EMFILE", "ENOMEM"),
    "mmap": ("ENOMEM",),
    "vfork": ("EAGAIN", "ENOMEM"),
    "clone": ("EAGAIN", "ENOMEM"),
    "clone3": ("EAGAIN", "ENOMEM"),
    "execve": ("ENOMEM", "EIO", "EAGAIN"),
    "chdir": ("EIO", "ESTALE"),
}
# These do not pass by themselves.
LASTING = {"EACCES", "EPERM"}
# Of no interest to a kill: nothing outside the process has changed since the call before.
DULL = {
    "futex",
    "rt_sigaction",
    "rt_sigprocmask",
    "getpid",
    "gettid",
    "ioctl",
    "lseek",
    "munmap",
    "mprotect",
    "madvise",
}

Item = TypeVar("Item")

CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*)")
# Of a call on a descriptor: only one of a file can answer as above, not a pipe or a terminal.
DESCRIPTOR = re.compile(r"(?P<number>\d+)(<(?P<path>[^>]*)>)?")
ON_DESCRIPTORS = {"read", "write", "close", "fstat", "fcntl", "lseek", "fsync", "pread64", "pwrite64"}


def kills(calls: str, count: int) -> list[Fault]:
    """`count` points to kill at, evenly from strace's log of a clean run with decoded descriptors."""
    return _evenly([Fault(name, number, None) for name, number, _ in calls_in(calls) if name not in DULL], count)


def errors(calls: str, count: int, *, lasting: bool = True) -> list[Fault]:
    """`count` calls to fail, evenly from strace's log of a clean run with decoded descriptors.

    `lasting`: also with errors that do not pass by themselves.
    """
    kinds = {
        name: itertools.cycle([error for error in texts if lasting or error not in LASTING])
        for name, texts in ERRORS.items()
    }
    found = [
        (name, number)
        for name, number, arguments in calls_in(calls)
        if name in kinds and _can_fail(name, number, arguments)
    ]
    return [Fault(name, number, next(kinds[name])) for name, number in _evenly(found, count)]


def calls_in(calls: str, without: str | None = None) -> Iterator[tuple[str, int, str]]:
    """Each (call, number) once: its name, which one of its thread's it is, and its arguments.

    `without`: calls of whose arguments and results this is a part are only counted.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    seen = set()
    for line in calls.splitlines():
        match = CALL.match(line)
        if match is None:
            continue
        name = match["name"]
        numbers[match["thread"], name] += 1
        point = (name, numbers[match["thread"], name])
        if point not in seen and (without is None or without not in match["arguments"]):
            seen.add(point)
            yield (*point, match["arguments"])


def is_possible(calls: str) -> bool:
    """Whether what was injected by strace, whose log with decoded descriptors this is, was of a call that can fail so.

    A thread's calls are not the same ones each time.
    """
    for line in calls.splitlines():
        if "(INJECTED)" in line and (match := CALL.match(line)) is not None:
            return _can_fail(match["name"], 3, match["arguments"])
    return True


def _can_fail(name: str, number: int, arguments: str) -> bool:
    if name == "mmap":
        # A thread of Python that has no memory when it begins makes the one that starts it wait for ever.
        return number > 2
    if name not in ON_DESCRIPTORS:
        return True
    match = DESCRIPTOR.match(arguments)
    if match is None or match["path"] is None or int(match["number"]) <= 2:
        return False
    return match["path"].startswith("/") and not match["path"].startswith(("/dev/", "/proc/", "/usr/", "/etc/"))


def _evenly(items: Sequence[Item], count: int) -> list[Item]:
    assert len(items) >= count, f"only {len(items)} points, {count} wanted"
    return [items[index * len(items) // count] for index in range(count)]
