"""The rollout's end of a recording: copies frames into shared memory, and learns what has become of them."""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from typing import Any

import msgspec
import numpy as np

from daddy_encode.dump.worker import memory, process
from daddy_encode.dump.worker.channel import Kind, Message, send
from daddy_encode.dump.worker.memory import Memory
from daddy_encode.dump.worker.protocol import End, Layout, Recording
from daddy_encode.dump.worker.server import Server
from daddy_encode.errors import DaddyEncodeError, SettingsError, SpoolError
from daddy_encode.spool.manifest import write_manifest_anyway
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.recording.annotations import keep_whole_lines
from daddy_encode.spool.recording.calls import Calls
from daddy_encode.spool.recording.directory import keep_frames, remove_recording

# Between two looks of a thread that writes: each interrupts the rollout.
_POLL_SECONDS = 0.005
# So many files threads have open at a time, those of all recordings together: the others are the training's.
_FILES = 8
_files = threading.BoundedSemaphore(_FILES)
# So many frames are sent before the first look whether the worker has taken the recording.
_LOOK_EVERY = 32
# A process that ends as soon as it is started will do so again.
_TRIES = 3


class Client:
    """Hands frames to a server: one of this process's worker, or one in threads where no process can be.

    `error`: why nothing more is written; `frames`: how many are on disk without a gap, once the recording has ended.
    """

    _ending: End | None = None

    def __init__(self, recording: Recording, calls: Calls, *, processes: bool, slots: int) -> None:
        """Begin a recording in a directory that is ready for it, with memory for so many frames.

        Raises SpoolError where the system has no memory or threads to give.
        """
        self.error: DaddyEncodeError | None = None
        self.frames: int | None = None
        self._recording, self._calls = recording, calls
        self._directory = recording.directory
        self._sent = 0
        # That the server knows of, and how many slots a frame of it takes.
        self._layout, self._needed = recording.layout, 1
        self._views: dict[int, Pixels] = {}
        self._end_is_sent = False
        # Whoever begins another recording, perhaps in a thread, looks at this one; a signal's handler may end it.
        self._looking = threading.RLock()
        # One of the two serves it: number `_number` of a worker process, or threads.
        self._worker: process.WorkerProcess | None = None
        self._number = 0
        self._server: Server | None = None
        slots = min(slots, memory.MOST_SLOTS)
        # Only slots that are used take memory.
        size = memory.slot_offset(slots, recording)
        try:
            shared = self._share(size) if processes else None
            self._memory = Memory(np.frombuffer(mmap.mmap(-1, size), np.uint8)) if shared is None else shared
            if shared is None:
                text = msgspec.json.encode(recording)
                self._server = Server(text, self._memory, _POLL_SECONDS, contextlib.nullcontext(), _files)
        except (OSError, RuntimeError) as error:
            advice = "; allow this process more threads" if isinstance(error, RuntimeError) else ""
            raise SpoolError(f"cannot write {self._directory}: {error}{advice}") from error
        self._slots = self._memory.slots[:slots]

    def _share(self, size: int) -> Memory | None:
        """Let the worker process serve the recording; None where none can, and threads have to."""
        try:
            # One that has died meanwhile is replaced.
            for _ in range(_TRIES):
                if (worker := process.worker()) is None:
                    return None
                descriptor = os.memfd_create("daddy-encode frames")
                try:
                    os.ftruncate(descriptor, size)
                    shared = Memory(memory.map_file(descriptor))
                    # Before the message goes: after an interrupt, `__del__` has to know.
                    self._worker, self._number = worker, worker.next_number()
                    self._send_recording(worker, descriptor)
                    return shared
                except ConnectionError:
                    self._worker = None
                    process.end(worker)
                finally:
                    # The worker may have the recording: what goes wrong now must not give it to threads, too.
                    with contextlib.suppress(OSError):
                        os.close(descriptor)
            process.use_threads("the process that writes frames ends at once", for_ever=True)
        except (OSError, ImportError) as error:
            # A sandbox, an old kernel, `ulimit -f`, a Python without ctypes; or what this moment lacks.
            passing = isinstance(error, OSError) and error.errno in process.PASSING
            process.use_threads(f"no memory can be shared: {error}", for_ever=not passing)
        self._worker = None
        return None

    def _send_recording(self, worker: process.WorkerProcess, descriptor: int) -> None:
        message = Message(self._number, Kind.OPEN, 0, msgspec.json.encode(self._recording), descriptor)
        while True:
            try:
                return send(worker.control, message)
            except BlockingIOError:
                worker.pause()

    def __del__(self) -> None:
        # An interrupt came while it began, and nobody else knows of it: the server would wait as long as the process.
        if self._ending is None:
            with contextlib.suppress(Exception):
                self._send(Kind.END, msgspec.json.encode(End("interrupted", {})))

    def write(self, frame: Pixels, line: bytes, *, wait: bool) -> bool:
        """Copy a frame, and send it with its annotations, a JSON object or nothing.

        Returns whether it was sent: not where there is no room and `wait` is false, nor after an error. Raises
        SettingsError where it is larger than the memory.
        """
        if self._sent % _LOOK_EVERY == 1:
            self.has_ended()
        while frame.shape != self._layout.shape and not self._send_layout(Layout.of(frame)):
            if not self._go_on(wait):
                return False
        # The first that is free: its memory is there already, and near.
        free = bytes(self._needed)
        while self.error or (slot := bytes(self._slots).find(free)) < 0 or self._memory.flags[memory.FAILED]:
            if not self._go_on(wait):
                return False
        if slot not in self._views:
            self._views[slot] = self._memory.frame(slot, self._recording, self._layout)
        _copy(self._views[slot], frame)
        while not self._send_frame(slot, line):
            if not self._go_on(wait):
                return False
        return True

    def finish(self, error: str | None, meta: dict[str, Any]) -> None:
        """Let the server write what it has, then the manifest: with `meta`, complete unless there is an error.

        Does not wait for that. A second time nothing happens.
        """
        self._ending = self._ending or End(error, meta)
        self.has_ended()

    def discard(self) -> None:
        """End without a recording: nothing more is written, and what was written is removed. Waits for that."""
        if self.frames is None:
            self._memory.flags[memory.DISCARDED] = 1
            self.finish("discarded", {})
            self.wait()
        own = self._recording
        remove_recording(
            self._directory, range(self.frames or 0), made_directory=own.made_directory, container=own.container
        )

    def wait(self) -> None:
        """Wait for the recording's end, after `finish`."""
        while not self.has_ended():
            self._pause()

    def has_ended(self) -> bool:
        """Whether all is on disk, or has failed. Never waits."""
        with self._looking:
            if self.frames is None:
                why = None if self._worker is None else self._worker.why_not(self._number)
                self.error = self.error or self._memory.error
                if self._memory.flags[memory.OVER] or why is not None:
                    self._end_here(why)
                elif self._ending is not None and not self._end_is_sent:
                    self._send_end(self._ending)
            return self.frames is not None

    def _send_end(self, ending: End) -> None:
        try:
            self._send(Kind.END, msgspec.json.encode(ending))
            self._end_is_sent = True
        except (BlockingIOError, ConnectionError):
            # Where there is no room now, at the next look; a worker that is gone is noticed there, too.
            pass
        except OSError as error:
            # No descriptor for a long `meta`, say: the server has to be told to end all the same.
            self.error = self.error or SpoolError(f"cannot write the manifest of {self._directory}: {error}")
            self._ending = End(str(self.error), {})

    def _go_on(self, wait: bool) -> bool:
        """Wait for room for a moment; whether to look for it again."""
        if wait:
            self._pause()
        ended = self.has_ended()
        return wait and not ended and self.error is None and self._ending is None and not self._calls.asked

    def _pause(self) -> None:
        self._calls.pausing = True
        time.sleep(_POLL_SECONDS / 5) if self._worker is None else self._worker.pause()
        self._calls.pausing = False

    def _send(self, kind: Kind, text: bytes, slot: int = 0) -> None:
        message = Message(self._number, kind, slot, text)
        if self._server is not None:
            self._server.messages.put(message)
        elif self._worker is not None:
            send(self._worker.control, message)

    def _send_layout(self, layout: Layout) -> bool:
        """Tell the server how further frames are laid out; False where there is no room, or it is gone."""
        needed = memory.slots_for(layout, self._recording)
        if needed > len(self._slots):
            raise SettingsError(f"max_bytes is too small for a frame of shape {layout.shape}: give more")
        try:
            self._send(Kind.LAYOUT, msgspec.json.encode(layout))
        except BlockingIOError:
            return False
        except OSError as error:
            self.has_ended()
            self.error = self.error or SpoolError(f"cannot write {self._directory}: {error}")
            return False
        self._recording.grow(layout)
        self._layout, self._needed = layout, needed
        self._views.clear()
        return True

    def _send_frame(self, slot: int, line: bytes) -> bool:
        """Send the frame in `slot`; False where there is no room, or the server is gone."""
        path = self._recording.path_of(self._sent)
        try:
            self._sent += 1
            self._slots[slot : slot + self._needed] = b"\1" * self._needed
            try:
                self._send(Kind.FRAME, line, slot)
                return True
            except OSError as error:
                self._slots[slot : slot + self._needed] = bytes(self._needed)
                self._sent -= 1
                if not isinstance(error, BlockingIOError):
                    self.has_ended()
                    # No memory for the message, say, while the server is well.
                    self.error = self.error or SpoolError(f"cannot write {path}: {error}")
                return False
        except BaseException:
            # An interrupt: nobody knows whether the frame has gone, and whether its slot will be free again.
            self.error = self.error or SpoolError(f"cannot write {path}: interrupted")
            raise

    def _end_here(self, why: str | None) -> None:
        """The server has finished; or it is dead, and this is what it would have done once it is told to."""
        own, frames = self._memory, self._memory.frames[0]
        self.error = self.error or own.error
        if not own.flags[memory.FINISHED]:
            if self.error is None:
                path = self._recording.path_of(frames)
                self.error = SpoolError(f"cannot write {path}: the process that writes frames {why or 'has ended'}")
            if self._worker is not None and self._worker.gone:
                process.end(self._worker)
            if self._ending is None:
                return
            with contextlib.suppress(DaddyEncodeError):
                frames = keep_frames(self._directory, self._recording.container, frames)
            if not own.flags[memory.DISCARDED]:
                with contextlib.suppress(DaddyEncodeError):
                    keep_whole_lines(self._directory)
                with contextlib.suppress(DaddyEncodeError):
                    ending = self._ending
                    manifest = self._recording.manifest(frames, ending.error or str(self.error), ending.meta)
                    write_manifest_anyway(self._directory, manifest)
        # First: an interrupt may come. The memory goes with the last view of it.
        self.frames = frames
        self._views.clear()
        del self._memory, self._slots


def _after_fork() -> None:
    global _files
    _files = threading.BoundedSemaphore(_FILES)


os.register_at_fork(after_in_child=_after_fork)


def _copy(target: Pixels, source: Pixels) -> None:
    if source.flags.c_contiguous and target.flags.c_contiguous:
        # numpy would release the interpreter's lock for this fraction of a millisecond, and where threads do the work
        # the rollout would then wait for one to give it back: measured, ten times as long as the copy.
        target.data.cast("B")[:] = source.data.cast("B")
    else:
        np.copyto(target, source)
