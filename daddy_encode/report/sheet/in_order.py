"""Tasks in several threads, their results in order."""

from __future__ import annotations

import collections
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Result = TypeVar("Result")

# More of them would wait for one another: Python runs one at a time, but for calls such as inflating.
_MOST_THREADS = 4


def in_order(tasks: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """Run tasks side by side, as many as there are processors for this process, four at most.

    Args:
        tasks: Each is asked for in this thread, once there is a processor for it.

    Yields:
        What they return, in their order.

    Raises:
        Exception: What the first of them raised that raised anything; none still runs then.
    """
    count = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    running: collections.deque[_Running[Result]] = collections.deque()
    try:
        for task in tasks:
            running.append(_Running(task, alone=count == 1))
            if len(running) == count:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for left in running:
            left.join()


# concurrent.futures takes a thirtieth of the time of a sheet to load.
class _Running(threading.Thread, Generic[Result]):
    """A task in a thread of its own; in this one where it is `alone`, or the system allows no more."""

    def __init__(self, task: Callable[[], Result], *, alone: bool) -> None:
        super().__init__(daemon=True)
        self._task = task
        self._done: list[Result] = []
        self._error: BaseException | None = None
        self._is_thread = not alone
        if self._is_thread:
            try:
                self.start()
            except RuntimeError:
                self._is_thread = False
        if not self._is_thread:
            self.run()

    def run(self) -> None:
        try:
            self._done.append(self._task())
        except BaseException as error:
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        if self._is_thread:
            super().join(timeout)

    def result(self) -> Result:
        self.join()
        if self._error is not None:
            raise self._error
        return self._done[0]
