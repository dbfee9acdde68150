"""What a lease's file says: who holds it, for how long without a sign of life.

The format is that of the package filelock (its SoftFileLease, "filelock/2"), with which version 0.1.0 wrote and read
leases: encoders of both versions respect each other's.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import re

from msgspec import Struct

from daddy_encode.spool.orphans import is_gone

_PROTOCOL = "filelock/2"
# Bounds for what anybody may have written.
MAX_MARKER_BYTES = 1024
MAX_LEASE_SECONDS = 86_400.0
# What the name of a host may hold; other bytes are written as ?xx.
_HOST = frozenset(range(0x21, 0x7F)) - {ord("?")}
# The inode number of a Linux machine's first PID namespace.
_FIRST_PID_NAMESPACE = 0xEFFFFFFC
_NAMESPACE_MARK = "?pidns-"


class Marker(Struct, frozen=True):
    """What the file of a lease says.

    Attributes:
        pid: The holder's process.
        host: Its machine, with its PID namespace where that is not the machine's first.
        token: Random, of this one claim.
        seconds: For how long it counts without a sign of life, at most MAX_LEASE_SECONDS.
    """

    pid: int
    host: str
    token: str
    seconds: float

    def text(self) -> bytes:
        """The file's contents."""
        fields = {"pid": self.pid, "host": self.host, "mode": "lease", "token": self.token, "duration": self.seconds}
        return "".join(f"{line}\n" for line in (_PROTOCOL, *(f"{name}={fields[name]}" for name in fields))).encode()

    def is_dead(self) -> bool:
        """Whether its process was on this machine and is gone."""
        return self.host == host_name() and is_gone(self.pid)

    def shown_host(self) -> str:
        """The machine, for people."""
        return self.host.partition(_NAMESPACE_MARK)[0]


def parse_marker(data: bytes) -> Marker | None:
    """Read the contents of a lease's file; None where they are not those of a lease. Pure."""
    if len(data) > MAX_MARKER_BYTES or not data.endswith(b"\n"):
        return None
    lines = data.decode("utf-8", "replace").split("\n")
    fields = dict(line.split("=", 1) for line in lines[1:] if "=" in line)
    pid, seconds = fields.get("pid", ""), fields.get("duration", "")
    if lines[0] != _PROTOCOL or fields.get("mode") != "lease" or not fields.get("host") or not fields.get("token"):
        return None
    if not (re.fullmatch("[0-9]{1,10}", pid) and 1 <= int(pid) < 2**31):
        return None
    number = 0.0
    with contextlib.suppress(ValueError):
        number = float(seconds)
    if not (math.isfinite(number) and number > 0):
        return None
    return Marker(int(pid), fields["host"], fields["token"], min(number, MAX_LEASE_SECONDS))


@functools.cache
def host_name() -> str:
    """This machine, as filelock writes it: processes of two PID namespaces are those of two machines."""
    namespace = _FIRST_PID_NAMESPACE
    with contextlib.suppress(OSError):
        namespace = os.stat("/proc/self/ns/pid").st_ino
    name = "".join(chr(byte) if byte in _HOST else f"?{byte:02x}" for byte in os.fsencode(os.uname().nodename))
    return (name or "?") + ("" if namespace == _FIRST_PID_NAMESPACE else f"{_NAMESPACE_MARK}{namespace:x}")
