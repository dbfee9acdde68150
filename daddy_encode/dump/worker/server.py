"""The server of one recording: its threads compress and write frames, the last one finishes the directory.

It runs in the worker process (`__main__`), or in threads of the rollout where no process can be.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import queue
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from daddy_encode.dump.worker import memory
from daddy_encode.dump.worker.channel import Kind, Message
from daddy_encode.dump.worker.memory import Memory
from daddy_encode.dump.worker.protocol import End, Layout, Recording
from daddy_encode.errors import DaddyEncodeError, SpoolError
from daddy_encode.spool.manifest import MANIFEST_NAME, write_manifest_anyway
from daddy_encode.spool.png.format import NONE
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import CHOOSE_EVERY, Filter, choose_filter, encode_png, rows_for
from daddy_encode.spool.publish import write_error
from daddy_encode.spool.recording.annotations import Annotations
from daddy_encode.spool.recording.directory import keep_frames, remove_recording
from daddy_encode.spool.recording.frame_store import frame_store
from daddy_encode.spool.records import known

# In the rollout's own process each look interrupts it. A thread that was just busy looks so many times by itself before
# it sleeps until it is woken, which takes longer.
_LOOKS = 10
# While a frame waits for those before it.
_WAIT_SECONDS = 0.0005
# Between looks whether a thread that has not begun is still there.
_BEGIN_SECONDS = 0.01


class Server:
    """Serves a recording, whose client puts `messages`, until one says that it ends, or is None; then `finished`."""

    def __init__(
        self,
        recording: bytes,
        own: Memory,
        poll_seconds: float,
        places: AbstractContextManager[object],
        files: AbstractContextManager[object],
    ) -> None:
        """`recording`: a Recording in JSON; `own`: its memory; whoever compresses, or writes, holds one of these.

        Raises RuntimeError where the system allows no more threads, or has no memory for one.
        """
        self.finished = threading.Event()
        self.messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._memory = own
        self._poll_seconds = poll_seconds
        self._places, self._files = places, files
        self._recording = msgspec.json.decode(recording, type=known(Recording))
        self._directory = self._recording.directory
        self._annotations = Annotations(self._directory)
        # Descriptors are the training's, in the rollout's own process.
        self._store = frame_store(
            self._recording.container, self._directory, self._recording.min_free, keep_open=not poll_seconds
        )
        # One thread at a time receives, and numbers the frames.
        self._receiving = threading.Lock()
        self._count = 0
        self._layout = self._recording.layout
        self._filter: Filter = NONE
        self._over = False
        self._ending: End | None = None
        # Compressed frames: slots, annotations and PNG by index. They are written in their order, so that there is
        # never a gap, and by one thread: several at a time in one directory were measured to take twice as long (ext4).
        self._ready: dict[int, tuple[slice, bytes, bytes]] = {}
        self._writing = threading.Lock()
        # Those that have begun: one that has no memory to begin is counted by nobody, and nobody waits for it.
        self._threads_lock = threading.Lock()
        self._threads = 0
        self._all_ended = False
        self._begin()

    def _begin(self) -> None:
        """Start the first thread, and wait until it has begun."""
        began = threading.Lock()
        began.acquire()
        first = functools.partial(self._run, functools.partial(self._open, began))
        # It holds the only reference to what it runs: where that is gone, it has ended.
        running = weakref.ref(first)
        # Not threading.Thread, whose start() waits for ever for a thread that has no memory to begin.
        _thread.start_new_thread(first, ())
        del first
        while not began.acquire(timeout=_BEGIN_SECONDS):
            if running() is None and not began.acquire(blocking=False):
                raise RuntimeError("a thread has no memory to begin")

    def _open(self, began: threading.Lock) -> None:
        began.release()
        # Where the system allows no more threads, fewer do it.
        with contextlib.suppress(RuntimeError):
            for _ in range(self._recording.workers - 1):
                _thread.start_new_thread(self._run, (self._work,))
        self._work()

    def _run(self, part: Callable[[], None]) -> None:
        """One thread. Whatever ends the last one, the client hears of it: it waits for nobody who is not there."""
        with self._threads_lock:
            if self._all_ended:
                return
            self._threads += 1
        try:
            part()
        except BaseException as error:  # our own mistake, or no memory
            self._fail(SpoolError(f"cannot write {self._directory}: {type(error).__name__}: {error}"))
        finally:
            with self._threads_lock:
                self._threads -= 1
                last = self._all_ended = self._threads == 0
            if last:
                self._end()

    def _end(self) -> None:
        try:
            self._finish()
            self._memory.flags[memory.FINISHED] = 1
        finally:
            self._memory.flags[memory.OVER] = 1
            # Tens of megabytes, and this object may stay a while.
            del self._memory
            self.finished.set()

    def _work(self) -> None:
        rows, layout = rows_for(self._recording.layout.shape), self._recording.layout
        while (work := self._next_frame()) is not None:
            if work[-1] is not layout:
                layout = work[-1]
                rows = rows_for(layout.shape)
            self._handle(*work, rows)

    def _next_frame(self) -> tuple[int, int, bytes, Filter, Layout] | None:
        """The next frame's index, slot, annotations, filter and layout; None where there is no further one."""
        with self._receiving:
            if self._over:
                return None
            # Whatever ends the receiving ends it for all threads: the others would wait for what will not come.
            self._over = True
            while True:
                if (message := self._receive()) is None:
                    return None
                _, kind, slot, text, _ = message
                if text is None:
                    raise OSError("a message was lost: too many open files, or no memory")
                if kind is not Kind.LAYOUT:
                    break
                self._layout = msgspec.json.decode(text, type=known(Layout))
                self._recording.grow(self._layout)
            if kind is Kind.END:
                self._ending = msgspec.json.decode(text, type=known(End))
                return None
            self._over = False
            index, self._count = self._count, self._count + 1
            # By number, whichever thread has it: the same frames give the same files.
            if index % CHOOSE_EVERY == 0 and not self._stopped:
                self._filter = choose_filter(self._memory.frame(slot, self._recording, self._layout))
            return index, slot, text, self._filter, self._layout

    def _receive(self) -> Message | None:
        for _ in range(_LOOKS if self._poll_seconds else 0):
            try:
                return self.messages.get_nowait()
            except queue.Empty:
                time.sleep(self._poll_seconds)
        return self.messages.get()

    def _handle(self, index: int, slot: int, line: bytes, row_filter: Filter, layout: Layout, rows: Pixels) -> None:
        slots = slice(slot, slot + memory.slots_for(layout, self._recording))
        try:
            if self._stopped:
                self._free(slots)
                return
            with self._places:
                png = encode_png(self._memory.frame(slot, self._recording, layout), row_filter, rows)
        except Exception as error:
            self._fail(write_error(error, Path(self._recording.path_of(index))))
            return
        self._ready[index] = slots, line, png
        while self._memory.frames[0] in self._ready and not self._stopped:
            if not self._writing.acquire(blocking=False):
                # Whoever has it looks again afterwards.
                break
            try:
                if (frame := self._ready.pop(self._memory.frames[0], None)) is not None:
                    self._write(*frame)
            finally:
                self._writing.release()
        while len(self._ready) > 2 * self._recording.workers and not self._stopped:
            time.sleep(_WAIT_SECONDS)

    def _free(self, slots: slice) -> None:
        self._memory.slots[slots] = bytes(slots.stop - slots.start)

    def _write(self, slots: slice, line: bytes, png: bytes) -> None:
        index = self._memory.frames[0]
        try:
            with self._files:
                self._store.add(index, png)
                # Before its annotations: should this process be killed, there must not be more lines.
                self._memory.frames[0] += 1
                self._free(slots)
                self._annotations.add(line)
        except Exception as error:
            self._fail(write_error(error, Path(self._recording.path_of(index))))

    @property
    def _stopped(self) -> bool:
        return bool(self._memory.flags[memory.DISCARDED] or self._memory.flags[memory.FAILED])

    def _fail(self, error: DaddyEncodeError) -> None:
        with self._threads_lock:
            self._memory.error = error

    def _finish(self) -> None:
        try:
            if not self._memory.flags[memory.DISCARDED]:
                with self._files:
                    self._publish()
                return
            with contextlib.suppress(OSError, DaddyEncodeError):
                self._store.finish()
            own, frames = self._recording, range(self._memory.frames[0])
            remove_recording(self._directory, frames, made_directory=own.made_directory, container=own.container)
            self._memory.frames[0] = 0
        except Exception as error:
            self._fail(write_error(error, self._directory / MANIFEST_NAME))

    def _publish(self) -> None:
        try:
            self._store.finish()
        except Exception as error:
            # A network file system may say only now that the disk is full.
            self._fail(write_error(error, Path(self._recording.path_of(self._memory.frames[0]))))
            with contextlib.suppress(DaddyEncodeError):
                container = self._recording.container
                self._memory.frames[0] = keep_frames(self._directory, container, self._memory.frames[0])
        try:
            self._annotations.flush()
        except DaddyEncodeError as error:
            self._fail(error)
        ending = self._ending or End("the rollout was killed, or ended without close()", self._recording.meta)
        failure = self._memory.error
        why = ending.error or (None if failure is None else str(failure))
        write_manifest_anyway(self._directory, self._recording.manifest(self._memory.frames[0], why, ending.meta))
