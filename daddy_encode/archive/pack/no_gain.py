"""That packing a job is no gain: found by packing it, and remembered in its receipt, so that it is found once."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from daddy_encode.archive.pack.files import renew_receipt
from daddy_encode.archive.pack.left import left
from daddy_encode.archive.pack.outcome import LeftError
from daddy_encode.archive.pack.there import check_same_files
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing
from daddy_encode.encoding.recorded import is_of
from daddy_encode.errors import SpoolError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Receipt, read_receipt


class NoGainError(LeftError):
    """The packed file would be no smaller than what it replaces.

    Attributes:
        reason: How large both are.
    """

    def __init__(self, paths: JobPaths, reason: str) -> None:
        super().__init__(str(left(paths, reason)))
        self.reason = reason


def check_not_known(paths: JobPaths, context: Context, listing: FrameListing, manifest_sha256: str | None) -> None:
    """Raise LeftError where it was found of these frames before, and `context` does not force another try."""
    receipt = read_receipt(paths.receipt, context.owners.check_file)
    if receipt is None or receipt.not_packed is None or context.force:
        return
    if is_of(receipt, listing.sha256, manifest_sha256):
        raise left(paths, f"{receipt.not_packed}, as was found before; `daddy-encode pack --force` tries again")


def remember(
    paths: JobPaths,
    context: Context,
    directory: JobDirectory,
    listing: FrameListing,
    manifest_sha256: str | None,
    reason: str,
) -> None:
    """Have the job's receipt say so, if it is of these frames, and they are as they were, and it can be written."""

    def renewed(receipt: Receipt) -> Receipt | None:
        if not is_of(receipt, listing.sha256, manifest_sha256):
            return None
        # 0: it has to be examined, whatever its directory's time is.
        seen = mtime_ns if receipt.source.directory_mtime_ns else 0
        return replace(receipt, source=replace(receipt.source, directory_mtime_ns=seen), not_packed=reason)

    with contextlib.suppress(SpoolError):
        # The file that was made to find out has come and gone, and nothing else.
        mtime_ns = directory.mtime_ns()
        check_same_files(directory, listing)
        renew_receipt(paths, directory, context.owners, renewed)
