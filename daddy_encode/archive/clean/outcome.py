"""What became of a job whose frames were to be deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from daddy_encode.errors import DaddyEncodeError, one_line
from daddy_encode.report.log import counted, shown, size

Kind = Literal["cleaned", "finished", "gone", "would"]


class CleanOptions(Struct, frozen=True):
    """Which frames are deleted.

    Attributes:
        min_psnr: The least that the worst frame of a job's videos may have, in dB. Default: as `verify` judges.
        keep_every: Every so many frames one is kept, the first of them. Default: none is.
        keep_posters: Whether the first frame and the one in the middle are kept. Default: no.
        include_salvaged: Whether jobs are cleaned whose videos do not show a whole rollout. Default: no.
    """

    min_psnr: float | None = None
    keep_every: int | None = None
    keep_posters: bool = False
    include_salvaged: bool = False

    def names_kept(self, names: Sequence[str]) -> list[str]:
        """Which of these frames are kept."""
        return [names[index] for index in self.kept(len(names))]

    def kept(self, count: int) -> list[int]:
        """Which of so many frames are kept, counted from 0."""
        if self.keep_every is not None:
            return list(range(0, count, self.keep_every))
        return sorted({0, count // 2}) if self.keep_posters and count else []


class CleanOutcome(Struct, frozen=True, kw_only=True):
    """What was done, or would be.

    Attributes:
        kind: What became of it; `finished`: an earlier clean was killed; `gone`: there were no frames; `would`: it is
            only said.
        files: How many files held the frames.
        bytes: What is free without them.
        kept: How many frames are kept in a file of their own.
        changed: When frames last came or went, or a video was made of them, in seconds since the epoch.
    """

    kind: Kind
    files: int = 0
    bytes: int = 0
    kept: int = 0
    changed: float = 0.0

    def line(self, job: Path) -> str:
        """What became of the job, in one line for people."""
        words = {"would": "would clean", "finished": "cleaned (begun by an earlier run)", "gone": "has no frames:"}
        kept = f", {counted(self.kept, 'frame')} kept" if self.kept else ""
        return one_line(
            f"{words.get(self.kind, self.kind)} {shown(job)}: {counted(self.files, 'file')} of {size(self.bytes)}{kept}"
        )


class KeptError(DaddyEncodeError):
    """The frames of a job are kept on purpose: not a failure. The text says why."""
