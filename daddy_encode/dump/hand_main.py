"""The program of a hand (see `hand`): compress and write the frames that its rollout points out.

It ends when the rollout's end of the pipe is closed, that is with the rollout, whatever ends that.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import socket
import time
from pathlib import Path

import msgspec

from daddy_encode.dump import wire
from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.frame_file import write_frame
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.layout import Layout
from daddy_encode.dump.shared_filters import SharedFilters
from daddy_encode.errors import DaddyEncodeError

# To wake a process costs the one that wakes it 10 to 40 microseconds, a twentieth of a fast rollout's step. So a hand
# that runs out of work looks again by itself, and only after so many naps does it sleep until it is woken.
_NAP = 0.0005
_NAPS = 10


class _Unreadable(Exception):
    """The rollout's memory cannot be read there."""


class _Recording:
    """One directory's frames. `memory`: a descriptor of the rollout's memory, or -1."""

    def __init__(self, opening: wire.Opening, shared: int, results: int, memory: int) -> None:
        self._directory = opening.directory
        self._layout = Layout(opening.shape, opening.strides)
        self._shared = mmap.mmap(shared, 0)
        os.close(shared)
        self._agreed = memoryview(self._shared)[: wire.PAGE].cast("q")
        self._budget = DiskBudget(Path(opening.directory), opening.min_free, self._agreed[wire.BUDGET])
        self._filters = SharedFilters(self._agreed[wire.FILTERS])
        self._results = results
        self._memory = memory
        self._own = bytearray()

    def write(self, index: int, slot: int, address: int) -> None:
        outcome, text = wire.WRITTEN, b""
        try:
            if self._agreed[wire.FAILED]:
                outcome = wire.LEFT_OUT
            else:
                frame = self._pixels(slot, address)
                write_frame(self._directory, index, frame, self._filters.of(index, frame), self._budget)
        except _Unreadable:
            outcome = wire.UNREADABLE
        except DaddyEncodeError as error:
            text = str(error).encode(errors="backslashreplace")[: wire.ERROR_BYTES]
            outcome = len(text)
            self._agreed[wire.FAILED] = 1
        # A rollout that has been killed does not hear of it; its frames are written all the same.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._results, wire.RESULT.pack(index, slot, outcome) + text)

    def _pixels(self, slot: int, address: int) -> Frame:
        if slot != wire.NO_SLOT:
            return self._layout.view(self._shared, wire.slot_offset(slot, self._layout.size))
        if not self._own:
            self._own = bytearray(self._layout.size)
        try:
            got = os.preadv(self._memory, [self._own], address)
        except OSError:
            got = 0
        if got != len(self._own):
            raise _Unreadable
        return self._layout.view(self._own)

    def end(self) -> None:
        os.close(self._results)


class _Hand:
    def __init__(self, orders: int, control: socket.socket, memory: int) -> None:
        self._orders = orders
        self._control = control
        self._memory = memory
        self._recordings: dict[int, _Recording] = {}
        self._idle = select.poll()
        self._idle.register(orders, select.POLLIN)
        self._idle.register(control, select.POLLIN)

    def run(self) -> None:
        self._control.send(wire.READY)
        while order := self._next():
            number, index, slot, address = wire.ORDER.unpack(order)
            while number not in self._recordings:
                self._hear()
            self._recordings[number].write(index, slot, address)

    def _next(self) -> bytes:
        """The next order; nothing once the rollout has ended."""
        naps = 0
        while True:
            try:
                return os.read(self._orders, wire.ORDER.size)
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
        if descriptors:
            opening = msgspec.json.decode(data, type=wire.Opening)
            shared, results = descriptors
            self._recordings[opening.number] = _Recording(opening, shared, results, self._memory)
        else:
            self._recordings.pop(msgspec.json.decode(data, type=wire.Ending).number).end()


def main(orders: int, control: int, memory: int) -> None:
    """Serve until the rollout ends. Arguments: descriptors that `hand` has opened."""
    ours = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    # A terminal's Ctrl-C and Slurm's signals go to all processes; the rollout shall decide what they mean.
    for number in ours:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)
    # Nothing of the rollout's working directory shall be in use because of us.
    os.chdir("/")
    _Hand(orders, socket.socket(fileno=control), memory).run()
    # Nothing is left to be tidied up.
    os._exit(0)
