"""What a pool and its worker processes say to each other, through a pair of sockets."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.service.attempt import Attempt, Outcome
from daddy_encode.spool.claims.claims import Seen

_LENGTH_BYTES = 4
# Of a context, what is made anew in each process.
_NOT_SHARED = ("limits", "on_encoded", "may_publish")


class Task(Struct, frozen=True):
    """To a worker process: attempt this. After the last one its socket is shut: stop what still runs, and end.

    Attributes:
        number: Of this attempt, among all of the pool.
        attempt: The job.
        seen: What the pool remembers of another's lease of it.
    """

    number: int
    attempt: Attempt
    seen: Seen | None


class Hello(Struct, frozen=True):
    """From a worker process: it has begun, and has this number."""

    pid: int


class Encoded(Struct, frozen=True):
    """The job of an attempt only waits for the disk."""

    number: int


class Progressed(Struct, frozen=True):
    """So many frames went to ffmpeg since the last time."""

    frames: float


class Logged(Struct, frozen=True):
    """The attributes of a log record, whose text is complete."""

    record: Mapping[str, Any]


class Unclaimed(Struct, frozen=True):
    """There can be no claim at a path, for that reason."""

    path: Path
    reason: str


class Ended(Struct, frozen=True):
    """What became of an attempt, and what is to be remembered of another's lease."""

    number: int
    outcome: Outcome
    seen: Seen | None


class Shared(Struct, frozen=True):
    """What a worker process is started with.

    Attributes:
        context: The fields of the context, without those that each process makes anew.
        stall_seconds: How long ffmpeg may make no progress.
        lease: The duration of a lease.
        level: The level from which on log records are sent.
    """

    context: Mapping[str, Any]
    stall_seconds: float
    lease: float
    level: int

    @classmethod
    def of(cls, context: Context, lease: float, level: int) -> Shared:
        """That of a pool."""
        fields = {name: getattr(context, name) for name in context.__struct_fields__ if name not in _NOT_SHARED}
        return cls(fields, context.limits.stall_seconds, lease, level)

    def make_context(self) -> Context:
        """The context, in a worker process."""
        return Context(limits=RunLimits(threading.Event(), self.stall_seconds), **self.context)


class Line:
    """One end of a pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._sending = threading.Lock()

    def send(self, message: Struct) -> None:
        """Send a message, from any thread. Raises OSError where nobody takes it any more."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._sending:
            self.socket.sendall(len(data).to_bytes(_LENGTH_BYTES, "big") + data)

    def receive(self) -> Any:
        """Wait for the next message; None where none will come. For one thread alone."""
        try:
            length = int.from_bytes(self._read(_LENGTH_BYTES), "big")
            return pickle.loads(self._read(length))
        except (EOFError, OSError):
            # Closed, or killed in the middle of a message.
            return None

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return bytes(data)
