"""Jobs whose frames are gone, deleted by `clean` or removed by somebody: done while their videos are there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.encoding.context import Context, Result
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.recorded import outputs_there, recorded
from daddy_encode.encoding.settings import plan
from daddy_encode.errors import FrameError, SpoolError, one_line
from daddy_encode.spool.frames import frame_sequence
from daddy_encode.spool.paths import RECEIPT_SUFFIX, JobPaths, sequence_name
from daddy_encode.spool.receipt import Receipt, is_receipt_of, read_receipt
from daddy_encode.spool.records import Check
from daddy_encode.spool.walk import Listing, SpoolDirectory, list_directory

# What there is to see in a directory that is not there.
NOTHING = Listing(frozenset(), 0, ())


class FramesGoneError(SpoolError):
    """There is nothing to make videos from.

    Attributes:
        receipt: That of the videos, which are all there: the job is done. None: what is left of the frames is no job.
    """

    def __init__(self, message: str, receipt: Receipt | None = None) -> None:
        super().__init__(message)
        self.receipt = receipt


class VideoLostError(FrameError):
    """A job's frames are gone, and a video of them is not there: nothing makes it anew, and nothing is written down."""


def frames_gone(paths: JobPaths, receipt: Receipt | None, manifest_sha256: str | None) -> FramesGoneError | None:
    """What to raise of a job that has no frames any more; None where its videos are not there.

    Args:
        paths: Its names.
        receipt: Its receipt.
        manifest_sha256: Of the manifest that is in its directory still; None: of none.

    Raises:
        SpoolError: A video cannot be read.
    """
    if receipt is None or not is_whole(paths, receipt) or manifest_sha256 not in (None, receipt.source.manifest_sha256):
        return None
    there = outputs_there(paths, receipt)
    if len(there) < len(receipt.outputs):
        return None
    text = f"{paths.job}: its frames are gone, so there is nothing to make it from; its {made_text(receipt)} stays"
    return FramesGoneError(f"{text} as it is", replace(receipt, outputs=there))


def video_lost(paths: JobPaths, receipt: Receipt | None, manifest_sha256: str | None) -> VideoLostError | None:
    """What to raise of a job that has no frames any more, where a video is not there; None where none was made of them.

    The arguments are those of `frames_gone`, which comes first.
    """
    if receipt is None or not is_whole(paths, receipt) or manifest_sha256 not in (None, receipt.source.manifest_sha256):
        return None
    there = {record.format for record in outputs_there(paths, receipt)}
    lost = [paths.output(record.format) for record in receipt.outputs if record.format not in there]
    what = " and ".join(f"{path.name} {'has changed' if os.path.lexists(path) else 'is missing'}" for path in lost)
    return VideoLostError(f"{paths.job}: its frames are gone and {what}: nothing to make it from; put it back")


def half_deleted(paths: JobPaths, receipt: Receipt | None, manifest_sha256: str | None) -> FramesGoneError:
    """What to raise of a job some of whose frames have been deleted."""
    gone = frames_gone(paths, receipt, manifest_sha256)
    return FramesGoneError(
        f"{paths.job}: its frames are being deleted, and no video is made of those that are left; daddy-encode clean "
        "deletes the rest",
        gone.receipt if gone is not None else None,
    )


def done_without_frames(paths: JobPaths, context: Context, error: FramesGoneError) -> Result:
    """The result of a job whose frames are gone: it is done, whatever the options are.

    Raises:
        FramesGoneError: It should be encoded anew, or its videos are not there.
    """
    receipt = error.receipt
    if receipt is None or context.force:
        raise error
    known = recorded(receipt, context.keep_since)
    asked = plan(context.settings, None, known)
    others = [kind for kind in asked if known.outputs.get(kind) != asked[kind]]
    warnings = [
        f"its frames are gone, so what the options ask for is not made; its {made_text(receipt)} stays as it is"
    ]
    return Result(paths, [], receipt, warnings=warnings if others else (), frames_gone=True)


def made_text(receipt: Receipt) -> str:
    """The kinds of a receipt's videos, for people."""
    return "+".join(record.format.upper() for record in receipt.outputs)


