"""Whether what lies in a job's directory is of the recording that its videos show, and not of a later one."""

from __future__ import annotations

from collections.abc import Callable

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import before_listing
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.recorded import receipt_of
from daddy_encode.errors import DaddyEncodeError, Interrupted
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Receipt, is_receipt_of
from daddy_encode.spool.recording.deleting import is_half_deleted


def holds_recording_of(
    receipt: Receipt, paths: JobPaths, owners: Owners | None = None, check_stop: Callable[[], None] = lambda: None
) -> bool:
    """Whether a job's directory holds the recording that the videos of its receipt were made of: its annotations count.

    Where only times have changed, as in a copy, all frames are read. Where the frames are gone, or some of them, since
    they were deleted, the manifest tells. Whoever reads something else there opens it first, and asks then: a recording
    that takes the place of another removes the other's files before it has some of its own.

    Args:
        receipt: The job's.
        paths: Its names; of a sequence of frames, with its pattern.
        owners: Whose files are taken. Default: everybody's.
        check_stop: Called before each frame that is read.

    Returns:
        Also False where the directory is not there, or cannot be used.

    Raises:
        Interrupted: `check_stop` does.
    """
    if not receipt.source.sha256 or not is_receipt_of(paths, receipt):
        return False
    try:
        with JobDirectory(paths.directory, owners or Owners(None)) as directory:
            before = before_listing(directory)
            digest = before.manifest_sha256
            if digest != receipt.source.manifest_sha256:
                return False
            listing = before.list_frames(paths.pattern)
            if receipt_of(receipt, directory, listing, digest, check_stop if listing.frames else None) is not None:
                return True
            if not listing.frames:
                return digest is not None or receipt.frames == "deleted"
            return is_half_deleted(paths, directory.files, directory.descriptor, directory.check_owner)
    except Interrupted:
        raise
    except DaddyEncodeError:
        return False
