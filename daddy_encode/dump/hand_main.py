"""The program of a hand (see `hand`): compress and write the frames that its rollout points out.

It ends when the rollout's end of the pipe is closed, that is with the rollout, whatever ends that.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import mmap
import operator
import os
import select
import signal
import socket
import time
from pathlib import Path

import msgspec

from daddy_encode.dump import wire
from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.frame_file import frame_error, frame_path, write_frame
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.layout import Layout
from daddy_encode.dump.memory import ParentMemory
from daddy_encode.dump.png import encode_png, rows_for
from daddy_encode.dump.shared_filters import SharedFilters

# To wake a process costs the one that wakes it 10 to 40 microseconds, a twentieth of a fast rollout's step. So a hand
# that runs out of work looks again by itself, and only after so many naps does it sleep until it is woken.
_NAP = 0.0005
_NAPS = 10
# So many orders are read at once, and so many bytes of pixels compressed before they are written.
_AT_ONCE = 64
_AT_ONCE_BYTES = 8 * 2**20


class _Unreadable(Exception):
    """The rollout's memory cannot be read there."""


class _Recording:
    """One directory's frames."""

    def __init__(self, opening: wire.Opening, shared: int, results: int, memory: ParentMemory) -> None:
        self._directory = opening.directory
        self._layout = Layout(opening.shape, opening.strides)
        self._shared = mmap.mmap(shared, 0)
        self._turn = shared
        self._agreed = memoryview(self._shared)[: wire.PAGE].cast("q")
        self._budget = DiskBudget(Path(opening.directory), opening.min_free, self._agreed[wire.BUDGET])
        self._filters = SharedFilters(self._agreed[wire.FILTERS])
        self._results = results
        self._memory = memory
        self._rows = rows_for(opening.shape)
        self._own: bytearray | None = None

    def write_all(self, orders: list[tuple[int, int, int]]) -> None:
        """Compress and write frames: index, slot and address of each."""
        at_once = max(1, _AT_ONCE_BYTES // self._layout.size)
        for first in range(0, len(orders), at_once):
            self._write(orders[first : first + at_once])

    def mark(self, index: int) -> None:
        """Say that what came before is done."""
        self._tell(wire.RESULT.pack(index, wire.MARK, wire.MARKED))

    def end(self) -> None:
        """Let go of what was opened for it."""
        os.close(self._results)
        os.close(self._turn)

    def _write(self, orders: list[tuple[int, int, int]]) -> None:
        pngs = [self._compress(*order) for order in orders]
        # Two processes that make files in one directory at a time keep each other waiting in the kernel: measured on
        # ext4, a file then takes twice as long. In turns, one compresses while the other writes.
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            results = [self._result(index, slot, png) for (index, slot, _), png in zip(orders, pngs, strict=True)]
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)
        # In one piece, for only one of them can be an error.
        self._tell(b"".join(results))

    def _tell(self, results: bytes) -> None:
        # A rollout that has been killed does not hear of it; its frames are written all the same.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._results, results)

    def _compress(self, index: int, slot: int, address: int) -> bytes | Exception:
        try:
            frame = self._pixels(slot, address)
            return encode_png(frame, self._filters.of(index, frame), self._rows)
        except Exception as error:
            return error

    def _result(self, index: int, slot: int, png: bytes | Exception) -> bytes:
        if self._agreed[wire.FAILED]:
            return wire.RESULT.pack(index, slot, wire.LEFT_OUT)
        path = frame_path(self._directory, index)
        try:
            if isinstance(png, Exception):
                raise png
            write_frame(path, png, self._budget)
        except _Unreadable:
            return wire.RESULT.pack(index, slot, wire.UNREADABLE)
        except Exception as error:
            self._agreed[wire.FAILED] = 1
            text = str(frame_error(path, error)).encode(errors="backslashreplace")[: wire.ERROR_BYTES]
            return wire.RESULT.pack(index, slot, len(text)) + text
        return wire.RESULT.pack(index, slot, wire.WRITTEN)

    def _pixels(self, slot: int, address: int) -> Frame:
        if slot != wire.NO_SLOT:
            return self._layout.view(self._shared, wire.slot_offset(slot, self._layout.size))
        if self._own is None:
            self._own = bytearray(self._layout.size)
            self._own_view = self._layout.view(self._own)
        if not self._memory.read(address, self._own):
            raise _Unreadable
        return self._own_view


class _Hand:
    def __init__(self, orders: int, control: socket.socket, memory: ParentMemory) -> None:
        self._orders = orders
        self._control = control
        self._memory = memory
        self._recordings: dict[int, _Recording] = {}
        self._idle = select.poll()
        self._idle.register(orders, select.POLLIN)
        self._idle.register(control, select.POLLIN)

    def run(self) -> None:
        # A rollout that ended meanwhile has left orders all the same.
        with contextlib.suppress(OSError):
            self._control.send(wire.READY)
        while orders := self._next():
            for number, group in itertools.groupby(wire.ORDER.iter_unpack(orders), operator.itemgetter(0)):
                while number not in self._recordings:
                    self._hear()
                self._work(number, [(index, slot, address) for _, index, slot, address in group])

    def _work(self, number: int, orders: list[tuple[int, int, int]]) -> None:
        recording = self._recordings[number]
        frames: list[tuple[int, int, int]] = []
        for index, slot, address in orders:
            if slot == wire.MARK:
                recording.write_all(frames)
                recording.mark(index)
                frames = []
            elif slot == wire.END:
                self._recordings.pop(number).end()
            else:
                frames.append((index, slot, address))
        recording.write_all(frames)

    def _next(self) -> bytes:
        """The next orders; none once the rollout has ended."""
        naps = 0
        while True:
            try:
                # Whole ones: the pipe took whole ones.
                return os.read(self._orders, _AT_ONCE * wire.ORDER.size)
            except BlockingIOError:
                naps += 1
            if naps <= _NAPS:
                time.sleep(_NAP)
            elif any(ready == self._control.fileno() for ready, _ in self._idle.poll()):
                self._hear()

    def _hear(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._control, 65_536, 2)
        if not data:
            # The rollout has ended.
            os._exit(0)
        opening = msgspec.json.decode(data, type=wire.Opening)
        shared, results = descriptors
        self._recordings[opening.number] = _Recording(opening, shared, results, self._memory)


def main(orders: int, control: int, memory: int, rollout: int) -> None:
    """Serve until the rollout, process `rollout`, ends. The other arguments: descriptors that `hand` has opened."""
    for number in wire.SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, wire.SIGNALS)
    # Nothing of the rollout's working directory shall be in use because of us.
    os.chdir("/")
    _Hand(orders, socket.socket(fileno=control), ParentMemory(rollout, memory)).run()
    # Nothing is left to be tidied up.
    os._exit(0)
