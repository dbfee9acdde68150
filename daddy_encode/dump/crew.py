"""The hands of this process, which all its recordings share; they stay for the next one, and end with this process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

from daddy_encode.errors import one_line

if TYPE_CHECKING:
    from daddy_encode.dump.hand import Hand

log = logging.getLogger(__name__)


class Crew:
    """Hands as they are needed, at most one per processor."""

    def __init__(self) -> None:
        """Start the first hand, and do not wait for it. Raises OSError where none can be started."""
        try:
            # A hand reads with it, at the addresses of frames that need not be copied.
            self._memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._memory = -1
        self.reads_memory = self._memory >= 0
        self.hands = [self._new_hand()]

    def pick(self, others: list[Hand]) -> Hand | None:
        """A hand for a recording that has `others` already: the one with the fewest recordings, or a new one where
        each has some. None where there is no other, and no processor for one."""
        for hand in self.hands:
            hand.hear()
            # Others are let go by their last recording.
            if hand.failure is not None and hand.recordings == 0:
                hand.let_go()
        self.hands = [hand for hand in self.hands if hand.failure is None]
        free = [hand for hand in self.hands if hand not in others]
        best = min(free, key=lambda hand: hand.recordings, default=None)
        if (best is None or best.recordings > 0) and len(self.hands) < len(os.sched_getaffinity(0)):
            try:
                best = self._new_hand()
            except OSError as error:
                log.warning("no process can be started: %s", one_line(str(error)))
            else:
                self.hands.append(best)
        return best

    def _new_hand(self) -> Hand:
        # Only who starts a process needs what that takes.
        from daddy_encode.dump.hand import Hand

        return Hand(self._memory)

    def end(self) -> None:
        for hand in self.hands:
            hand.end()

    def let_go(self) -> None:
        """Close what this process has open of it."""
        for hand in self.hands:
            hand.let_go()
        if self._memory >= 0:
            os.close(self._memory)


_crew: Crew | None = None
_lock = threading.Lock()
# None can be started: that does not change.
_impossible = not sys.platform.startswith("linux") or not os.path.basename(sys.executable or "").startswith("python")


def begin() -> None:
    """Start this process's crew, so that it is there at the first frame."""
    with _lock:
        _begin()


def _begin() -> Crew | None:
    global _crew, _impossible
    if _crew is None and not _impossible:
        try:
            _crew = Crew()
        except OSError as error:
            _give_up(str(error))
    return _crew


def pick(others: list[Hand]) -> Hand | None:
    """A hand that is ready to work for a recording that has `others` already; None where there is none."""
    with _lock:
        crew = _begin()
        if crew is None:
            return None
        hand = crew.pick(others)
        if hand is not None and not others and not hand.wait_until_ready():
            _give_up(f"{hand.failure}")
            hand.end()
            return None
        return hand


def reads_memory() -> bool:
    """Whether the hands can read frames in this process's memory."""
    return _crew is not None and _crew.reads_memory


def end() -> None:
    """End the crew: for the end of this process."""
    global _crew
    if _crew is not None:
        _crew.end()
        _crew = None


def _give_up(why: str) -> None:
    global _impossible
    _impossible = True
    log.warning("frames are compressed on threads, not in a process of their own: %s", one_line(why))


def _after_fork() -> None:
    global _crew, _lock
    # The hands are the parent's: they end when nobody has their pipes open any more.
    if _crew is not None:
        _crew.let_go()
    _crew, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
