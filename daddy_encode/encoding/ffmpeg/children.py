"""The programs that encode, as child processes: each ends with all that it has started, whatever ends us.

ffmpeg may be a script that runs the real one as a child. So each program gets a process group of its own, whose number
is its process ID; that is nobody else's until it is reaped, which nothing but `reap` does.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

# A program that is just being started is there, or has failed to start, so soon, but for a file system that hangs.
START_SECONDS = 5.0
# How soon an end is seen where the system cannot report it.
POLL_SECONDS = 0.005

_running: set[subprocess.Popen[bytes]] = set()
# Held from before a program is started until it is among `_running`. Reentrant: a signal handler may interrupt its
# holder.
_starting = threading.RLock()


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program in a process group, and session, of its own: a Ctrl-C in the terminal reaches us alone.

    Args:
        command: The program and its arguments.
        **options: As `subprocess.Popen` has them.

    Raises:
        OSError: It cannot be started.
    """
    with _starting:
        child = subprocess.Popen(command, start_new_session=True, **options)
        _running.add(child)
    return child


def scratch_file() -> IO[bytes]:
    """A file without a name for what a program prints: what that leaves running cannot hold us, as with a pipe."""
    try:
        return os.fdopen(os.memfd_create("output"), "w+b")
    except OSError:
        import tempfile

        return tempfile.TemporaryFile()


def has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether the program itself has ended; what it has started may still run."""
    if child.returncode is None:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return True


@contextlib.contextmanager
def end_of(child: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """A descriptor that is readable once `child` has ended; none where the system has none."""
    try:
        descriptor = os.pidfd_open(child.pid)
    except OSError:
        yield []
        return
    try:
        yield [descriptor]
    finally:
        os.close(descriptor)


def wait(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until the program itself has ended, at most so long; return whether it has."""
    last = time.monotonic() + seconds
    with end_of(child) as end:
        poll = select.poll()
        for descriptor in end:
            poll.register(descriptor, select.POLLIN)
        while not has_ended(child):
            left = last - time.monotonic()
            if left <= 0:
                return False
            poll.poll(1000 * (left if end else min(left, POLL_SECONDS)))
    return True


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it has started."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def reap(child: subprocess.Popen[bytes]) -> int:
    """Wait until a program has ended, end what it has left running, and return its exit status."""
    if child.returncode is None:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        kill(child)
    status = child.wait()
    _running.discard(child)
    return status


def run(command: Sequence[str], seconds: float, **options: Any) -> int | None:
    """Let a program run, at most so long.

    Args:
        command: As for `start`.
        seconds: How long.
        **options: As for `start`.

    Returns:
        Its exit status; None where it had to be ended.

    Raises:
        OSError: It cannot be started.
    """
    child = start(command, **options)
    ended = False
    try:
        ended = wait(child, seconds)
    finally:
        if not ended:
            kill(child)
        status = reap(child)
    return status if ended else None


def cpu_time(pid: int) -> int:
    """The time on a CPU, in the system's ticks, that a process and those below it have had; 0 where that is unknown."""
    ticks = 0
    with contextlib.suppress(OSError):
        # Behind the name, which may hold anything: user and system, then those of children that have ended.
        ticks = sum(map(int, Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[11:15]))
        ticks += sum(map(cpu_time, children_of(pid)))
    return ticks


def children_of(pid: int) -> list[int]:
    """The processes that the first thread of a process has started, and that have not ended. Raises OSError."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def end_all() -> None:
    """Kill every program that was started here: this process is about to end without cleaning up."""
    # Not given back: nothing is started any more.
    _starting.acquire(timeout=START_SECONDS)
    for child in tuple(_running):
        kill(child)
