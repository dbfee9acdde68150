"""Stopping work: all of it, or one job."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class StopSwitch:
    """Set once, from a signal handler or any thread; every job's own event is then set, too."""

    def __init__(self) -> None:
        self._on = False
        self._events: list[threading.Event] = []

    def set(self) -> None:
        """Stop everything.

        A signal may come at any moment, in the middle of this as well: once is enough, and a second pass would wait for
        a lock that the first one holds.
        """
        if self._on:
            return
        self._on = True
        for event in tuple(self._events):
            event.set()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._on

    @contextlib.contextmanager
    def event(self) -> Iterator[threading.Event]:
        """Yield an event for one job: set with the switch, or alone."""
        event = threading.Event()
        self._events.append(event)
        try:
            if self._on:
                event.set()
            yield event
        finally:
            self._events.remove(event)
