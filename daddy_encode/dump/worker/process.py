"""The worker process of this rollout: started once, shared by all its recordings, ends after it.

A thread would compress as fast, but for Python's one interpreter lock: whenever a thread wants it back, a fast rollout
stops.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import resource
import select
import signal
import socket
import sys
import threading
import time

from daddy_encode.dump.worker import protocol
from daddy_encode.dump.worker.channel import socket_pair
from daddy_encode.errors import one_line

log = logging.getLogger(__name__)

_PROGRAM = "import sys; sys.path = {path}; from daddy_encode.dump.worker.__main__ import main; main({descriptor})"
# What may pass: the next recording tries again.
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
# What Python and numpy take to load on a busy node with a slow disk, and more.
_START_SECONDS = 20.0
# Between two looks for room. Meanwhile the death of the worker process is noticed at once.
_POLL_MS = 1
_WORD = 64
# The control socket, and for a moment its other end, a recording's memory and a long text.
_DESCRIPTORS = 4
# A worker that has nothing to do ends at once.
_END_SECONDS = 1.0


class WorkerProcess:
    """A child process that serves recordings."""

    def __init__(self) -> None:
        """Start it, and do not wait for it. Raises OSError where it cannot be started."""
        # Only a rollout that starts one needs what this takes to load.
        import subprocess

        self._ready = False
        self._numbers = itertools.count()
        self._refused: set[int] = set()
        # Whether it ever had a recording, and whether it is dead.
        self.used = self.gone = False
        self.control, theirs = socket_pair()
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
            self._ready = self._says_something(1000 * _START_SECONDS) and self.control.recv(_WORD) == protocol.READY
            if not self._ready:
                how = self.how_it_ended()
                # One that hangs would stay for ever.
                self._process.kill()
                raise OSError(f"the process that writes frames did not start: {how}")

    def next_number(self) -> int:
        """Of a recording, for its messages."""
        self.used = True
        return next(self._numbers)

    def pause(self) -> None:
        """Wait for a moment, or its death."""
        # Where there is no memory even for that, whoever waits looks the sooner.
        with contextlib.suppress(OSError):
            self._says_something(_POLL_MS)

    def _says_something(self, milliseconds: float) -> bool:
        if (descriptor := self.control.fileno()) < 0:
            return False
        # select() knows no descriptor above 1023.
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def why_not(self, number: int) -> str | None:
        """None while it serves the recording of that number, else what is the matter."""
        try:
            while word := self.control.recv(_WORD, socket.MSG_DONTWAIT):
                self._refused.add(int.from_bytes(word, sys.byteorder))
            self.gone = True
        except OSError as error:
            self.gone = not isinstance(error, BlockingIOError)
        if self.gone:
            return self.how_it_ended()
        return "has no memory, threads or descriptors left" if number in self._refused else None

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
            self.control.close()


_worker: WorkerProcess | None = None
_lock = threading.RLock()
# A Python inside another program cannot start itself, and that does not change.
_impossible = not os.path.basename(sys.executable or "").startswith("python")
_told = False


def worker(*, wait: bool = True) -> WorkerProcess | None:
    """This process's worker, which the first call starts; None where none can be. `wait`: until it is ready."""
    global _worker
    with _lock:
        if _impossible:
            return None
        # Twice, for one that was killed before it was ready.
        for last in (False, True):
            try:
                if _worker is None:
                    _leave_half()
                    _worker = WorkerProcess()
                if wait:
                    _worker.wait_until_ready()
                break
            except OSError as error:
                if last or "killed" not in str(error):
                    end()
                    use_threads(str(error), for_ever=error.errno not in PASSING)
                    return None
                end()
        return _worker


def use_threads(why: str, *, for_ever: bool) -> None:
    """Frames are compressed on threads, this time or from now on; says so once."""
    global _impossible, _told
    with _lock:
        if not _told:
            log.warning("frames are compressed on threads, not in a process of their own: %s", one_line(why))
        _told = True
        _impossible = _impossible or for_ever
        if for_ever and _worker is not None and not _worker.used:
            end()


def _leave_half() -> None:
    # The rest is the training's: it must not fail at a file of its own because of what is recorded.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = os.open("/", os.O_PATH | os.O_CLOEXEC)
    os.close(lowest)
    if lowest + _DESCRIPTORS > limit // 2:
        raise OSError(errno.EMFILE, f"of the {limit} open files that this process may have half are in use (ulimit -n)")


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
