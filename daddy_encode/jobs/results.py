"""What `encode` and `receipts` return."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from daddy_encode.errors import one_line
from daddy_encode.jobs.rows import META

if TYPE_CHECKING:
    from daddy_encode.spool.receipt import OutputRecord


@dataclass(frozen=True)
class SavedVideo:
    """A video that was encoded from frames.

    Attributes:
        path: The file.
        job: The path of the frames' directory, of one of several sequences in it with their pattern (`DIR/rgb_*.png`),
            as if it were beside the file: elsewhere with `output_dir`.
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
    settings: dict[str, Any] = field(hash=False)
    warnings: tuple[str, ...]
    made: bool = False


class JobReceipt(dict[str, Any]):
    """What an encoder wrote down of a job: its attributes, and as a dictionary the same as a row of a table.

    A list of them is what `pandas.DataFrame` and `polars.DataFrame` take. The columns are path, job, name (the
    job's in a gallery of the same directory and in its marks, whose `source` is there, too), source, state ("done",
    "failed", or "partial": an error beside one), mp4 and gif (paths), frames, fps, seconds, width, height, bytes
    (of both), encode_seconds, finished, host, ffmpeg, error, missing, bad, gaps, partial, salvaged, rollout_error, and
    for each value of the rollout's own `meta` a column such as `meta.seed`, or of nested ones `meta.env.name`. All
    receipts of a call have the same columns, each of one type: a text that is missing is empty, a number NaN.

    Two are equal if their attributes are, since the columns depend on the other receipts of the call, and no NaN is
    equal to another. With any other dictionary it is compared as one.

    Attributes:
        path: The receipt.
        job: The path of the frames' directory, of one of several sequences in it with their pattern (`DIR/rgb_*.png`),
            as if it were beside the receipt: elsewhere with `output_dir`.
        source: Which recording it is, as marks of a gallery have it: 16 hexadecimal digits; empty where nothing was
            encoded.
        videos: The videos that were made of it; none where it failed, and those of an earlier recording of its name are
            still there.
        error: Why it failed; None where it did not.
        frames: How many PNGs there were.
        missing: How many frames were missing.
        bad: How many could not be used.
        gaps: How these were made up for, "hold" or "skip"; None where there were none.
        partial: Whether the rollout ended early, as its manifest says.
        salvaged: Whether the rollout died, and what was whole was taken.
        rollout_error: Why the rollout ended early, as its manifest said; None where that is not known.
        finished: When, in seconds since the epoch.
        host: Where.
        ffmpeg: The version of the program; empty where none has run, as for an exact GIF.
        meta: What the rollout said of itself, also when its frames are gone: up to 64 of its numbers, texts and truth
            values, nested ones by their paths, such as "env.name"; a text is cut to 300 characters. Of more, those are
            first whose names are well known, such as "return" and "seed", then those that are not nested. The receipt
            has it, or where that has none (one of an earlier version, or a meta of more than 64 KiB) the manifest, if
            it is still there.
    """

    path: Path
    job: Path
    source: str
    videos: tuple[SavedVideo, ...]
    error: str | None
    frames: int
    missing: int
    bad: int
    gaps: Literal["hold", "skip"] | None
    partial: bool
    salvaged: bool
    rollout_error: str | None
    finished: float
    host: str
    ffmpeg: str
    meta: Mapping[str, str | int | float | bool]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, JobReceipt):
            return vars(self) == vars(other)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        # A dictionary has one of its own.
        return not self == other

    def copy(self) -> JobReceipt:
        """Another one, with the same values and attributes."""
        return copy.copy(self)


def row_of(receipt: JobReceipt, name: str) -> dict[str, str | int | float | bool | None]:
    """Its values for a table, which may have more columns for other receipts; `name`: its job's in a gallery."""
    # The MP4 has every frame.
    videos = {video.kind: video for video in receipt.videos}
    best = videos.get("mp4") or videos.get("gif")
    return {
        "path": one_line(str(receipt.path)),
        "job": one_line(str(receipt.job)),
        "name": name,
        "source": receipt.source,
        "state": "done" if receipt.error is None else "partial" if videos else "failed",
        "mp4": one_line(str(videos["mp4"].path)) if "mp4" in videos else None,
        "gif": one_line(str(videos["gif"].path)) if "gif" in videos else None,
        "frames": receipt.frames,
        "fps": float(best.fps) if best else None,
        "seconds": float(best.frames / best.fps) if best and best.fps else None,
        "width": best.width if best else None,
        "height": best.height if best else None,
        "bytes": sum(video.bytes for video in receipt.videos),
        "encode_seconds": max(video.encode_seconds for video in receipt.videos) if best else None,
        "finished": receipt.finished,
        "host": one_line(receipt.host),
        "ffmpeg": one_line(receipt.ffmpeg),
        "error": one_line(receipt.error) if receipt.error is not None else None,
        "missing": receipt.missing,
        "bad": receipt.bad,
        "gaps": receipt.gaps,
        "partial": receipt.partial,
        "salvaged": receipt.salvaged,
        "rollout_error": one_line(receipt.rollout_error) if receipt.rollout_error is not None else None,
        **{f"{META}{name}": value for name, value in receipt.meta.items()},
    }


def saved_video(path: Path, job: Path, record: OutputRecord, *, made: bool = False) -> SavedVideo:
    """The video of a `job` at `path`, as its record says."""
    return SavedVideo(
        path=path,
        job=job,
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
