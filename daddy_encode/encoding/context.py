"""What a job is encoded with, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.settings import Settings
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.png.pixels import MAX_PIXELS
from daddy_encode.spool.receipt import OutputRecord, Receipt

Progress = Callable[[float], None]
"""Called with a share of a job's frames (they add up to the number of its frames) as they go to ffmpeg."""


class Context(Struct, frozen=True):
    """What all jobs of one run share, and what is known of this one.

    Attributes:
        settings: What to make.
        limits: When to give up.
        force: Whether to encode what is done already. Default: no.
        keep_since: Videos of the same frames that were made then or later, in seconds since the epoch, stay as they
            are, whatever `settings` say: encoders with different options never replace each other's. Default: none.
        slurm: The encoder's own Slurm job, for the receipt.
        need_manifest: Whether a job without a manifest is refused. Default: no.
        settled: Whether the job has no manifest and was left alone for the settle time. Default: no.
        owners: Whose jobs are taken besides this user's own. Default: nobody's.
        max_pixels: Width times height of a frame, at most. Default: 64 * 2**20.
        tmp_dir: Where temporary files go; None (default): beside their targets.
        on_encoded: Called when the job's outputs are made and verified, and only wait for the disk; once more where
            they are made anew, because the frames have changed.
        may_publish: Asked right before the outputs get their names: whether the job is still this encoder's.
    """

    settings: Settings
    limits: RunLimits
    force: bool = False
    keep_since: float | None = None
    slurm: Mapping[str, str] = field(default_factory=dict)
    need_manifest: bool = False
    settled: bool = False
    owners: Owners = field(default_factory=Owners)
    max_pixels: int = MAX_PIXELS
    tmp_dir: Path | None = None
    on_encoded: Callable[[], None] = lambda: None
    may_publish: Callable[[], bool] = lambda: True


class Result(Struct, frozen=True):
    """What became of a job.

    Attributes:
        paths: Where its files are.
        made: The outputs saved now; none where all were there already.
        receipt: What is written down of it.
        replaced: For each output that took the place of another file, what that was.
        warnings: Those of all that was made now, which whoever asked for it should be warned of.
        error: Why one of two videos could not be made, where the other was.
        frames_gone: Whether there are no frames any more that it could be made from again.
    """

    paths: JobPaths
    made: list[OutputRecord]
    receipt: Receipt
    replaced: Mapping[Kind, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    error: DaddyEncodeError | None = None
    frames_gone: bool = False


class Shares:
    """A job's progress: each frame's share in each pass; never more than the frames, where something begins again."""

    def __init__(self, progress: Progress) -> None:
        self._left: float | None = None
        self._progress = progress
        self._passes = 1

    def expect(self, frames: int) -> None:
        """Say how many frames the job has; only the first time counts."""
        self._left = float(frames) if self._left is None else self._left

    def begin(self, passes: int) -> None:
        """Say how many passes over the frames there will be."""
        self._passes = passes

    def frame(self) -> None:
        """One frame has been read in one pass."""
        assert self._left is not None
        share = min(self._left, 1 / self._passes)
        self._left -= share
        self._progress(share)
