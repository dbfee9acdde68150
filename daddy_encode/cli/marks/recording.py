"""Whether what is in a job's directory is the recording that was marked: for commands that work on frames."""

from __future__ import annotations

from daddy_encode.cli.marks.select import OTHER_RECORDING
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.listing import before_listing
from daddy_encode.encoding.frames.source import frames_sha256
from daddy_encode.encoding.gone import open_job
from daddy_encode.encoding.recorded import is_of
from daddy_encode.errors import DaddyEncodeError, FrameError, TransientError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import is_receipt_of, read_receipt
from daddy_encode.spool.recording.deleting import is_half_deleted


def recording_is_other(paths: JobPaths, source: str, context: Context) -> str:
    """As `why_not` of `select_marked`: whether a job's frames are of another recording than the marked one.

    A receipt is believed only of the frames that it was made of, and where there are none any more; others are read.
    What is wrong with the job otherwise is no reason: whoever works on it says so.

    Args:
        paths: The job's names.
        source: What the SHA-256 of the frames of the marked one began with.
        context: Whose jobs are taken, how large frames may be.
    """
    try:
        with open_job(paths, context) as directory:
            before = before_listing(directory)
            manifest_sha256 = before.manifest_sha256
            receipt = read_receipt(paths.receipt, directory.check_owner)
            if receipt is not None and not (is_receipt_of(paths, receipt) and receipt.source.sha256):
                # Another job's, or one that says no more than why this one failed.
                receipt = None
            if receipt is not None and manifest_sha256 is not None:
                known = receipt.source
                # What records with a manifest puts nothing in its place without a change of the directory.
                if (known.directory_mtime_ns, known.manifest_sha256) == (before.mtime_ns, manifest_sha256):
                    return _other(known.is_of(source))
            listing = before.list_frames(paths.pattern)
            if receipt is not None and (
                not listing.frames
                or is_of(receipt, listing.sha256, manifest_sha256)
                or is_half_deleted(paths, directory.files, directory.descriptor, directory.check_owner)
            ):
                return _other(receipt.source.is_of(source))
            try:
                sha256 = frames_sha256(directory, listing.frames.names)
                if receipt is not None and sha256 == receipt.source.sha256:
                    return _other(receipt.source.is_of(source))
                return _other(sha256.startswith(source))
            except (FrameError, TransientError) as error:
                return f"it is not known to be the recording that was marked: {error}"
    except (DaddyEncodeError, OSError):
        return ""


def _other(is_marked: bool) -> str:
    return "" if is_marked else OTHER_RECORDING
