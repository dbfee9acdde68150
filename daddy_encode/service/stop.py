"""Stopping work: all of it, or one job."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class StopSwitch:
    """Set once, from a signal handler or any thread; every job's own event is then set, too."""

    def __init__(self) -> None:
        self._on = False
        self._reactions: list[Callable[[], object]] = []

    def set(self) -> None:
        """Stop everything.

        A signal may come at any moment, in the middle of this as well: once is enough, and a second pass would wait for
        a lock that the first one holds.
        """
        if self._on:
            return
        self._on = True
        for react in tuple(self._reactions):
            react()

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._on

    @contextlib.contextmanager
    def event(self) -> Iterator[threading.Event]:
        """Yield an event for one job: set with the switch, or alone."""
        event = threading.Event()
        with self.calling(event.set):
            yield event

    @contextlib.contextmanager
    def calling(self, react: Callable[[], object]) -> Iterator[None]:
        """Have `react` called when it is set, perhaps in a signal handler: it may wait for no lock of this thread's."""
        self._reactions.append(react)
        try:
            if self._on:
                react()
            yield
        finally:
            self._reactions.remove(react)
