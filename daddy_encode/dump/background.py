"""Frames to files on background threads: a bounded number in flight, an unbroken row on disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.frame_file import frame_error, frame_path, write_frame
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.png import encode_png
from daddy_encode.dump.row import Row
from daddy_encode.dump.shared_filters import SharedFilters
from daddy_encode.errors import DaddyEncodeError, SpoolError

# To wake a thread costs a fast rollout more than all else in `put`: on CartPole, a tenth of its speed. So a thread
# that runs out of work looks again by itself after this many seconds, and only if there is still none does it sleep
# until it is woken.
_NAP = 0.005
# What a thread takes to begin, on a busy node.
_THREAD_SECONDS = 0.5


class Background:
    """Compresses and writes what `put` takes, in order of its number, on up to `threads` daemon threads.

    capacity: how many frames may be taken and not yet be on disk.
    ended: called once on the last thread, after `close`, when all is written.
    `row`: what is on disk; nothing is written after its first error.
    """

    def __init__(
        self, directory: Path, budget: DiskBudget, *, threads: int, capacity: int, ended: Callable[[], None]
    ) -> None:
        self.row = Row(directory)
        self._directory = directory
        self._budget = budget
        self._max_threads = threads
        self._capacity = capacity
        self._ended = ended
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._jobs: deque[tuple[Frame, bool, bytes]] = deque()
        self._taken = 0
        self._active = 0
        self._threads = 0
        self._closing = False
        self._asleep = 0
        # Threads work on frames that follow one another: of two stretches at most.
        self._filters = SharedFilters([0, 0])
        # Buffers to copy into again: memory fresh from the system costs more than the copy itself.
        self._spare: list[Frame] = []
        self._order = threading.Lock()

    def put(self, frame: Frame, line: bytes, *, copy: bool, wait: bool) -> bool:
        """Queue `frame`; False where there is no room and `wait` is false, or where something has failed.

        copy: take a copy now; else the array is read later and must stay as it is.
        """
        with self._lock:
            while self.row.error is None and len(self._jobs) + self._active >= self._capacity:
                if not wait:
                    return False
                self._room.wait()
            if self.row.error is not None:
                return False
            buffer = self._spare.pop() if copy and self._spare else None
        if copy:
            # Laid out as the frame is, so that the copy is one sweep through memory even for a transposed view.
            buffer = np.empty_like(frame) if buffer is None else buffer
            _copy(buffer, frame)
            frame = buffer
        with self._lock:
            # Before the frame is queued: without any thread nobody would ever write it.
            if self._threads < min(self._max_threads, 1 + len(self._jobs)):
                self._start_thread()
            self._jobs.append((frame, copy, line))
            if self._asleep or 4 * len(self._jobs) >= self._capacity:
                self._work.notify()
        return True

    def close(self, *, drop: bool = False) -> None:
        """Take no more; let the threads end when all is written, or at once with `drop`. Does not wait."""
        with self._lock:
            self._closing = True
            if drop:
                self._jobs.clear()
            self._work.notify_all()
            idle = self._threads == 0
        if idle:
            self._ended()

    def _start_thread(self) -> None:
        # A daemon: a rollout that ends without close() must not hang here.
        thread = threading.Thread(target=self._run, name=f"frames of {self._directory}", daemon=True)
        self._threads += 1
        try:
            thread.start()
        except RuntimeError as error:
            self._threads -= 1
            if self._threads == 0:
                raise SpoolError(f"cannot write {self._directory}: {error}; allow this process more threads") from error
        except BaseException:
            # An interrupt: the thread may be on its way.
            deadline = time.monotonic() + _THREAD_SECONDS
            while thread.ident is None and time.monotonic() < deadline:
                time.sleep(0.001)
            self._threads -= thread.ident is None
            raise

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs and not self._closing:
                    self._work.wait(_NAP)
                while not self._jobs and not self._closing:
                    self._asleep += 1
                    self._work.wait()
                    self._asleep -= 1
                if not self._jobs:
                    self._threads -= 1
                    last = self._threads == 0
                    break
                frame, reuse, line = self._jobs.popleft()
                index = self._taken
                self._taken += 1
                self._active += 1
            self._write(index, frame, line)
            with self._lock:
                self._active -= 1
                if reuse:
                    self._spare.append(frame)
                self._room.notify()
            # While this thread waits for more, the frame shall not stay in memory.
            del frame
        if last:
            self._ended()

    def _write(self, index: int, frame: Frame, line: bytes) -> None:
        # Here every microsecond of Python counts twice: it holds the GIL, for which the rollout then waits.
        path = frame_path(self._directory, index)
        try:
            write_frame(path, encode_png(frame, self._filters.of(index, frame)), self._budget)
            with self._order:
                self.row.add(index, line)
                if self.row.annotations.due:
                    self.row.annotations.flush()
        except Exception as error:
            self._fail(frame_error(path, error))

    def _fail(self, error: DaddyEncodeError) -> None:
        with self._lock:
            self.row.fail(error)
            self._jobs.clear()
            self._room.notify_all()


def _copy(target: Frame, source: Frame) -> None:
    if source.flags.c_contiguous and target.flags.c_contiguous:
        # numpy would release the GIL for this fraction of a millisecond, and the rollout would then wait for a
        # background thread to give it back: measured, ten times as long as the copy.
        target.data.cast("B")[:] = source.data.cast("B")
    else:
        np.copyto(target, source)
