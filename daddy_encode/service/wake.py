"""Waking one thread from signal handlers and other threads."""

from __future__ import annotations

import contextlib
import os
import select


class Waker:
    """A pipe to sleep on. `wake` may be called from a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def wake(self) -> None:
        # A full pipe wakes as well.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def sleep(self, seconds: float) -> None:
        """Sleep until woken, at most `seconds`."""
        if select.select([self._read], [], [], max(0.0, seconds))[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 65_536)
