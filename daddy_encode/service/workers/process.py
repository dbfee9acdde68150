"""Starting worker processes, and the pool's side of each."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from daddy_encode.service.attempt import Attempt, Outcome
from daddy_encode.service.workers.child import LOGGER, SIGNALS, serve
from daddy_encode.service.workers.messages import (
    Encoded,
    Ended,
    Hello,
    Line,
    Logged,
    Progressed,
    Shared,
    Task,
    Unclaimed,
)
from daddy_encode.spool.claims.claims import Seen
from daddy_encode.spool.orphans import is_gone

log = logging.getLogger(__name__)

_PROGRAM = "import sys; sys.path = {path}; from daddy_encode.service.workers.child import main; main({descriptors})"
# A process whose socket has closed is about to be gone.
_END_SECONDS = 5.0
_POLL_SECONDS = 0.005


class WorkerProcess:
    """A worker process, as its pool sees it.

    Attributes:
        line: What is said to it and by it.
        has_begun: Whether it has said so.
        child: Its process ID where it is a child of this process.
    """

    def __init__(self, line: Line, child: int | None = None) -> None:
        self.line = line
        self.has_begun = False
        self.child = child
        self._pid: int | None = None

    def attempt(self, number: int, attempt: Attempt, seen: Seen | None) -> None:
        """Have it attempt a job, as in `Task`. Where it has ended, `listen` says so."""
        with contextlib.suppress(OSError):
            self.line.send(Task(number, attempt, seen))

    def listen(
        self,
        *,
        on_encoded: Callable[[int], None],
        on_progress: Callable[[float], None],
        on_unclaimed: Callable[[Path, str], None],
        on_ended: Callable[[int, Outcome, Seen | None], None],
    ) -> None:
        """Take in what it says, and log what it logs, until its end: each message by its function, with its fields."""
        while (message := self.line.receive()) is not None:
            match message:
                case Encoded(number):
                    on_encoded(number)
                case Progressed(frames):
                    on_progress(frames)
                case Ended(number, outcome, seen):
                    on_ended(number, outcome, seen)
                case Unclaimed(path, reason):
                    on_unclaimed(path, reason)
                case Logged(attributes):
                    record = logging.makeLogRecord(dict(attributes))
                    logger = logging.getLogger(record.name)
                    if logger.isEnabledFor(record.levelno):
                        logger.handle(record)
                case Hello(pid):
                    self._pid, self.has_begun = pid, True

    def stop(self) -> None:
        """Have it stop what runs, and end. Waits for nothing, and may be called in a signal handler."""
        with contextlib.suppress(OSError):
            self.line.socket.shutdown(socket.SHUT_WR)

    def wait(self) -> str:
        """Wait for its end, once it was told to, or has closed its socket; return how it ended, for people."""
        # These numbers may become others'.
        child, self.child = self.child, None
        pid, self._pid = self._pid, None
        if child is not None:
            with contextlib.suppress(ChildProcessError):
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        end = time.monotonic() + _END_SECONDS
        # Its claims count until it is gone.
        while pid is not None and not is_gone(pid) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return "was killed"

    def close(self) -> str:
        """Hear no more of it, so that it ends as where this process is gone; return as `wait` does."""
        with contextlib.suppress(OSError):
            self.line.socket.shutdown(socket.SHUT_RDWR)
        how = self.wait()
        self.line.socket.close()
        return how


class WorkerProcesses:
    """The worker processes of a pool, and the process that has started them where it is not this one."""

    def __init__(self, count: int, shared: Shared, *, may_fork: bool) -> None:
        """Start them; none where there cannot be so many.

        Args:
            count: How many.
            shared: What they are started with.
            may_fork: Whether this process does nothing else but encode, so that its like may work for it.
        """
        self.all: list[WorkerProcess] = []
        self._shared = shared
        self._starters: list[subprocess.Popen[bytes]] = []
        # A process that has threads cannot be forked safely.
        if may_fork and len(os.listdir("/proc/self/task")) == 1:
            self._start(self._fork, count)
        else:
            self._start(self._spawn, count)

    def another(self) -> WorkerProcess | None:
        """Start one in the place of one that has died, from any thread; None where there can be none."""
        # By now there are threads.
        return next(iter(self._start(self._spawn, 1)), None)

    def _start(self, start: Callable[[int], list[WorkerProcess]], count: int) -> list[WorkerProcess]:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            started = start(count)
        except Exception as error:
            # The machine has no room for so many processes now, or descriptors: it needs what there is for ffmpeg. And
            # whatever else is wrong, threads do the same work.
            log.debug("no worker processes: %s: %s", type(error).__name__, error)
            return []
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.all += started
        return started

    def _fork(self, count: int) -> list[WorkerProcess]:
        # What is there now is not gone through for garbage, and so stays shared.
        gc.freeze()
        started: list[WorkerProcess] = []
        with contextlib.ExitStack() as on_failure:
            for _ in range(count):
                ours, theirs = _pair()
                with theirs:
                    process = WorkerProcess(Line(ours))
                    on_failure.callback(process.close)
                    if (pid := os.fork()) == 0:
                        serve(theirs, self._shared, (ours, *(other.line.socket for other in started)))
                process.child = pid
                started.append(process)
            on_failure.pop_all()
        return started

    def _spawn(self, count: int) -> list[WorkerProcess]:
        if not os.path.basename(sys.executable or "").startswith("python"):
            # A Python inside another program cannot start itself.
            return []
        with contextlib.ExitStack() as on_failure, contextlib.ExitStack() as stack:
            pairs: list[tuple[socket.socket, socket.socket]] = []
            for _ in range(count):
                pairs.append(pair := _pair())
                on_failure.enter_context(pair[0])
                stack.enter_context(pair[1])
            descriptors = [theirs.fileno() for _, theirs in pairs]
            # As this process finds its modules, wherever it is run.
            path = ascii([os.path.abspath(path) for path in sys.path if isinstance(path, str)])
            starter = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=path, descriptors=descriptors)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # Where it cannot start, threads do the work.
                stderr=subprocess.DEVNULL,
                # numpy's linear algebra would start threads, and nothing here uses it.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=descriptors,
            )
            self._starters.append(starter)
            assert starter.stdin is not None
            with starter.stdin as stream:
                pickle.dump(self._shared, stream)
            on_failure.pop_all()
        return [WorkerProcess(Line(ours)) for ours, _ in pairs]

    def wait(self) -> None:
        """Wait until all have ended, as they were told."""
        for process in self.all:
            process.wait()
            process.line.socket.close()
        for starter in self._starters:
            starter.wait()


def _pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets. Where the standard streams are closed, it is not in their place: there Popen puts others."""
    one, other = socket.socketpair()
    return _above_streams(one), _above_streams(other)


def _above_streams(end: socket.socket) -> socket.socket:
    if end.fileno() > 2:
        return end
    with end:
        return socket.socket(fileno=fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3))


def log_level() -> int:
    """The lowest level of this package's loggers: what is sent to them is looked at once more."""
    names = [name for name in logging.root.manager.loggerDict if name == LOGGER or name.startswith(f"{LOGGER}.")]
    return min((logging.getLogger(name).getEffectiveLevel() for name in names), default=logging.WARNING)
