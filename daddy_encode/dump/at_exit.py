"""Recordings that nobody closed, when their process ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from typing import Protocol

from daddy_encode.dump import crew
from daddy_encode.errors import DaddyEncodeError

# A process must be able to end while its disk hangs: then the frames stay without a manifest.
_PATIENCE = 10.0


class Closable(Protocol):
    @property
    def closed(self) -> bool: ...
    def close(self, error: str, *, wait: bool) -> None: ...


_open: set[Closable] = set()
_in_child_of: int | None = None


def watch(writer: Closable) -> None:
    """Close `writer` when this process ends, unless `forget` comes first."""
    global _in_child_of
    _open.add(writer)
    # A process of multiprocessing ends by os._exit, which skips atexit, but runs hooks of its own.
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _in_child_of != os.getpid():
        _in_child_of = os.getpid()
        util.Finalize(None, close_all, exitpriority=0)


def forget(writer: Closable) -> None:
    _open.discard(writer)


@atexit.register
def close_all() -> None:
    """Let every open writer finish what is in flight and say in its manifest that nobody closed it."""
    waiting = list(_open)
    for writer in waiting:
        with contextlib.suppress(DaddyEncodeError):
            writer.close("the process ended without close()", wait=False)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and not all(writer.closed for writer in waiting):
        time.sleep(0.005)
    crew.end()


if hasattr(os, "register_at_fork"):
    # The threads and the frames stay with the parent.
    os.register_at_fork(after_in_child=_open.clear)
