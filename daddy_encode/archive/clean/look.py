"""What can be said of a job's frames without reading one: which files they are, and why they are to be kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from daddy_encode.archive.clean.kept_file import check_kept
from daddy_encode.archive.clean.outcome import CleanOptions, CleanOutcome, KeptError
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing, before_listing
from daddy_encode.encoding.gone import FramesGoneError, frames_gone, open_job
from daddy_encode.errors import FrameError, ManifestError
from daddy_encode.report.log import not_whole
from daddy_encode.spool.frames import count_frames, find_sequences
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Receipt, is_receipt_of
from daddy_encode.spool.recording.deleting import Left, deleting_name, what_is_left
from daddy_encode.spool.records import read_record
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD


def look(paths: JobPaths, context: Context, options: CleanOptions, source: str | None = None) -> CleanOutcome:
    """What cleaning a job would free, as far as that shows without a proof; `source`: as for `check_marked`.

    Raises:
        KeptError: Its frames are to be kept.
        Skipped: It is another user's.
        FrameError: Its directory cannot be used.
    """
    try:
        with open_job(paths, context) as directory:
            check_marked(paths, directory, source)
            left = left_over(paths, directory)
            if left is not None and not left.is_whole:
                sizes = _sizes(directory, sorted(left.files))
                return CleanOutcome(kind="would", changed=changed_at(directory, None), **sizes)
            receipt, listing = check_may_go(paths, directory, options)
            if listing is None:
                return CleanOutcome(kind="gone")
            files = frame_files(directory, listing)
            return CleanOutcome(
                kind="would",
                kept=len(options.kept(len(listing.frames))),
                changed=changed_at(directory, receipt),
                **_sizes(directory, files),
            )
    except FramesGoneError as error:
        if error.receipt is None:
            raise KeptError(str(error)) from error
        return CleanOutcome(kind="gone")


def left_over(paths: JobPaths, directory: JobDirectory) -> Left | None:
    """What an earlier clean, which was killed, was about to delete; None where there was none.

    Raises:
        KeptError: It is not known to be the very files.
    """
    names = os.listdir(directory.descriptor)
    left = what_is_left(paths, names, directory.descriptor, directory.check_owner)
    if left is not None and left.is_half and left.changed and not left.is_whole:
        raise KeptError(
            f"{paths.job}: kept: {len(left.changed)} of its files are left of those that were being deleted, and they "
            f"were copied or changed since; remove them where its videos are right, or {deleting_name(paths.pattern)} "
            "where they are a new recording"
        )
    return left


def check_marked(paths: JobPaths, directory: JobDirectory, source: str | None) -> None:
    """Check that a job that was chosen by a mark is the recording that was marked, whatever is left of its frames.

    Args:
        paths: Its names.
        directory: Its directory.
        source: What the SHA-256 of its frames begins with, as the mark says; empty: it does not say. None: nobody chose
            it by itself.

    Raises:
        KeptError: It is not, or not known to be.
        Skipped: A file is another user's.
    """
    if source is None:
        return
    receipt = _done_receipt(paths, directory)
    if source == "":
        raise KeptError(
            f"{paths.job}: kept: its mark does not say of which recording it is; make the gallery anew, mark it there "
            "and export again"
        )
    if not receipt.source.is_of(source):
        raise KeptError(f"{paths.job}: kept: another recording than the one that was marked has this name")


def check_may_go(
    paths: JobPaths, directory: JobDirectory, options: CleanOptions
) -> tuple[Receipt, FrameListing | None]:
    """Check what shows, without a frame being read, that a job is done and its frames are not to be kept.

    Args:
        paths: Its names.
        directory: Its directory.
        options: Which frames are deleted.

    Returns:
        Its receipt, and its frames; None where they are gone.

    Raises:
        KeptError: They are to be kept, or it is not done.
        Skipped: A file is another user's.
    """
    receipt = _done_receipt(paths, directory)
    if not options.include_salvaged:
        lacks = not_whole(receipt) + ["encoded without a manifest (--settle)"] * receipt.settled
        if receipt.gaps is not None or receipt.salvaged or receipt.partial or receipt.settled:
            raise KeptError(
                f"{paths.job}: kept: its video may not show a whole rollout: {', '.join(lacks)}; --include-salvaged "
                "cleans it"
            )
    try:
        before = before_listing(directory)
        digest, listing = before.manifest_sha256, before.list_frames(paths.pattern)
    except (FrameError, ManifestError) as error:
        raise KeptError(f"{error}; kept") from error
    if not listing.frames:
        if frames_gone(paths, receipt, digest) is None:
            raise KeptError(f"{paths.job}: has no frames, and no video of them")
        return receipt, None
    if receipt.frames == "deleted":
        raise KeptError(f"{paths.job}: kept: its frames came after those that were deleted; encode it first")
    if (receipt.source.listing_sha256, receipt.source.manifest_sha256) != (listing.sha256, digest):
        raise KeptError(f"{paths.job}: kept: its frames or its manifest have changed since; encode it first")
    check_nothing_else(paths, directory, listing)
    if kept := options.names_kept(listing.frames.names):
        check_kept(paths, directory, kept)
    return receipt, listing


def check_nothing_else(paths: JobPaths, directory: JobDirectory, listing: FrameListing) -> None:
    """Raise KeptError where there would be frames still, such as a late one, or something else would go with them."""
    stored = directory.stored
    if stored is not None and (other := stored.other_than(frozenset(listing.frames.names))) is not None:
        raise KeptError(
            f"{paths.job}: kept: {stored.file} also holds {other}, which would be lost; move that out of it first"
        )
    if paths.pattern is None:
        left = directory.files.difference(frame_files(directory, listing), (MANIFEST_NAME, ROLLOUT_NAME))
        if count_frames(left) or find_sequences(left) or FRAMES_TAR in left:
            pngs = sorted(name for name in left if name[-4:].lower() in (".png", ".tar"))
            raise KeptError(f"{paths.job}: kept: {pngs[0]} is not one of the frames that its video shows")


def _done_receipt(paths: JobPaths, directory: JobDirectory) -> Receipt:
    try:
        found = read_record(paths.receipt, Receipt, check=directory.check_owner)
    except ManifestError as error:
        raise KeptError(f"{error}; its frames are kept") from error
    if found is None:
        raise KeptError(f"{paths.job}: kept: it is not encoded")
    receipt = found[0]
    if not is_receipt_of(paths, receipt):
        raise KeptError(f"{paths.job}: kept: {paths.receipt.name} is another job's")
    if receipt.error is not None:
        raise KeptError(f"{paths.job}: kept: it has failed: {receipt.error}")
    if not receipt.outputs or receipt.unfinished or not receipt.source.sha256:
        raise KeptError(f"{paths.job}: kept: a video that was asked for is not made")
    return receipt


def frame_files(directory: JobDirectory, listing: FrameListing) -> Sequence[str]:
    """The files that hold a job's frames, in the order in which they go: never half a packed file's without a mark."""
    loose = [name for name in listing.frames.names if name in directory.files]
    if directory.packed is not None:
        return [PACK_RECORD, FRAMES_MKV, *loose]
    return loose if len(loose) == len(listing.frames) else [FRAMES_TAR]


def changed_at(directory: JobDirectory, receipt: Receipt | None) -> float:
    """When something last came or went in a job, or it was encoded, in seconds since the epoch."""
    times = [directory.mtime_ns(), directory.stored_mtime_ns]
    return max(max(times) / 1e9, receipt.finished if receipt is not None else 0.0)


def _sizes(directory: JobDirectory, files: Sequence[str]) -> dict[str, int]:
    freed = [freed_by(status) for name in files if (status := _status(directory, name)) is not None]
    return {"files": len(freed), "bytes": sum(freed)}


def _status(directory: JobDirectory, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory.descriptor, follow_symlinks=False)
    except OSError:
        return None


def freed_by(status: os.stat_result) -> int:
    """The bytes that are free without a file: none where it has another name."""
    return status.st_blocks * 512 if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 else 0
