"""Many receipts verified side by side."""

from __future__ import annotations

import concurrent.futures
import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from daddy_encode.errors import Interrupted

log = logging.getLogger(__name__)

# A signal that comes just before the main thread begins to wait is handled only when the wait ends.
POLL_SECONDS = 0.2

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    ended: Callable[[Result, Item], None],
    workers: int,
    is_stopped: Callable[[], bool],
) -> None:
    """Do `work` for each item in threads, so many at a time, and say in this thread what each came to, as it ends.

    Threads suffice: the work is ffmpeg's, and reading and hashing leave the interpreter's lock.

    Args:
        items: In the order in which they are begun.
        work: Called in a thread; Interrupted where it was stopped.
        ended: Called in this thread.
        workers: How many at a time.
        is_stopped: Whether nothing more should begin. What runs has to end by itself.

    Raises:
        Exception: What `work` raised first, but for Interrupted, when what ran has ended.
    """
    waiting = iter(items)
    fault: BaseException | None = None
    with concurrent.futures.ThreadPoolExecutor(workers, "verify") as pool:
        running: dict[concurrent.futures.Future[Result], Item] = {}
        while True:
            while len(running) < workers and fault is None and not is_stopped():
                try:
                    item = next(waiting)
                except StopIteration:
                    break
                running[pool.submit(work, item)] = item
            if not running:
                break
            done, _ = concurrent.futures.wait(running, POLL_SECONDS, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                item = running.pop(future)
                error = future.exception()
                if error is None:
                    ended(future.result(), item)
                elif not isinstance(error, Interrupted):
                    fault = fault or error
    if fault is not None:
        raise fault
