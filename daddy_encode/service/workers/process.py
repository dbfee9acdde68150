"""Starting worker processes, and the pool's side of each."""

from __future__ import annotations

import contextlib
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

_PROGRAM = "import sys; sys.path = {path}; from daddy_encode.service.workers.child import main; main({descriptors})"
# A process whose socket has closed is about to be gone.
_END_SECONDS = 5.0
_POLL_SECONDS = 0.005


class WorkerProcess:
    """A worker process, as its pool sees it.

    Attributes:
        line: What is said to it and by it.
        has_begun: Whether it has said so.
    """

    def __init__(self, line: Line, child: int | None) -> None:
        """`child`: its process ID where it is a child of this process."""
        self.line = line
        self.has_begun = False
        self._child = child
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
        if self._child is not None:
            child, self._child = self._child, None
            with contextlib.suppress(ChildProcessError):
                status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        end = time.monotonic() + _END_SECONDS
        # Its claims count until it is gone.
        while self._pid is not None and not is_gone(self._pid) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return "was killed"


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
        self._starter: subprocess.Popen[bytes] | None = None
        # A process that has threads cannot be forked safely.
        start = self._fork if may_fork and len(os.listdir("/proc/self/task")) == 1 else self._spawn
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            start(count, shared)
        except OSError:
            # The machine has no room for so many processes now, or descriptors: it needs what there is for ffmpeg.
            self.stop()
            self.wait()
            self.all.clear()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _fork(self, count: int, shared: Shared) -> None:
        # What is there now is not gone through for garbage, and so stays shared.
        gc.freeze()
        for _ in range(count):
            ours, theirs = socket.socketpair()
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                theirs.close()
                raise
            if pid == 0:
                # Whoever holds these keeps the others from seeing that the pool is gone.
                for other in (ours, *(process.line.socket for process in self.all)):
                    other.close()
                serve(theirs, shared)
            theirs.close()
            self.all.append(WorkerProcess(Line(ours), pid))

    def _spawn(self, count: int, shared: Shared) -> None:
        if not os.path.basename(sys.executable or "").startswith("python"):
            # A Python inside another program cannot start itself.
            return
        pairs: list[tuple[socket.socket, socket.socket]] = []
        try:
            pairs += (socket.socketpair() for _ in range(count))
            descriptors = [theirs.fileno() for _, theirs in pairs]
            # As this process finds its modules, wherever it is run.
            path = ascii([os.path.abspath(path) for path in sys.path])
            self._starter = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM.format(path=path, descriptors=descriptors)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                # numpy's linear algebra would start threads, and nothing here uses it.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=descriptors,
            )
            assert self._starter.stdin is not None
            with self._starter.stdin as stream:
                pickle.dump(shared, stream)
            self.all += (WorkerProcess(Line(ours), None) for ours, _ in pairs)
        finally:
            for ours, theirs in pairs:
                theirs.close()
                if not self.all:
                    ours.close()

    def stop(self) -> None:
        """As for each."""
        for process in self.all:
            process.stop()

    def wait(self) -> None:
        """Wait until all have ended, as they were told."""
        for process in self.all:
            process.wait()
            process.line.socket.close()
        if self._starter is not None:
            self._starter.wait()


def log_level() -> int:
    """The lowest level of this package's loggers: what is sent to them is looked at once more."""
    names = [name for name in logging.root.manager.loggerDict if name == LOGGER or name.startswith(f"{LOGGER}.")]
    return min((logging.getLogger(name).getEffectiveLevel() for name in names), default=logging.WARNING)
