"""`<job>.receipt.json`: the encoder's record of a job, beside its outputs; and whether these are as it says."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from daddy_encode.errors import ManifestError, Skipped, one_line
from daddy_encode.spool.frames import Numbering
from daddy_encode.spool.held_file import SAFELY, sha256_of
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.publish import reported
from daddy_encode.spool.records import Check, read_record

# Anybody may have written a receipt, and people and spreadsheets read its numbers.
MAX_WHOLE = 2**62
Whole = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
Seconds = Annotated[float, Meta(ge=0, le=1e11)]
Nanoseconds = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Rate = Annotated[int, Meta(ge=0, le=1000)] | Annotated[float, Meta(ge=0, le=1000)] | Annotated[str, Meta(max_length=40)]


class OutputRecord(Struct, frozen=True, kw_only=True):
    """One video file.

    Attributes:
        path: Its file name, beside the receipt.
        type: "MP4", "GIF", or "Both" where both were asked for.
        format: What this file is.
        frames: How many pictures it has.
        fps: How many of them are shown in a second.
        encode_seconds: Wall time from the first frame read to the file verified; a pass that served both files counts
            in both.
        bytes: Its size.
        sha256: Of its bytes, in hexadecimal digits.
        width: In pixels.
        height: In pixels.
        settings: All that decided its bytes, given the frames.
        mtime_ns: Its modification time when it got its name, in nanoseconds; None in receipts of earlier versions.
        warnings: What a viewer should know, such as padding.
    """

    path: str
    type: str
    format: Kind
    frames: Whole
    fps: Rate
    encode_seconds: Seconds
    bytes: Whole
    sha256: str
    width: Whole
    height: Whole
    settings: dict[str, Any]
    mtime_ns: Nanoseconds | None = None
    warnings: list[str] = field(default_factory=list)


class Source(Struct, frozen=True, kw_only=True):
    """What was encoded.

    Attributes:
        names: Which of the files in the directory they are, an asterisk for the number, as printable text; empty in
            receipts of earlier versions.
        numbering: How the numbers in the names follow one another; see `FrameSequence`.
        stride: Their distance.
        frames: How many PNGs there were.
        width: Of each, in pixels.
        height: Of each, in pixels.
        sha256: Of all their bytes in order, in hexadecimal digits.
        listing_sha256: Of their names, sizes and modification times: while it is unchanged, the frames are taken to be.
        manifest_sha256: Of the manifest's bytes; None where there was none.
        directory_mtime_ns: The directory's modification time before it was listed, in nanoseconds: while it is
            unchanged, no frame came, went or was replaced. 0: the job has to be examined.
        recorded_sha256: What `sha256` was of the same pictures before they were packed and unpacked, which compresses
            them anew; empty: the same.
    """

    names: str = ""
    numbering: Numbering = "steps"
    stride: Whole = 1
    frames: Whole
    width: Whole
    height: Whole
    sha256: str
    listing_sha256: str
    manifest_sha256: str | None
    directory_mtime_ns: Nanoseconds = 0
    recorded_sha256: str = ""

    @property
    def recording(self) -> str:
        """Which recording the frames are, whatever was done with them since, in hexadecimal digits; empty: none."""
        return self.recorded_sha256 or self.sha256

    def is_of(self, recording: str) -> bool:
        """Whether a recording is this one, of which somebody has kept how its digits begin."""
        return self.recording.startswith(recording) or self.sha256.startswith(recording)


def no_source(*, listing_sha256: str = "", manifest_sha256: str | None = None, directory_mtime_ns: int = 0) -> Source:
    """Of a receipt for which no frames were encoded."""
    return Source(
        frames=0,
        width=0,
        height=0,
        sha256="",
        listing_sha256=listing_sha256,
        manifest_sha256=manifest_sha256,
        directory_mtime_ns=directory_mtime_ns,
    )


# Keeps a receipt of the longest names far below what a reader accepts.
MAX_LISTED = 1000


class BadFrame(Struct, frozen=True, kw_only=True):
    """A file that cannot be used as a frame.

    Attributes:
        name: Its name, as printable text.
        reason: What is wrong with it.
    """

    name: str
    reason: str


class Lost(Struct, frozen=True, kw_only=True):
    """The frames that were not there or not usable.

    Attributes:
        missing_count: How many were not there.
        bad_count: How many could not be used.
        dropped_count: How many the rollout dropped for lack of room, as its annotations say.
        missing: The names of the first MAX_LISTED that were not there, as printable text.
        bad: The first MAX_LISTED that could not be used.
    """

    missing_count: Whole = 0
    bad_count: Whole = 0
    dropped_count: Whole = 0
    missing: list[str] = field(default_factory=list)
    bad: list[BadFrame] = field(default_factory=list)


# So often a program may fail on a job, as it is, before that is the job's fault.
MOST_FAILURES = 3


class Failure(Struct, frozen=True, kw_only=True):
    """One failure of a program, which may be the job's fault or that of the machine.

    Attributes:
        error: What happened.
        host: Where.
        finished: When, in seconds since the epoch.
        listing_sha256: As of Source, at that time: it counts while that is unchanged.
    """

    error: str
    host: str
    finished: Seconds
    listing_sha256: str


class Receipt(Struct, frozen=True, kw_only=True):
    """What was made of a job, from what, by whom.

    Attributes:
        version: Of this format: 1.
        job: The name of the job's directory, as printable text.
        sequence: Which of the files in it are the job's frames, an asterisk for the number, as printable text, where it
            holds several sequences and each is a job; else None.
        source: What was encoded.
        outputs: The videos.
        ffmpeg: The version of the program; empty where none has run, as for an exact GIF.
        ffmpeg_build: The compiler line of the program; empty where none has run.
        host: Where it was made.
        slurm: The encoder's own Slurm job; empty outside one.
        partial: The rollout ended in an exception, as its manifest says.
        salvaged: The rollout died, and what was whole was taken on purpose.
        gaps: How the frames in `lost` were made up for: others were repeated ("hold") or the rest closed up ("skip").
            None: none was missing or bad, and dropped ones were made up for by those before them.
        lost: The frames that were missing or bad.
        settled: There was no manifest, and nothing had changed for the settle time.
        error: Why the job failed; None where it did not. It counts while the manifest, the directory's modification
            time and, unless it is empty, the listing are the source's.
        unfinished: The settings of each kind of video that was asked for and is not made: its encode failed, or its
            encoder was killed as it was about to publish it, and what has the video's name now is not known.
        failures: How often ffmpeg, or gifsicle, failed on the job since it last changed or was encoded, the last
            MOST_FAILURES of them. As long as there are fewer, the job has not failed.
        meta: The rollout's own values, as its manifest or else its `rollout.json` had them; None where there were none,
            they are too large for `kept_meta`, or an earlier version has written the receipt.
        rollout_error: Why the rollout ended early, as its manifest said: `kept_error` of that; None where it did not
            end early or nobody has said why, or an earlier version has written the receipt.
        frames: "deleted": `daddy-encode clean` has deleted them, once the videos were proved. None: nobody has said so.
        not_packed: Why packing the frames of the source is no gain, as `daddy-encode pack` has found; None: it has not.
        finished: Seconds since the epoch, on the encoder's clock.
    """

    version: int = 1
    job: str
    sequence: str | None = None
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
    unfinished: dict[Kind, dict[str, Any]] = field(default_factory=dict)
    failures: Annotated[list[Failure], Meta(max_length=MOST_FAILURES)] = field(default_factory=list)
    meta: dict[str, Any] | None = None
    rollout_error: str | None = None
    frames: Literal["deleted"] | None = None
    not_packed: str | None = None
    finished: Seconds

    @property
    def is_of_earlier_videos(self) -> bool:
        """Whether its videos are of what was recorded in the directory before the frames that it is about.

        Of these, nothing was encoded yet: it says why, and which of the earlier videos are still there.
        """
        return not self.source.sha256 and bool(self.outputs) and (self.error is not None or bool(self.failures))


def read_receipt(path: Path, check: Check | None = None) -> Receipt | None:
    """A receipt; None where there is none that can be read: then, or where anybody wrote it, it proves nothing.

    Args:
        path: Where it is.
        check: As for `read_record`: whose receipts count. Default: everybody's.
    """
    with contextlib.suppress(ManifestError, Skipped):
        if (found := read_record(path, Receipt, check=check)) is not None:
            return found[0]
    return None


def is_receipt_of(paths: JobPaths, receipt: Receipt | None) -> bool:
    """Whether `receipt`, which is where that of a job should be, is not another job's, which has the same name."""
    sequence = one_line(paths.pattern) if paths.pattern is not None else None
    return receipt is not None and receipt.sequence == sequence


