"""The calls of a recorder, which a signal's handler or another thread may end while one is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

# Longer than any call that neither writes nor waits.
_MOMENT_SECONDS = 0.05
_Result = TypeVar("_Result")


class Calls:
    """One at a time: what is asked for while one is under way is done at its end.

    `pausing`: the call under way only waits now, and a handler that interrupts it need not.
    """

    def __init__(self) -> None:
        """None is under way."""
        self.pausing = False
        self._under_way = False
        # Of the thread whose call it is; a handler has it, too.
        self._lock = threading.RLock()
        self._asked: dict[Callable[[], None], None] = {}

    @property
    def asked(self) -> bool:
        """Whether the call under way is waited for."""
        return bool(self._asked)

    def free(self, *, wait: bool = False) -> bool:
        """Whether `run` may be called now: not by a handler of this call; `wait`: for another thread's."""
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            return not self._under_way or self.pausing
        finally:
            self._lock.release()

    def run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Call it, then do what was asked for meanwhile."""
        try:
            with self._lock:
                before = self._under_way
                try:
                    self._under_way, self.pausing = True, False
                    return call(*arguments)
                finally:
                    self._under_way = before
        finally:
            self.obey()

    def ask(self, what: Callable[[], None]) -> None:
        """Have it done by the next `obey`, or the call under way at its end; it may be done twice."""
        self._asked[what] = None

    def obey(self, *, wait: bool = False) -> None:
        """Do what was asked for, unless a call is under way; `wait`: for another thread's."""
        while self._asked and self._lock.acquire(timeout=-1 if wait else _MOMENT_SECONDS):
            before = self._under_way
            try:
                if before and not self.pausing:
                    return
                self._under_way, self.pausing = True, False
                for asked in list(self._asked):
                    asked()
                    # Only now: an exception may have come.
                    self._asked.pop(asked, None)
            finally:
                self._under_way = before
                self._lock.release()
