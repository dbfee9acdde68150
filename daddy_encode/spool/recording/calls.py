"""The calls of a recorder, which a signal's handler or another thread may end while one is under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

_POLL_SECONDS = 0.002
_Result = TypeVar("_Result")


class Calls:
    """One at a time: what is asked for while one is under way is done at its end.

    `pausing`: the call under way only waits now, and a handler that interrupts it need not.
    """

    def __init__(self) -> None:
        """None is under way."""
        self.pausing = False
        self._thread: int | None = None
        self._asked: dict[Callable[[], None], None] = {}

    @property
    def asked(self) -> bool:
        """Whether the call under way is waited for."""
        return bool(self._asked)

    def free(self) -> bool:
        """Whether `run` would do it now."""
        return self._thread is None or (self.pausing and self._thread == threading.get_ident())

    def run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Call it, then do what was asked for meanwhile."""
        before = self._thread
        try:
            self._thread, self.pausing = threading.get_ident(), False
            return call(*arguments)
        finally:
            self._thread = before
            self.obey()

    def ask(self, what: Callable[[], None]) -> None:
        """Have it done by the next `obey`, or the call under way at its end; it may be done twice."""
        self._asked[what] = None

    def obey(self, *, wait: bool = False) -> None:
        """Do what was asked for, unless a call is under way; `wait`: for another thread's."""
        while wait and self._thread not in (None, threading.get_ident()):
            time.sleep(_POLL_SECONDS)
        while self._asked and self.free():
            before = self._thread
            try:
                self._thread, self.pausing = threading.get_ident(), False
                for asked in list(self._asked):
                    asked()
                    # Only now: an exception may have come.
                    self._asked.pop(asked, None)
            finally:
                self._thread = before
