"""The server of one recording: its threads compress and write frames, the last one finishes the directory.

It runs in the worker process (`__main__`), or in threads of the rollout where no process can be.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from daddy_encode.dump.files.annotations import Annotations
from daddy_encode.dump.files.directory import remove_recording
from daddy_encode.dump.worker import protocol
from daddy_encode.dump.worker.protocol import End, Kind, Memory, Recording
from daddy_encode.errors import DaddyEncodeError, SpoolError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.frames import frame_path
from daddy_encode.spool.manifest import write_manifest_anyway
from daddy_encode.spool.png.format import NONE
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import CHOOSE_EVERY, Filter, choose_filter, encode_png, rows_for
from daddy_encode.spool.publish import write_error
from daddy_encode.spool.records import known

# To wake a thread costs whoever sends the message 10 to 40 microseconds, a twentieth of a fast rollout's step. So a
# thread that has nothing to do looks again by itself, and only after so many looks sleeps until it is woken.
_LOOKS = 10
# Between two looks. In the rollout's own process each one interrupts it, so there are fewer.
PROCESS_POLL_SECONDS = 0.0005
THREAD_POLL_SECONDS = 0.005


class Server:
    """Serves the recording at the other end of a socket until that says that it ends, or is gone; then `finished`."""

    def __init__(
        self, end: socket.socket, memory: mmap.mmap, poll_seconds: float, places: AbstractContextManager[object]
    ) -> None:
        """`end` is closed in the end; whoever compresses holds one of `places`."""
        self.finished = threading.Event()
        self._end = end
        self._memory = Memory(memory)
        self._poll_seconds = poll_seconds
        self._places = places
        # One thread at a time receives, and numbers the frames.
        self._receiving = threading.Lock()
        self._count = 0
        self._filter: Filter = NONE
        self._over = False
        self._ending: End | None = None
        # Compressed frames: slot, annotations and PNG by index. They are written in their order, so that there is never
        # a gap, and by one thread: several at a time in one directory were measured to take twice as long (ext4).
        self._ready: dict[int, tuple[int, bytes, bytes]] = {}
        self._writing = threading.Lock()
        self._threads_lock = threading.Lock()
        self._threads = 1

    def start(self) -> None:
        """Start its first thread. Raises RuntimeError where the system allows no more."""
        threading.Thread(target=self._open, name="frames", daemon=True).start()

    def _open(self) -> None:
        try:
            message = protocol.receive(self._end)
            # The client sends it before it lets anybody serve.
            assert message is not None
            self._recording = msgspec.json.decode(message[2], type=known(Recording))
        except Exception as error:  # no descriptor for a long `meta`, say
            self._fail(SpoolError(f"cannot record: {type(error).__name__}: {error}"))
            self._close()
            return
        self._directory = self._recording.directory
        self._annotations = Annotations(self._directory)
        self._budget = DiskBudget(self._directory, self._recording.min_free)
        # Where the system allows no more threads, fewer do it.
        with contextlib.suppress(RuntimeError):
            for _ in range(self._recording.workers - 1):
                thread = threading.Thread(target=self._work, name=f"frames of {self._directory}", daemon=True)
                # Held until it is counted, so that it cannot end before.
                with self._threads_lock:
                    thread.start()
                    self._threads += 1
        self._work()

    def _work(self) -> None:
        try:
            rows = rows_for(self._recording.shape)
            while (work := self._next_frame()) is not None:
                self._handle(*work, rows)
        except Exception as error:  # our own mistake, or no memory: the rollout has to hear of it
            self._fail(SpoolError(f"cannot write {self._directory}: {type(error).__name__}: {error}"))
        with self._threads_lock:
            self._threads -= 1
            last = self._threads == 0
        if last:
            self._finish()

    def _next_frame(self) -> tuple[int, int, bytes, Filter] | None:
        """The next frame's index, slot, annotations and filter; None where there is no further one."""
        with self._receiving:
            if self._over:
                return None
            # Whatever ends the receiving ends it for all threads: the others would wait for what will not come.
            self._over = True
            if (message := self._receive()) is None:
                return None
            kind, slot, text = message
            if kind is Kind.END:
                self._ending = msgspec.json.decode(text, type=known(End))
                return None
            self._over = False
            index, self._count = self._count, self._count + 1
            # By number, whichever thread has it: the same frames give the same files.
            if index % CHOOSE_EVERY == 0 and not self._stopped:
                self._filter = choose_filter(self._memory.frame(slot, self._recording))
            return index, slot, text, self._filter

    def _receive(self) -> tuple[Kind, int, bytes] | None:
        for _ in range(_LOOKS):
            try:
                return protocol.receive(self._end, socket.MSG_DONTWAIT)
            except BlockingIOError:
                time.sleep(self._poll_seconds)
        return protocol.receive(self._end)

    def _handle(self, index: int, slot: int, line: bytes, row_filter: Filter, rows: Pixels) -> None:
        try:
            if self._stopped:
                self._memory.slots[slot] = 0
                return
            with self._places:
                png = encode_png(self._memory.frame(slot, self._recording), row_filter, rows)
        except Exception as error:
            self._fail(write_error(error, Path(frame_path(self._directory, index))))
            return
        self._ready[index] = slot, line, png
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
            time.sleep(PROCESS_POLL_SECONDS)

    def _write(self, slot: int, line: bytes, png: bytes) -> None:
        path = frame_path(self._directory, self._memory.frames[0])
        try:
            self._budget.write(path, png)
            # Before its annotations: should this process be killed, there must not be more lines.
            self._memory.frames[0] += 1
            self._memory.slots[slot] = 0
            self._annotations.add(line)
        except Exception as error:
            self._fail(write_error(error, Path(path)))

    @property
    def _stopped(self) -> bool:
        return bool(self._memory.flags[protocol.DISCARDED] or self._memory.flags[protocol.FAILED])

    def _fail(self, error: DaddyEncodeError) -> None:
        with self._threads_lock:
            if self._memory.error is None:
                self._memory.error = error

    def _finish(self) -> None:
        try:
            if self._memory.flags[protocol.DISCARDED]:
                frames = range(self._memory.frames[0])
                remove_recording(self._directory, frames, made_directory=self._recording.made_directory)
                self._memory.frames[0] = 0
            else:
                self._publish()
        except DaddyEncodeError as error:
            self._fail(error)
        except Exception as error:
            self._fail(SpoolError(f"cannot finish {self._directory}: {type(error).__name__}: {error}"))
        self._close()

    def _close(self) -> None:
        self._memory.flags[protocol.FINISHED] = 1
        # Tens of megabytes, and this object may stay a while.
        del self._memory
        self._end.close()
        self.finished.set()

    def _publish(self) -> None:
        try:
            self._annotations.flush()
        except DaddyEncodeError as error:
            self._fail(error)
        ending = self._ending or End("the rollout was killed, or ended without close()", self._recording.meta)
        failure = self._memory.error
        why = ending.error or (None if failure is None else str(failure))
        write_manifest_anyway(self._directory, self._recording.manifest(self._memory.frames[0], why, ending.meta))
