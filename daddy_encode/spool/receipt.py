"""`<job>.receipt.json`: the encoder's record of a job, beside its outputs."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from daddy_encode.spool.paths import Kind


class OutputRecord(Struct, frozen=True, kw_only=True):
    """One video file.

    path: its file name, beside the receipt; type: "MP4", "GIF", or "Both" where both were asked for; format: what
    this file is; frames: pictures in it; fps: at which they play; encode_seconds: wall time from the first frame
    read to the file verified, a pass that served both files counting in both; bytes and sha256 of the file;
    settings: all that decided its bytes, given the frames; warnings: what a viewer should know, such as padding.
    """

    path: str
    type: str
    format: Kind
    frames: int
    fps: int | float | str
    encode_seconds: float
    bytes: int
    sha256: str
    width: int
    height: int
    settings: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


class Source(Struct, frozen=True, kw_only=True):
    """What was encoded.

    frames, width, height: of the PNGs; sha256: of all their bytes in order; manifest_sha256: of the manifest's, None
    where there was none; listing_sha256: of their names, sizes and modification times: when it is unchanged, the
    frames are taken to be; directory_mtime_ns: of the directory, before it was listed: while it is unchanged, no frame
    came, went or was replaced.
    """

    frames: int
    width: int
    height: int
    sha256: str
    listing_sha256: str
    manifest_sha256: str | None
    directory_mtime_ns: int = 0


# Keeps a receipt of the longest names far below what a reader accepts.
MAX_LISTED = 1000


class BadFrame(Struct, frozen=True, kw_only=True):
    """A file that is no frame of its job, and why."""

    name: str
    reason: str


class Lost(Struct, frozen=True, kw_only=True):
    """The frames that were not there or not usable: how many, and the first MAX_LISTED of each, as printable text.

    missing: names of files that are not there; bad: files that are, and what is wrong with them.
    """

    missing_count: int = 0
    bad_count: int = 0
    missing: list[str] = field(default_factory=list)
    bad: list[BadFrame] = field(default_factory=list)


class Receipt(Struct, frozen=True, kw_only=True):
    """What was made of a job, from what, by whom.

    error: why the job failed, None where it did not; it counts while the directory's modification time is the
    source's. partial: the rollout ended in an exception, as its manifest says; salvaged: it died, and what was whole
    was taken on purpose; gaps: how the frames in `lost` were made up for, by repeating others ("hold") or closing up
    ("skip"), None where none was lost; slurm: the encoder's own Slurm job, empty outside one; finished: seconds since
    the epoch, on the encoder's clock.
    source's. partial: the rollout ended in an exception, as its manifest says; settled:
    there was no manifest, and nothing had changed for the settle time; slurm: the encoder's own Slurm job,
    empty outside one; finished: seconds since the epoch, on the encoder's clock.
    """

    version: int = 1
    job: str
    source: Source
    outputs: list[OutputRecord] = field(default_factory=list)
    ffmpeg: str
    ffmpeg_build: str
    host: str
    slurm: dict[str, str] = field(default_factory=dict)
    partial: bool = False
    salvaged: bool = False
    gaps: Literal["hold", "skip"] | None = None
    lost: Lost = field(default_factory=Lost)
    settled: bool = False
    error: str | None = None
    finished: float
