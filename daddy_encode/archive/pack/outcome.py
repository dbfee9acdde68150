"""What became of a job that was to be packed or unpacked."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths

Kind = Literal["packed", "unpacked", "already", "would"]


class PackOutcome(Struct, frozen=True, kw_only=True):
    """What was done, or would be.

    Attributes:
        paths: The job's names.
        kind: What became of it; `already`: it was so before; `would`: it is only said.
        frames: How many frames it has.
        codec: Of the packed file; empty where that is not made yet.
        files_before: How many files held the frames.
        files_after: How many do.
        bytes_before: Their size.
        bytes_after: Their size now; 0 where that is not known yet.
    """

    paths: JobPaths
    kind: Kind
    frames: int
    codec: str = ""
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


class LeftError(DaddyEncodeError):
    """A job is left as it is on purpose: not a failure. The text says why, and what to do."""
