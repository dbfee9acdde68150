"""Frames into numbered PNGs: in the caller's thread and, where that pays, in helper threads."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from pathlib import Path

from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import CHOOSE_EVERY, choose_filter, compress_rows, filter_rows, rows_for
from daddy_encode.spool.publish import write_error
from daddy_encode.spool.recording.frame_store import Container, frame_store, stored_path

# Threads help with frames that take this long each, until they are compressed; with shorter ones they cost more than
# they bring. The system makes the files of one directory one by one, however long it takes.
_WORTH_A_THREAD_SECONDS = 0.0003
# So many frames tell how long one takes: the quickest, for the machine may have been busy with something else.
_TIMED_FRAMES = 4


class FrameFiles:
    """Writes frames in the caller's thread and, where that pays, in helper threads; `written` are those on disk."""

    def __init__(self, directory: Path, container: Container = "png") -> None:
        self.written: list[int] = []
        self._directory = str(directory)
        self._container: Container = container
        self._store = frame_store(container, directory, None)
        # Of frames that are to be stored in their order: those that are compressed before their turn.
        self._lock = threading.Lock()
        self._ready: dict[int, bytes] = {}
        self._next = 0
        self._seconds = float("inf")
        self._threads: list[threading.Thread] = []
        self._work: queue.SimpleQueue[tuple[int, Pixels, tuple[int, ...]] | None] = queue.SimpleQueue()
        self._spare_rows: list[Pixels] = []
        self._error: DaddyEncodeError | None = None

    def write(self, index: int, frame: Pixels) -> None:
        """Write the next frame, or let a helper do it; the frame may change afterwards.

        Raises SpoolError where this frame or an earlier one, which it names, could not be written.
        """
        start = time.perf_counter()
        if index % CHOOSE_EVERY == 0:
            self._filter = choose_filter(frame)
        rows = self._spare_rows.pop() if self._spare_rows else rows_for(frame.shape)
        filter_rows(frame, self._filter, rows)
        # One for each waits while it works, so that it never waits for this thread, which is at a frame of its own.
        if self._threads and self._work.qsize() < len(self._threads):
            self._work.put((index, rows, frame.shape))
        else:
            compressed = self._finish(index, rows, frame.shape)
            if index < _TIMED_FRAMES:
                self._seconds = min(self._seconds, compressed - start)
            elif index == _TIMED_FRAMES and self._seconds >= _WORTH_A_THREAD_SECONDS:
                # Where the system allows no more, those that are there do it.
                with contextlib.suppress(RuntimeError):
                    for _ in range(min(len(os.sched_getaffinity(0)), 8) - 1):
                        thread = threading.Thread(target=self._help, name=f"frames of {self._directory}", daemon=True)
                        thread.start()
                        self._threads.append(thread)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait for the helpers. Raises as `write`."""
        for _ in self._threads:
            self._work.put(None)
        try:
            for thread in self._threads:
                thread.join()
        except BaseException:
            # An interrupt. What helpers still write will be removed, so it has to be there.
            for thread in self._threads:
                thread.join()
            raise
        finally:
            try:
                self._store.finish()
            except Exception as error:
                self._failed(self._next, error)
        if self._error is not None:
            raise self._error

    def _help(self) -> None:
        while (work := self._work.get()) is not None:
            self._finish(*work)

    def _finish(self, index: int, rows: Pixels, shape: tuple[int, ...]) -> float:
        """Compress a frame and write it; when it was compressed."""
        compressed = float("inf")
        try:
            png = compress_rows(rows, shape)
            compressed = time.perf_counter()
        except Exception as error:
            self._failed(index, error)
        else:
            if self._container == "png":
                self._add(index, png)
            else:
                self._add_in_order(index, png)
        self._spare_rows.append(rows)
        return compressed

    def _add_in_order(self, index: int, png: bytes) -> None:
        with self._lock:
            self._ready[index] = png
            while self._error is None and (following := self._ready.pop(self._next, None)) is not None:
                self._add(self._next, following)
                self._next += 1

    def _add(self, index: int, png: bytes) -> None:
        try:
            # Before it is: an interrupt may come at any moment.
            self.written.append(index)
            self._store.add(index, png)
        except Exception as error:
            self.written.remove(index)
            self._failed(index, error)

    def _failed(self, index: int, error: Exception) -> None:
        self._error = self._error or write_error(error, Path(stored_path(self._container, self._directory, index)))