def is_whole(paths: JobPaths, receipt: Receipt) -> bool:
    """Whether a job's receipt says that all videos were made that were asked for."""
    return (
        is_receipt_of(paths, receipt)
        and receipt.error is None
        and receipt.source.sha256 != ""
        and len(receipt.outputs) > 0
        and not receipt.unfinished
    )


def check_there(paths: JobPaths, check: Check | None = None) -> None:
    """Raise FramesGoneError where a job's directory is not there, but its receipt and its videos are."""
    if paths.file is None and not os.path.lexists(paths.directory):
        receipt = read_receipt(paths.receipt, check)
        if (gone := frames_gone(paths, receipt, None)) is not None:
            raise gone


def open_job(paths: JobPaths, context: Context) -> JobDirectory:
    """Open a job's directory. Raises FramesGoneError where `check_there` does, else as JobDirectory."""
    try:
        return JobDirectory(paths.directory, context.owners, context.max_pixels)
    except FrameError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            check_there(paths, context.owners.check_file)
        raise


def seems_gone(paths: JobPaths, names: Collection[str] | None = None) -> bool:
    """Whether a job that has no frames has a receipt and its videos, of which none is looked at.

    Args:
        paths: Its names.
        names: Those where its outputs are. Default: each is asked for.
    """
    if names is not None and paths.receipt.name not in names:
        return False
    receipt = read_receipt(paths.receipt)
    if receipt is None or not is_whole(paths, receipt):
        return False
    videos = [paths.output(record.format) for record in receipt.outputs]
    return all(os.path.lexists(video) if names is None else video.name in names for video in videos)


def gone_jobs(directory: SpoolDirectory, listing: Listing) -> Iterator[JobPaths]:
    """Yield the job that a directory without frames was, else those in it whose own are not there, or without frames.

    Args:
        directory: The directory, which is listed and is no job.
        listing: What is in it.
    """
    if seems_gone(directory.paths, directory.outputs.names):
        yield directory.paths
        return
    if directory.is_root:
        # Else the directory above says so.
        yield from _gone_sequences(directory.paths)
    names = directory.inner_outputs.names
    for name in sorted(names or ()):
        base = name.removesuffix(RECEIPT_SUFFIX)
        # A directory that is there says itself what it is.
        if base in ("", name) or base in listing.names:
            continue
        outputs = directory.inner_paths.base.with_name(name)
        receipt = read_receipt(outputs)
        if receipt is None:
            continue
        paths = _named(directory, base)
        if receipt.sequence is not None:
            if not _is_name(receipt.job) or base != f"{receipt.job}.{sequence_name(receipt.sequence)}":
                continue
            whole = _named(directory, receipt.job)
            paths = whole.of_sequence(receipt.sequence)
            if receipt.job in listing.names and _has_frames(whole.directory, receipt.sequence):
                continue
        elif receipt.job != one_line(base):
            continue
        if seems_gone(paths, names):
            yield paths


def _gone_sequences(whole: JobPaths) -> Iterator[JobPaths]:
    """The sequences of a directory without frames that were jobs."""
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(whole.base.parent)):
            if name.startswith(f"{whole.base.name}.") and name.endswith(RECEIPT_SUFFIX):
                receipt = read_receipt(whole.base.with_name(name))
                if receipt is not None and receipt.sequence is not None:
                    paths = whole.of_sequence(receipt.sequence)
                    if paths.receipt.name == name and seems_gone(paths):
                        yield paths


def _named(directory: SpoolDirectory, name: str) -> JobPaths:
    """The names of the job in the subdirectory `name`."""
    inner = directory.inner_paths
    return JobPaths(inner.directory.with_name(name), inner.base.with_name(name), inner.top)


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def _has_frames(directory: Path, pattern: str) -> bool:
    try:
        return len(frame_sequence(list_directory(directory).frame_names, str(directory), pattern)) > 0
    except (FrameError, OSError):
        # Whoever visits it says what is wrong.
        return True


def is_gone(paths: JobPaths) -> bool:
    """Whether a job that somebody has named has no directory any more, but its receipt and its videos."""
    return not os.path.lexists(paths.directory) and seems_gone(paths)
