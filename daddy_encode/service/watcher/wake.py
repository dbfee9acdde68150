"""Waking one thread from signal handlers, other threads and file system events."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator


class Waker:
    """A pipe to sleep on. `wake` may be called from a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._reactions: dict[int, Callable[[], object]] = {self._read: self._drain}

    def wake(self) -> None:
        """End the sleep, or the next one."""
        # A full pipe wakes as well.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def listen(self, descriptor: int, react: Callable[[], object]) -> None:
        """Let a descriptor that is readable end a sleep, too; `react`, called by the sleeper, reads from it."""
        self._reactions[descriptor] = react

    @contextlib.contextmanager
    def woken_by_signals(self) -> Iterator[None]:
        """Let every signal that has a handler end a sleep, for the length of the block; only in the main thread.

        Python runs handlers between two steps of the main thread. A signal that comes just before the sleep, or that
        the system gives to another thread, would otherwise be handled only when the sleep has ended.
        """
        before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def sleep(self, seconds: float) -> bool:
        """Sleep until woken, at most `seconds`; return whether it was woken."""
        ready = select.select(list(self._reactions), [], [], max(0.0, seconds))[0]
        for descriptor in ready:
            self._reactions[descriptor]()
        return bool(ready)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 65_536)
