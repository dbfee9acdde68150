"""How the two ends of a recording meet: `client` in the rollout, `server` in its worker process.

The client copies each frame into a slot of shared memory and sends a message. The server marks the slot free when the
frame is on disk, and says in the same memory how far it is and what has failed: to look there costs the rollout
nothing, to receive messages would. The socket keeps the messages' borders and order, and tells each end of the other
one's death after everything that was sent before.
"""

from __future__ import annotations

import array
import errno
import mmap
import os
import signal
import socket
import struct
import weakref
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from daddy_encode.errors import DaddyEncodeError, ManifestError, SpoolError, TransientError, one_line
from daddy_encode.spool.manifest import Manifest, Video
from daddy_encode.spool.png.pixels import Pixels

# The worker process's first and only word to the rollout.
READY = b"ready"
# Kept from the worker process: a terminal's Ctrl-C and Slurm's signals (TERM, USR1, whatever `--signal` says) go to all
# processes, and the rollout decides what they mean. What is left are those that report a fault of the process itself.
_FAULTS = ("SEGV", "BUS", "FPE", "ILL", "ABRT", "TRAP", "SYS", "KILL", "STOP", "CONT", "CHLD")
SIGNALS = signal.valid_signals() - {getattr(signal, f"SIG{name}") for name in _FAULTS}

# The memory begins with flags, the number of frames on disk, an error's text, and a byte for each slot.
DISCARDED, FAILED, FINISHED = range(3)
_FRAMES, _TEXT, _SLOTS, _HEAD_BYTES = 8, 16, 4096, 8192
MOST_SLOTS = _HEAD_BYTES - _SLOTS
_PAGE_BYTES = 4096

# A longer text goes along as an open file: a message takes no more than the socket's buffer.
_INLINE_BYTES = 2**15
_ANCILLARY_BYTES = socket.CMSG_SPACE(struct.calcsize("i"))
# Room for thousands of messages; a system may allow less (net.core.wmem_max), by default about 400.
_BUFFER_BYTES = 2**21
# What a server reports.
_ERRORS: tuple[type[DaddyEncodeError], ...] = (SpoolError, TransientError, ManifestError)
_ERROR_LENGTH = 2000  # for a line in a log
_MESSAGE = struct.Struct("=BI")


class Kind(IntEnum):
    """What the text of a message is: a Recording, a frame's annotations, or an End."""

    OPEN = 0
    FRAME = 1
    END = 2


class Recording(msgspec.Struct):
    """A recording; what is not explained here is as a manifest and DiskBudget have it.

    `path`: of the directory, absolute, bytes, for a name need not be UTF-8; `workers`: how many threads work for it;
    `shape`: of each frame, (H, W) or (H, W, C); `axes`: those of a frame in memory, slowest first.
    """

    path: bytes
    fps: str | float | int
    video: Video | None
    meta: dict[str, Any]
    workers: int
    min_free: int | None
    made_directory: bool = False
    shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()

    @property
    def directory(self) -> Path:
        """The directory."""
        return Path(os.fsdecode(self.path))

    def manifest(self, frames: int, error: str | None, meta: dict[str, Any]) -> Manifest:
        """The manifest: of so many frames without a gap, complete unless there is an error."""
        height, width = self.shape[:2] if frames else (0, 0)
        text = None if error is None else one_line(error[:_ERROR_LENGTH])
        size = {"frames": frames, "width": width, "height": height}
        return Manifest(**size, fps=self.fps, video=self.video, complete=text is None, error=text, meta=meta)


class End(msgspec.Struct):
    """A recording is over: why early (None: it is complete), and the manifest's `meta`."""

    error: str | None
    meta: dict[str, Any]


class Memory:
    """The shared memory of a recording.

    `slots` has a byte for each slot, 1 while a frame in it is to be written; `frames[0]` is how many are on disk.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        """`memory`: of zeros at first, and of `slot_offset`'s length."""
        self._map = memory
        whole = memoryview(memory)
        self.flags, self.slots = whole[:_FRAMES], whole[_SLOTS:_HEAD_BYTES]
        self.frames, self._text = whole[_FRAMES:_TEXT].cast("Q"), whole[_TEXT:_SLOTS]

    @property
    def error(self) -> DaddyEncodeError | None:
        """What has failed first."""
        if not self.flags[FAILED]:
            return None
        kind, _, text = bytes(self._text).rstrip(b"\0").decode(errors="replace").partition("\n")
        return {known.__name__: known for known in _ERRORS}.get(kind, SpoolError)(text)

    @error.setter
    def error(self, error: DaddyEncodeError) -> None:
        text = f"{type(error).__name__}\n{error}".encode()[: len(self._text)]
        self._text[: len(text)] = text
        self.flags[FAILED] = 1

    def frame(self, slot: int, recording: Recording) -> Pixels:
        """The frame in a slot, a view of the memory."""
        stored = [recording.shape[axis] for axis in recording.axes]
        pixels = np.ndarray(stored, np.uint8, self._map, slot_offset(slot, recording.shape))
        return pixels.transpose(sorted(range(len(stored)), key=recording.axes.__getitem__))


def slot_offset(slot: int, shape: tuple[int, ...]) -> int:
    """Where in the memory a slot begins, in whole pages; slot n of n slots: where the memory ends."""
    return _HEAD_BYTES + slot * _PAGE_BYTES * -(-int(np.prod(shape)) // _PAGE_BYTES)


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The client's end and the server's."""
    client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _sockets.update((client, server))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    # The system doubles what it is given: this leaves a quarter for the last message.
    room = client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room * 3 // 8)
    return client, server


def send(end: socket.socket, kind: Kind, text: bytes, slot: int = 0) -> None:
    """Send a message, whole or not at all.

    Raises BlockingIOError where there is no room now, OSError where the server is gone.
    """
    head = _MESSAGE.pack(kind, slot)
    if kind is Kind.END:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    # Programs that write to pipes often let SIGPIPE kill them.
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
    if len(text) <= _INLINE_BYTES:
        end.send(head + text, flags)
        return
    with open(os.memfd_create("daddy-encode text"), "wb", buffering=0) as file:
        file.write(text)
        end.sendmsg([head], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))], flags)


def receive(end: socket.socket, flags: int = 0) -> tuple[Kind, int, bytes] | None:
    """Receive a message: its kind, slot and text; None where the client is gone and all that it sent was received.

    Raises BlockingIOError where there is none and the flags, as in recv(2), say not to wait, OSError where this process
    may open no file for it.
    """
    # Not recv_fds, which forgets the flags before Python 3.12.
    data, ancillary, received, _ = end.recvmsg(_MESSAGE.size + _INLINE_BYTES, _ANCILLARY_BYTES, flags)
    if not data:
        return None
    if received & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    kind, slot = _MESSAGE.unpack_from(data)
    text = data[_MESSAGE.size :]
    for _, _, descriptor in ancillary:
        with open(struct.unpack("i", descriptor)[0], "rb") as file:
            file.seek(0)
            text = file.read()
    return Kind(kind), slot, text


_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _after_fork() -> None:
    # In the child they would keep the parent's ends from noticing each other's death.
    for end in list(_sockets):
        end.close()


os.register_at_fork(after_in_child=_after_fork)
