"""The sign of life of the leases that a process holds: one thread for all."""

from __future__ import annotations

import threading
from typing import Protocol


class Refreshed(Protocol):
    """What is to be refreshed."""

    def refresh(self) -> object:
        """Give a sign of life."""


class Heartbeat:
    """Refreshes what was added, every so many seconds, in a thread that ends when there is nothing left."""

    def __init__(self, interval: float) -> None:
        """Refresh nothing yet; `interval`: in seconds."""
        self._interval = interval
        self._refreshed: set[Refreshed] = set()
        self._lock = threading.Lock()
        self._is_running = False

    def add(self, one: Refreshed) -> None:
        """Refresh `one` from now on."""
        with self._lock:
            self._refreshed.add(one)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="leases", daemon=True).start()

    def remove(self, one: Refreshed) -> None:
        """Do not refresh `one` any more."""
        with self._lock:
            self._refreshed.discard(one)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._interval)
            with self._lock:
                due = list(self._refreshed)
                if not due:
                    self._is_running = False
                    return
            for one in due:
                one.refresh()
