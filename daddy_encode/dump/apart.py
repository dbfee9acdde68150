"""Frames to files on processes of their own (see `hand`): a bounded number in flight, an unbroken row on disk."""

from __future__ import annotations

import itertools
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from daddy_encode.dump import crew, wire
from daddy_encode.dump.frame_file import frame_path
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.hand import Hand
from daddy_encode.dump.layout import Layout
from daddy_encode.dump.row import Row
from daddy_encode.errors import DaddyEncodeError, SpoolError

# The results of so many frames fit into a pipe: a hand never waits for the rollout to hear it.
MOST_IN_FLIGHT = 2048
# Another hand is started when those there are have so many frames to do.
_BEHIND = 8
# Of arrays that were kept and are done with, one more is let go of every so many frames.
_SHRINK_EVERY = 16
# What is smaller is sooner copied than read in another process's memory.
_ADDRESS_BYTES = 2**14
# Between two looks for results, before sleeping until there is one.
_NAP = 0.0005
# While the interpreter ends no thread can be started, and a hung disk must not keep it.
_LAST_SECONDS = 10.0
# Of recordings, for the hands.
_numbers = itertools.count()


class Apart:
    """As `Background`, but the work is done by up to `workers` hands of this process's crew, at first by `hand`."""

    def __init__(
        self,
        directory: Path,
        layout: Layout,
        hand: Hand,
        *,
        min_free: int | None,
        workers: int,
        capacity: int,
        ended: Callable[[], None],
    ) -> None:
        """Raises SpoolError where the system gives no memory to share."""
        self.row = Row(directory)
        self._directory = directory
        self._hands = [hand]
        self._workers = workers
        self._capacity = min(capacity, MOST_IN_FLIGHT)
        self._ended = ended
        self._layout = layout
        try:
            self._memory = os.memfd_create("daddy-encode frames")
            # Only slots that are used take memory.
            os.ftruncate(self._memory, wire.slot_offset(self._capacity, layout.size))
            self._shared = mmap.mmap(self._memory, 0)
            self._results, self._their_end = os.pipe()
        except OSError as error:
            raise SpoolError(f"cannot write {directory}: no memory to share with another process: {error}") from error
        os.set_blocking(self._results, False)
        self._opening = wire.Opening(next(_numbers), str(directory), layout.shape, layout.strides, min_free)
        hand.open(self._opening, self._memory, self._their_end)
        self._slots: dict[int, Frame] = {}
        self._free = deque(range(self._capacity))
        self._taken = 0
        # Frame -> who has it, its annotations, and the array where no copy was made. Afterwards that goes to `_spent`.
        self._flying: dict[int, tuple[Hand, bytes, Frame | None]] = {}
        self._spent: deque[Frame] = deque()
        # The numbers of those hands that have not come to the last mark, and whether there are orders after it.
        self._marks: set[int] = set()
        self._unmarked = True
        self._interrupted = False
        self._addressed = crew.reads_memory() and layout.size >= _ADDRESS_BYTES
        self._unread = b""
        self._flusher: threading.Thread | None = None

    def put(self, frame: Frame, line: bytes, *, copy: bool, wait: bool) -> bool:
        """Give `frame` to a hand; False where there is no room and `wait` is false, or where something has failed.

        copy: take a copy now; else the array is read later and must stay as it is.
        """
        try:
            return self._put(frame, line, copy, wait)
        except BaseException:
            self._interrupted = True
            raise

    def _put(self, frame: Frame, line: bytes, copy: bool, wait: bool) -> bool:
        if self._flying:
            self._collect()
        if self._spent:
            # One each time, and seldom one more. Were all freed at once, the allocator would give their memory back
            # to the system; to get it anew for the next frames costs a fast renderer more than all else here.
            self._spent.popleft()
            if self._spent and self._taken % _SHRINK_EVERY == 0:
                self._spent.popleft()
        while self.row.error is None and len(self._flying) >= self._capacity:
            if not wait:
                return False
            self._wait()
        while self._spent and len(self._flying) + len(self._spent) >= self._capacity:
            self._spent.popleft()
        if self.row.error is not None:
            return False
        address = None if copy or not self._addressed else self._layout.address(frame)
        if not self._send(self._taken, line, frame, address, wait):
            return False
        self._taken += 1
        if len(self._flying) >= _BEHIND * len(self._hands) and len(self._hands) < self._workers:
            self._grow()
        return True

    def close(self, *, drop: bool = False) -> None:
        """Take no more, and call `ended` when all is written. Does not wait. `drop` is for what can still be undone."""
        try:
            threading.Thread(target=self._finish, name=f"frames of {self._directory}", daemon=True).start()
        except RuntimeError:
            # The interpreter is ending, or the system allows no more threads.
            self._finish(time.monotonic() + _LAST_SECONDS)

    def _finish(self, deadline: float | None = None) -> None:
        try:
            # Again, for those that had to be sent again meanwhile.
            while self._unmarked:
                self._unmarked = False
                if not self._wait_for_marks(deadline):
                    return
            self._account()
            if self._flusher is not None:
                self._flusher.join()
            self._let_go()
        except Exception as error:  # our own mistake: whoever waits for the end has to hear of it
            self.row.fail(SpoolError(f"cannot finish {self._directory}: {type(error).__name__}: {error}"))
        self._ended()

    def _wait_for_marks(self, deadline: float | None) -> bool:
        """Wait until every hand has done what it was given; whether that was before the deadline."""
        self._marks = {number for number, hand in enumerate(self._hands) if hand.failure is None}
        for number in self._marks:
            self._give(self._hands[number], wire.ORDER.pack(self._opening.number, number, wire.MARK, 0), wait=True)
        while any(self._hands[number].failure is None for number in self._marks):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self._wait(deadline)
        return True

    def _account(self) -> None:
        """For the frames of which nothing was heard: an interrupt may come between hearing a result and keeping it."""
        for index, (_, line, _) in sorted(self._flying.items()):
            if os.path.exists(frame_path(self._directory, index)):
                self.row.add(index, line)
        self._flying.clear()
        if self.row.frames < self._taken:
            self._fail(self.row.frames, "interrupted")
        if self._interrupted:
            # What that has kept from being counted.
            self.row.lose(range(self.row.frames, self._taken + 1))

    def _let_go(self) -> None:
        for hand in self._hands:
            self._give(hand, wire.ORDER.pack(self._opening.number, 0, wire.END, 0), wait=True)
            hand.leave()
        for descriptor in (self._memory, self._results, self._their_end):
            os.close(descriptor)
        self._spent.clear()
        self._slots.clear()
        self._shared.close()

    def _grow(self) -> None:
        hand = crew.pick(self._hands)
        if hand is None:
            # Nor will there be one later.
            self._workers = len(self._hands)
        else:
            hand.open(self._opening, self._memory, self._their_end)
            self._hands.append(hand)

    def _send(self, index: int, line: bytes, frame: Frame, address: int | None, wait: bool) -> bool:
        slot = wire.NO_SLOT
        if address is None:
            # The one that was free last: its memory is there already, and near.
            slot = self._free.pop()
            np.copyto(self._slot(slot), frame)
        order = wire.ORDER.pack(self._opening.number, index, slot, address or 0)
        hand = self._hands[index % len(self._hands)]
        try:
            self._flying[index] = (hand, line, None if address is None else frame)
            given = self._give(hand, order, wait)
        except BaseException:
            # An interrupt. Nobody knows whether the order has gone, so this number can be no other frame's.
            self._fail(index, "interrupted")
            raise
        if not given:
            del self._flying[index]
            if address is None:
                self._free.append(slot)
        return given

    def _give(self, hand: Hand, order: bytes, wait: bool) -> bool:
        while not hand.send(order):
            # Other recordings have filled its pipe.
            if not wait:
                return False
            time.sleep(0.001)
        return True

    def _slot(self, number: int) -> Frame:
        if number not in self._slots:
            self._slots[number] = self._layout.view(self._shared, wire.slot_offset(number, self._layout.size))
        return self._slots[number]

    def _wait(self, deadline: float | None = None) -> None:
        """Wait for a result."""
        before = len(self._flying), len(self._marks)
        # Who is woken by each result gets in the way of the next.
        time.sleep(_NAP)
        self._collect()
        if (len(self._flying), len(self._marks)) != before:
            return
        Hand.wait(self._hands, self._results, None if deadline is None else max(0.0, deadline - time.monotonic()))
        self._collect()
        lost = [index for index, (hand, _, _) in self._flying.items() if hand.failure is not None]
        if lost:
            self._fail(lost[0], f"{self._flying[lost[0]][0].failure}")
            self.row.lose(lost)
            for index in lost:
                del self._flying[index]

    def _fail(self, index: int, why: str) -> None:
        self.row.fail(SpoolError(f"cannot write {frame_path(self._directory, index)}: {why}"))

    def _collect(self) -> None:
        """Hear what has become of the frames."""
        try:
            data = self._unread + os.read(self._results, 65_536)
        except BlockingIOError:
            return
        at, size = 0, wire.RESULT.size
        while len(data) - at >= size:
            index, slot, outcome = wire.RESULT.unpack_from(data, at)
            if (end := at + size + max(outcome, 0)) > len(data):
                break
            self._landed(index, slot, outcome, data[at + size : end])
            at = end
        self._unread = data[at:]
        if self.row.annotations.due and (self._flusher is None or not self._flusher.is_alive()):
            self._flusher = threading.Thread(target=self._flush, name=f"annotations of {self._directory}", daemon=True)
            self._flusher.start()

    def _flush(self) -> None:
        try:
            self.row.annotations.flush()
        except DaddyEncodeError as error:
            self.row.fail(error)

    def _landed(self, index: int, slot: int, outcome: int, text: bytes) -> None:
        if outcome == wire.MARKED:
            self._marks.discard(index)
            return
        _, line, frame = self._flying.pop(index)
        if outcome == wire.UNREADABLE:
            # A device's memory, perhaps. From now on frames are copied.
            assert frame is not None
            self._addressed = False
            self._unmarked = True
            self._send(index, line, frame, None, wait=True)
            return
        if frame is None:
            self._free.append(slot)
        else:
            self._spent.append(frame)
        if outcome == wire.WRITTEN:
            self.row.add(index, line)
        elif outcome != wire.LEFT_OUT:
            self.row.fail(SpoolError(text.decode()))
