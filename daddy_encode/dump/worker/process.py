"""The worker process of this rollout: started once, shared by all its recordings, ends after it.

A thread would compress as fast, but for Python's one interpreter lock: whenever a thread wants it back, a fast rollout
stops.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time

from daddy_encode.dump.worker import protocol
from daddy_encode.errors import one_line

log = logging.getLogger(__name__)

_PROGRAM = "import sys; sys.path = {path}; from daddy_encode.dump.worker.__main__ import main; main({descriptor})"
# What Python and numpy take to load on a busy node with a slow disk, and more.
_START_SECONDS = 20.0
# A worker that has nothing to do ends at once.
_END_SECONDS = 1.0


class WorkerProcess:
    """A child process that serves recordings."""

    def __init__(self) -> None:
        """Start it, and do not wait for it. Raises OSError where it cannot be started."""
        # Only a rollout that starts one needs what this takes to load.
        import subprocess

        self._ready = False
        self._control, theirs = protocol.socket_pair()
        # As this process finds its modules, wherever it is run.
        path = ascii([os.path.abspath(path) for path in sys.path])
        # numpy's linear algebra would start a thread per processor, each with its memory.
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, protocol.SIGNALS)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=path, descriptor=theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **alone},
                pass_fds=[theirs.fileno()],
                # A process group that is killed as a whole, such as a shell's job, leaves the worker to finish.
                start_new_session=True,
            )
        except OSError:
            self.let_go()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()

    def wait_until_ready(self) -> None:
        """Wait until it works. Raises OSError where it never will."""
        if not self._ready:
            # select() knows no descriptor above 1023.
            poll = select.poll()
            poll.register(self._control, select.POLLIN)
            self._ready = bool(poll.poll(1000 * _START_SECONDS)) and self._control.recv(64) == protocol.READY
            if not self._ready:
                how = self.how_it_ended()
                # One that hangs would stay for ever.
                self._process.kill()
                raise OSError(f"the process that writes frames did not start: {how}")

    def serve(self, memory: int, end: int) -> bool:
        """Give it a recording, whose shared memory and server's end these are; whether it is there to take that."""
        try:
            socket.send_fds(self._control, [b"\0"], [memory, end])
        except ConnectionError:
            return False
        return True

    def how_it_ended(self) -> str:
        """What has become of it, for an error's text. Waits a moment for its end."""
        deadline = time.monotonic() + _END_SECONDS
        while (status := self._process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if status is None:
            return "does not answer"
        return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"

    def let_go(self) -> None:
        """Close this process's end: then it ends, once all is written."""
        # A program may close all descriptors behind our back.
        with contextlib.suppress(OSError):
            self._control.close()


_worker: WorkerProcess | None = None
_lock = threading.RLock()
# A Python inside another program cannot start itself, and that does not change.
_impossible = not os.path.basename(sys.executable or "").startswith("python")


def worker(*, wait: bool = True) -> WorkerProcess | None:
    """This process's worker, which the first call starts; None where none can be. `wait`: until it is ready."""
    global _worker
    with _lock:
        if _impossible:
            return None
        # Twice, for one that was killed before it was ready.
        for last in (False, True):
            try:
                _worker = _worker or WorkerProcess()
                if wait:
                    _worker.wait_until_ready()
                break
            except OSError as error:
                if last or "killed" not in str(error):
                    give_up(str(error))
                    break
                end()
        return _worker


def give_up(why: str) -> None:
    """There is no worker from now on; says so once."""
    global _impossible
    with _lock:
        if not _impossible:
            log.warning("frames are compressed on threads, not in a process of their own: %s", one_line(why))
        _impossible = True
        end()


def end(dead: WorkerProcess | None = None) -> None:
    """End this process's worker, or only if it is the one that a recording has found dead: the next gets another."""
    global _worker
    with _lock:
        if _worker is not None and dead in (None, _worker):
            _worker.let_go()
            _worker.how_it_ended()
            _worker = None


def _after_fork() -> None:
    global _worker, _lock
    _worker, _lock = None, threading.RLock()


os.register_at_fork(after_in_child=_after_fork)