def looks_recorded(path: Path, record: OutputRecord) -> bool:
    """Whether the file at `path` has the size and the time of `record`; one that has no time is compared by size."""
    try:
        return _looks(os.stat(path, follow_symlinks=False), record)
    except OSError:
        return False


def find_recorded(path: Path, record: OutputRecord) -> OutputRecord | None:
    """The record of the video at `path`, with the time that the file has now; None where it is not that video.

    The file is read only where its size is right and its time is not, as that of a copy may be.

    Args:
        path: The video.
        record: What a receipt says of it.

    Raises:
        SpoolError: It cannot be read.
    """
    if looks_recorded(path, record):
        return record
    try:
        descriptor = os.open(path, os.O_RDONLY | SAFELY)
    except OSError:
        return None
    with reported(path, "read"), open(descriptor, "rb") as stream:
        # Once more: a network file system is sure of them when the file is open.
        status = os.fstat(descriptor)
        if _looks(status, record):
            return record
        if not stat.S_ISREG(status.st_mode) or status.st_size != record.bytes:
            return None
        if sha256_of(stream) != record.sha256:
            return None
    return msgspec.structs.replace(record, mtime_ns=status.st_mtime_ns)


def _looks(status: os.stat_result, record: OutputRecord) -> bool:
    if not stat.S_ISREG(status.st_mode) or status.st_size != record.bytes:
        return False
    return record.mtime_ns in (None, status.st_mtime_ns)
