"""The rollout's end of a recording: copies frames into shared memory, and learns what has become of them."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import select
import socket
import threading
from typing import Any

import msgspec
import numpy as np

from daddy_encode.dump.files.annotations import keep_whole_lines
from daddy_encode.dump.files.directory import remove_frames, remove_recording
from daddy_encode.dump.worker import process, protocol
from daddy_encode.dump.worker.protocol import End, Kind, Memory, Recording
from daddy_encode.dump.worker.server import THREAD_POLL_SECONDS, Server
from daddy_encode.errors import DaddyEncodeError, SpoolError
from daddy_encode.spool.frames import frame_path
from daddy_encode.spool.manifest import write_manifest_anyway
from daddy_encode.spool.png.pixels import Pixels

# Between two looks for a free slot. Meanwhile the death of the worker process is noticed at once.
_POLL_MS = 1


class Client:
    """Hands frames to a server: one of this process's worker, or one in threads where no process can be.

    `error`: why nothing more is written; `frames`: how many are on disk without a gap, once the recording has ended.
    """

    def __init__(self, recording: Recording, *, processes: bool, slots: int) -> None:
        """Begin a recording in a directory that is ready for it, with memory for so many frames.

        Raises SpoolError where the system has no memory, sockets or threads to give.
        """
        self.error: DaddyEncodeError | None = None
        self.frames: int | None = None
        self._recording = recording
        self._directory = recording.directory
        self._sent = 0
        self._views: dict[int, Pixels] = {}
        self._ending: End | None = None
        self._end_is_sent = False
        # Whoever begins another recording, perhaps in a thread, looks at this one; a signal's handler may end it.
        self._looking = threading.RLock()
        self._worker: process.WorkerProcess | None = None
        try:
            self._connect(processes, min(slots, protocol.MOST_SLOTS))
        except (OSError, RuntimeError) as error:
            advice = "; allow this process more threads" if isinstance(error, RuntimeError) else ""
            raise SpoolError(f"cannot write {self._directory}: {error}{advice}") from error

    def _connect(self, processes: bool, slots: int) -> None:
        # Only slots that are used take memory.
        size = protocol.slot_offset(slots, self._recording.shape)
        self._end, theirs = protocol.socket_pair()
        with contextlib.ExitStack() as undo:
            undo.callback(self._end.close)
            undo.callback(theirs.close)
            protocol.send(self._end, Kind.OPEN, msgspec.json.encode(self._recording))
            memory = self._share(size, theirs.fileno()) if processes else None
            if memory is None:
                memory = mmap.mmap(-1, size)
                Server(theirs, memory, THREAD_POLL_SECONDS, contextlib.nullcontext()).start()
            else:
                theirs.close()
            self._memory = Memory(memory)
            self._slots = self._memory.slots[:slots]
            undo.pop_all()

    def _share(self, size: int, end: int) -> mmap.mmap | None:
        """Memory that the worker process shares, which then serves the recording; None where there can be neither."""
        while (worker := process.worker()) is not None:
            try:
                descriptor = os.memfd_create("daddy-encode frames")
                try:
                    os.ftruncate(descriptor, size)
                    memory = mmap.mmap(descriptor, 0)
                    if worker.serve(descriptor, end):
                        self._worker = worker
                        return memory
                finally:
                    os.close(descriptor)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOSYS, errno.EFBIG):
                    raise
                # A sandbox, an old kernel, or `ulimit -f`.
                process.give_up(f"no memory can be shared: {error}")
                return None
            process.end(worker)
        return None

    def write(self, frame: Pixels, line: bytes, *, wait: bool) -> bool:
        """Copy a frame of the recording's shape, and send it with its annotations, a JSON object or nothing.

        Returns whether it was sent: not where there is no room and `wait` is false, nor after an error.
        """
        # The first that is free: its memory is there already, and near.
        while (slot := bytes(self._slots).find(0)) < 0 or self._memory.flags[protocol.FAILED]:
            if not self._go_on(wait):
                return False
        if slot not in self._views:
            self._views[slot] = self._memory.frame(slot, self._recording)
        _copy(self._views[slot], frame)
        while not self._send(slot, line):
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
            self._memory.flags[protocol.DISCARDED] = 1
            self.finish("discarded", {})
            self.wait()
        remove_recording(self._directory, range(self.frames or 0), made_directory=self._recording.made_directory)

    def wait(self) -> None:
        """Wait for the recording's end, after `finish`."""
        while not self.has_ended():
            self._wait()

    def has_ended(self) -> bool:
        """Whether all is on disk, or has failed. Never waits."""
        with self._looking:
            if self.frames is None:
                if self._ending is not None and not self._end_is_sent:
                    # Where there is no room now, at the next look; a server that is gone is noticed below.
                    with contextlib.suppress(OSError):
                        protocol.send(self._end, Kind.END, msgspec.json.encode(self._ending))
                        self._end_is_sent = True
                self.error = self.error or self._memory.error
                if self._memory.flags[protocol.FINISHED] or self._is_gone():
                    self._end_here()
            return self.frames is not None

    def _is_gone(self) -> bool:
        try:
            # Nothing is ever sent this way but the end of the file.
            return not self._end.recv(1, socket.MSG_DONTWAIT)
        except OSError as error:
            return not isinstance(error, BlockingIOError)

    def _go_on(self, wait: bool) -> bool:
        """Wait for room for a moment; whether to look for it again."""
        if wait:
            self._wait()
        ended = self.has_ended()
        return wait and not ended and self.error is None

    def _wait(self) -> None:
        if (descriptor := self._end.fileno()) >= 0:
            # select() knows no descriptor above 1023.
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(_POLL_MS)

    def _send(self, slot: int, line: bytes) -> bool:
        """Send the frame in `slot`; False where there is no room, or the server is gone."""
        path = frame_path(self._directory, self._sent)
        try:
            self._sent += 1
            self._slots[slot] = 1
            try:
                protocol.send(self._end, Kind.FRAME, line, slot)
                return True
            except OSError as error:
                self._slots[slot] = 0
                self._sent -= 1
                # So many descriptors of long texts are on their way: the server will take them.
                if not isinstance(error, BlockingIOError) and error.errno != errno.ETOOMANYREFS:
                    self.has_ended()
                    # No memory for the message, say, while the server is well.
                    self.error = self.error or SpoolError(f"cannot write {path}: {error}")
                return False
        except BaseException:
            # An interrupt: nobody knows whether the frame has gone, and whether its slot will be free again.
            self.error = self.error or SpoolError(f"cannot write {path}: interrupted")
            raise

    def _end_here(self) -> None:
        """The server has finished; or it is dead, and this is what it would have done once it is told to."""
        memory, frames = self._memory, self._memory.frames[0]
        self.error = self.error or memory.error
        if not memory.flags[protocol.FINISHED]:
            if self._worker is not None:
                if self.error is None:
                    why = f"the process that writes frames {self._worker.how_it_ended()}"
                    self.error = SpoolError(f"cannot write {frame_path(self._directory, frames)}: {why}")
                process.end(self._worker)
            if self._ending is None:
                return
            if memory.flags[protocol.DISCARDED]:
                frames = self._sent
            else:
                remove_frames(self._directory, range(frames, self._sent))
                with contextlib.suppress(DaddyEncodeError):
                    keep_whole_lines(self._directory)
                    ending = self._ending
                    manifest = self._recording.manifest(frames, ending.error or str(self.error), ending.meta)
                    write_manifest_anyway(self._directory, manifest)
        # A program may have closed all descriptors behind our back.
        with contextlib.suppress(OSError):
            self._end.close()
        # The memory goes with the last view of it.
        self._views.clear()
        del self._memory, self._slots
        self.frames = frames


def _copy(target: Pixels, source: Pixels) -> None:
    if source.flags.c_contiguous and target.flags.c_contiguous:
        # numpy would release the interpreter's lock for this fraction of a millisecond, and where threads do the work
        # the rollout would then wait for one to give it back: measured, ten times as long as the copy.
        target.data.cast("B")[:] = source.data.cast("B")
    else:
        np.copyto(target, source)
