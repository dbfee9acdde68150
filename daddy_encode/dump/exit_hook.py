"""Recordings that nobody closed, when their process ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from typing import Any

from daddy_encode.dump.worker import process
from daddy_encode.errors import DaddyEncodeError

# A process must be able to end while its disk hangs: the worker process then finishes the recording when it can.
_TIMEOUT_SECONDS = 10.0

# FrameWriters, whose module imports this one.
_open: set[Any] = set()
_in_child_of: int | None = None


def register(writer: Any) -> None:
    """Close `writer` when this process ends, unless `unregister` comes first."""
    global _in_child_of
    # Those that were told to end, and that nobody waits for, keep their memory no longer.
    for other in list(_open):
        if other.closed:
            unregister(other)
    _open.add(writer)
    # A process of multiprocessing ends by os._exit, which skips atexit, but runs hooks of its own.
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _in_child_of != os.getpid():
        _in_child_of = os.getpid()
        util.Finalize(None, close_all, exitpriority=0)


def unregister(writer: Any) -> None:
    """`writer` is over."""
    _open.discard(writer)


@atexit.register
def close_all() -> None:
    """Let every open writer finish what is in flight and say in its manifest that nobody closed it."""
    waiting = list(_open)
    for writer in waiting:
        with contextlib.suppress(DaddyEncodeError):
            writer.close("the process ended without close()", wait=False)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline and not all(writer.closed for writer in waiting):
        time.sleep(0.005)
    process.end()


# The recordings stay with the parent.
os.register_at_fork(after_in_child=_open.clear)
