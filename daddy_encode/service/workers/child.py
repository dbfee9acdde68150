"""A worker process: attempts what its pool sends, until that stops or is gone."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from daddy_encode.encoding.ffmpeg.children import end_all
from daddy_encode.service.attempt import Outcome
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.watcher.memory import release_memory
from daddy_encode.service.workers.attempt_job import JobAttempts, unexpected
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
from daddy_encode.spool.claims import Claims

# What a terminal, Slurm or systemd sends to every process of a group: what it means is the pool's to say.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP)
LOGGER = "daddy_encode"
# Between two reports of progress: a bar is for eyes.
PROGRESS_SECONDS = 0.1
# With nothing to do for so long, what earlier jobs have left in memory is freed.
IDLE_MS = 1000
_POLL_MS = 10


class ChildProcess:
    """The worker's side of a pair of sockets."""

    def __init__(self, end: socket.socket, shared: Shared) -> None:
        self._line = Line(end)
        self._stop = StopSwitch()
        self._claims = _Claims(shared, self._say)
        self._shares = _Shares(self._say)
        context = shared.make_context()
        self._attempts = JobAttempts(context, self._claims, self._stop, self._shares.add)
        self._running = 0
        self._lock = threading.Lock()
        logger = logging.getLogger(LOGGER)
        logger.handlers, logger.propagate = [_ToPool(self._say)], False
        logger.setLevel(shared.level)

    def run(self) -> None:
        """Attempt what comes."""
        self._say(Hello(os.getpid()))
        poll = select.poll()
        poll.register(self._line.socket, select.POLLIN)
        has_worked = False
        while True:
            if not poll.poll(IDLE_MS if has_worked else None):
                if not self._running:
                    release_memory()
                    has_worked = False
                continue
            if (task := self._line.receive()) is None:
                break
            has_worked = True
            self._start(task)
        # A pool that is gone already was killed, and what runs is ended as if it had said so.
        was_alive = not _has_hung_up(self._line.socket, 0)
        self._stop.set()
        while self._running:
            if not was_alive:
                time.sleep(_POLL_MS / 1000)
            elif _has_hung_up(self._line.socket, _POLL_MS):
                # It was told to end at once.
                end_all()
                return

    def _start(self, task: Task) -> None:
        with self._lock:
            self._running += 1
        try:
            threading.Thread(target=self._run, args=(task,), name="encode").start()
        except (RuntimeError, MemoryError) as error:
            # The machine has no room for another thread now.
            self._end(task, unexpected(task.attempt.paths, error))

    def _run(self, task: Task) -> None:
        self._claims.remember(task.attempt.paths, task.seen)
        self._end(task, self._attempts.run(task.attempt, lambda: self._say(Encoded(task.number))))

    def _end(self, task: Task, outcome: Outcome) -> None:
        paths = task.attempt.paths
        seen = self._claims.seen(paths)
        self._claims.remember(paths, None)
        self._shares.flush()
        self._say(Ended(task.number, outcome, seen))
        with self._lock:
            self._running -= 1

    def _say(self, message: Struct) -> None:
        # Whoever does not hear it any more has no use for it.
        with contextlib.suppress(OSError):
            self._line.send(message)


class _Claims(Claims):
    """Those of a pool: it says of each lease once that it is in the way, in whichever process that was found."""

    def __init__(self, shared: Shared, say: Callable[[Struct], None]) -> None:
        super().__init__(shared.lease, shared.context["owners"].trusts, shared.context["tmp_dir"])
        self._say = say

    def say_unclaimed(self, path: Path, reason: str) -> None:
        self._say(Unclaimed(path, reason))


class _Shares:
    """Progress, reported now and then."""

    def __init__(self, say: Callable[[Struct], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._frames = 0.0
        self._told = time.monotonic()

    def add(self, frames: float) -> None:
        with self._lock:
            self._frames += frames
            if time.monotonic() < self._told + PROGRESS_SECONDS:
                return
        self.flush()

    def flush(self) -> None:
        with self._lock:
            frames, self._frames = self._frames, 0.0
            self._told = time.monotonic()
        if frames:
            self._say(Progressed(frames))


class _ToPool(logging.Handler):
    """Sends records to the pool's process, whose handlers write them."""

    def __init__(self, say: Callable[[Struct], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        # A traceback becomes text here.
        text = self.format(record)
        bare = dict.fromkeys(("args", "exc_info", "exc_text", "stack_info"))
        self._say(Logged({**record.__dict__, **bare, "msg": text, "message": text}))


def _has_hung_up(end: socket.socket, milliseconds: int) -> bool:
    """Whether the other end is closed, not only shut for what we receive; waits at most so long for that."""
    poll = select.poll()
    poll.register(end, 0)
    return bool(poll.poll(milliseconds))


def serve(end: socket.socket, shared: Shared, others: Iterable[socket.socket]) -> NoReturn:
    """Be a worker process, right after it was forked; SIGNALS are blocked.

    Args:
        end: The socket to the pool.
        shared: What the pool says first.
        others: Sockets that are closed: whoever holds these keeps the others from seeing that one of them is gone.
    """
    status = 1
    try:
        for other in others:
            other.close()
        _leave_signals_to_pool()
        ChildProcess(end, shared).run()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # Nothing of the process that it was forked from is to be cleaned up, or written, twice.
        os._exit(status)


def _leave_signals_to_pool() -> None:
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        # Not ignored: that would be inherited by ffmpeg.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def main(descriptors: Sequence[int]) -> None:
    """Start a worker process for each of these sockets, and wait for all of them; standard input says what they share.

    In a Python of its own, where there are no threads.
    """
    _leave_signals_to_pool()
    shared = pickle.load(sys.stdin.buffer)
    ends = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    gc.freeze()
    # Where there can be no more of them, the pool hears it from the sockets of the others.
    with contextlib.suppress(OSError):
        for number, end in enumerate(ends):
            if os.fork() == 0:
                serve(end, shared, ends[number + 1 :])
            end.close()
    for end in ends:
        end.close()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
