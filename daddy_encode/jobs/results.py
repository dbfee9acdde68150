"""What `encode` and `receipts` return."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from daddy_encode.spool.receipt import OutputRecord


@dataclass(frozen=True)
class SavedVideo:
    """A video that was encoded from frames.

    Attributes:
        path: The file.
        job: The path of the frames' directory, as its name without the suffix says: elsewhere with `output_dir`.
        kind: "mp4" or "gif".
        frames: How many pictures it has.
        fps: How many of them are shown in a second.
        encode_seconds: Wall time from the first frame read to the file verified.
        bytes: Its size.
        width: In pixels.
        height: In pixels.
        settings: All that decided its bytes, given the frames.
        warnings: What a viewer should know, such as padding.
        made: Whether it was made by this call; False where it was there already.
    """

    path: Path
    job: Path
    kind: Literal["mp4", "gif"]
    frames: int
    fps: Fraction
    encode_seconds: float
    bytes: int
    width: int
    height: int
    settings: dict[str, Any]
    warnings: tuple[str, ...]
    made: bool = False


@dataclass(frozen=True)
class JobReceipt:
    """What an encoder wrote down of a job.

    Attributes:
        path: The receipt.
        job: The path of the frames' directory, as the receipt's name says: elsewhere with `output_dir`.
        videos: The videos that were made of it.
        error: Why it failed; None where it did not.
        frames: How many PNGs there were.
        missing: How many frames were missing.
        bad: How many could not be used.
        gaps: How these were made up for, "hold" or "skip"; None where there were none.
        partial: Whether the rollout ended early, as its manifest says.
        salvaged: Whether the rollout died, and what was whole was taken.
        finished: When, in seconds since the epoch.
        host: Where.
        ffmpeg: The version of the program; empty where none has run, as for an exact GIF.
    """

    path: Path
    job: Path
    videos: tuple[SavedVideo, ...]
    error: str | None
    frames: int
    missing: int
    bad: int
    gaps: Literal["hold", "skip"] | None
    partial: bool
    salvaged: bool
    finished: float
    host: str
    ffmpeg: str


def saved_video(path: Path, record: OutputRecord, *, made: bool = False) -> SavedVideo:
    """The video at `path`, as its record says."""
    return SavedVideo(
        path=path,
        job=path.with_name(path.name.removesuffix(f".{record.format}")),
        kind=record.format,
        frames=record.frames,
        fps=Fraction(record.fps) if isinstance(record.fps, str) else Fraction(str(record.fps)),
        encode_seconds=record.encode_seconds,
        bytes=record.bytes,
        width=record.width,
        height=record.height,
        settings=dict(record.settings),
        warnings=tuple(record.warnings),
        made=made,
    )
