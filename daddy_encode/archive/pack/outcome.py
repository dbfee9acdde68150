"""What became of a job that was to be packed or unpacked."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daddy_encode.errors import DaddyEncodeError, one_line
from daddy_encode.report.log import counted, shown, size
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

    def line(self, what: str = "packed") -> str:
        """What became of it, in one line for people; `what`: what was done."""
        text = f"{what} {shown(self.paths.job)}: {counted(self.frames, 'frame')}, {counted(self.files_before, 'file')}"
        text += f" of {size(self.bytes_before)}"
        return one_line(text + (f" are now {self.files_after} of {size(self.bytes_after)}" if self.bytes_after else ""))

    def json(self, state: str) -> str:
        """The same as one JSON object on one line."""
        import json

        names = ("frames", "codec", "files_before", "files_after", "bytes_before", "bytes_after")
        values = {name: getattr(self, name) for name in names}
        return json.dumps({"path": str(self.paths.job), "state": state, **values})


class LeftError(DaddyEncodeError):
    """A job is left as it is on purpose: not a failure. The text says why, and what to do."""
