"""A hand: a child process that compresses and writes frames, from this side. `hand_main` is its program.

A thread would do, but for Python's one interpreter lock: whenever a thread wants it back, a fast rollout stops.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys

import msgspec

from daddy_encode.dump import wire
from daddy_encode.errors import one_line

_PROGRAM = (
    "import sys; sys.path = {path}; from daddy_encode.dump.hand_main import main; "
    "main({orders}, {control}, {memory}, {rollout})"
)
# What Python and numpy take to load on a busy node with a slow disk, and more.
_START_SECONDS = 20.0
# A hand that has nothing to do ends at once.
_END_SECONDS = 1.0
# Room for 40,000 orders, where the system allows it; else for 2,000.
_PIPE_BYTES = 2**20


class Hand:
    """`failure`: why nothing more is to be expected of it. `recordings`: how many it works for."""

    def __init__(self, memory: int) -> None:
        """Start it, and do not wait for it. `memory`: a descriptor of this process's memory, or -1.

        Raises OSError where it cannot be started.
        """
        self.failure: str | None = None
        self.recordings = 0
        self._ready = False
        theirs, self._orders = os.pipe()
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._orders, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            # The flag is each end's own.
            for descriptor in (theirs, self._orders, self._control.fileno()):
                os.set_blocking(descriptor, False)
            self._process = _start(orders=theirs, control=control.fileno(), memory=memory)
        except OSError:
            self.let_go()
            raise
        finally:
            os.close(theirs)
            control.close()

    def wait_until_ready(self) -> bool:
        """Whether it works; after a while at most."""
        if not self._ready and _poll([self._control.fileno()], _START_SECONDS):
            self._ready = self._word() == wire.READY
        if not self._ready:
            self.failure = self.failure or f"the process that writes frames did not start: {self._how_it_ended()}"
        return self._ready

    def open(self, opening: wire.Opening, shared: int, results: int) -> None:
        """Tell it of a recording, whose shared memory and pipe for results these descriptors are."""
        self.recordings += 1
        try:
            socket.send_fds(self._control, [msgspec.json.encode(opening)], [shared, results])
        except OSError as error:
            # It has died, or has not listened for hundreds of recordings.
            self.failure = self.failure or f"the process that writes frames does not listen: {one_line(str(error))}"

    def leave(self) -> None:
        """A recording needs it no more."""
        self.recordings -= 1
        if self.failure is not None and self.recordings == 0:
            self.let_go()

    def send(self, order: bytes) -> bool:
        """Give an order; False while there is no room for one."""
        try:
            os.write(self._orders, order)
        except BlockingIOError:
            return False
        except OSError:
            self.failure = f"the process that writes frames {self._how_it_ended()}"
        return True

    def end(self) -> None:
        """Let it end, which it does when all is done. Waits a moment."""
        self.let_go()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def let_go(self) -> None:
        """Close what this process has open of it. A second time nothing happens."""
        self._control.close()
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def hear(self) -> None:
        """Notice that it has died; call this when `wait` says that there is news of it."""
        word = self._word()
        if word == wire.READY:
            self._ready = True
        elif word is not None:
            self.failure = self.failure or f"the process that writes frames {self._how_it_ended()}"

    def _word(self) -> bytes | None:
        """What it said, nothing where it has died; None where it said nothing."""
        try:
            return self._control.recv(64)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "does not answer"
        return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"

    @staticmethod
    def wait(hands: list[Hand], results: int, seconds: float | None = None) -> None:
        """Wait until there is something to read from `results`, or one of `hands` has died, at most so long."""
        controls = {hand._control.fileno(): hand for hand in hands}
        for ready in _poll([results, *controls], seconds):
            if ready in controls:
                controls[ready].hear()


def _start(**descriptors: int) -> subprocess.Popen[bytes]:
    # As this process finds its modules, wherever it is run.
    program = _PROGRAM.format(
        path=json.dumps([os.path.abspath(path) for path in sys.path]), rollout=os.getpid(), **descriptors
    )
    # numpy's linear algebra would start a thread per processor, each with its memory.
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, wire.SIGNALS)
    try:
        return subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **alone},
            pass_fds=[descriptor for descriptor in descriptors.values() if descriptor >= 0],
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _poll(descriptors: list[int], seconds: float | None) -> list[int]:
    # select() knows no descriptor above 1023.
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(None if seconds is None else 1000 * seconds)]
