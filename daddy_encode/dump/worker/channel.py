"""The messages from a rollout to its worker process: those of all recordings go over one socket."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import socket
import struct
import weakref
from enum import IntEnum
from typing import NamedTuple

# A longer text goes along as an open file: a message takes no more than the socket's buffer.
_INLINE_BYTES = 2**15
# Room for thousands of messages; a system may allow less (net.core.wmem_max), by default about 400.
_BUFFER_BYTES = 2**21
_HEAD = struct.Struct("=IBI")


class Kind(IntEnum):
    """What the text of a message is: a Recording, a frame's annotations, an End, or further frames' Layout."""

    OPEN = 0
    FRAME = 1
    END = 2
    LAYOUT = 3


class Message(NamedTuple):
    """What a client sends. `text`: None where there was no descriptor or memory for it; `memory`: OPEN's descriptor."""

    recording: int
    kind: Kind
    slot: int
    text: bytes | None
    memory: int | None = None


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The rollout's end and its worker's."""
    client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _sockets.update((client, server))
    _leave_room(client)
    return client, server


def send(end: socket.socket, message: Message) -> None:
    """Send a message, whole or not at all.

    Raises BlockingIOError where there is no room now, ConnectionError where the worker is gone, another OSError where
    there is no descriptor for a long text.
    """
    head = _HEAD.pack(*message[:3])
    text = message.text or b""
    # Programs that write to pipes often let SIGPIPE kill them.
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
    if message.kind is Kind.FRAME and len(text) <= _INLINE_BYTES:
        end.send(head + text, flags)
        return
    with contextlib.ExitStack() as stack:
        descriptors = [] if message.memory is None else [message.memory]
        if len(text) > _INLINE_BYTES:
            file = stack.enter_context(open(os.memfd_create("daddy-encode text"), "wb", buffering=0))
            file.write(text)
            descriptors.append(file.fileno())
            text = b""
        if message.kind is not Kind.FRAME:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            stack.callback(_leave_room, end)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            end.sendmsg([head, text], rights, flags)
        except OSError as error:
            # So many descriptors are on their way: the worker will take them.
            if error.errno == errno.ETOOMANYREFS:
                raise BlockingIOError from error
            raise


def receive(end: socket.socket, flags: int = 0) -> Message | None:
    """Receive a message; None where the rollout is gone and all that it sent was received.

    Raises BlockingIOError where there is none and the flags, as in recv(2), say not to wait.
    """
    # Not recv_fds, which forgets the flags before Python 3.12.
    data, ancillary, received, _ = end.recvmsg(_HEAD.size + _INLINE_BYTES, socket.CMSG_SPACE(8), flags)
    if not data:
        return None
    number, kind, slot = _HEAD.unpack_from(data)
    text: bytes | None = data[_HEAD.size :]
    descriptors = array.array("i", b"".join(part for _, _, part in ancillary))
    memory = descriptors.pop(0) if kind == Kind.OPEN and descriptors else None
    for descriptor in descriptors:
        text = None
        with contextlib.suppress(MemoryError), open(descriptor, "rb") as file:
            file.seek(0)
            text = file.read()
    return Message(number, Kind(kind), slot, None if received & socket.MSG_CTRUNC else text, memory)


def _leave_room(end: socket.socket) -> None:
    """Keep a quarter for messages of which few come: that a recording begins or ends."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    # The system doubles what it is given.
    room = end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room * 3 // 8)


_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _after_fork() -> None:
    # In the child they would keep the parent's ends from noticing each other's death.
    for end in list(_sockets):
        end.close()


os.register_at_fork(after_in_child=_after_fork)
