"""Inspecting one job: its listing, its manifest, its receipt; the times of its frames only where it has failed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import get_args

from msgspec import Struct

from daddy_encode.encoding.frames.listing import listing_sha256
from daddy_encode.errors import ManifestError, Skipped, SpoolError
from daddy_encode.spool.manifest import Manifest, read_manifest
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.receipt import OutputRecord, Receipt, find_recorded, looks_recorded, read_receipt
from daddy_encode.spool.recording.deleting import is_half_deleted
from daddy_encode.spool.records import Check
from daddy_encode.spool.walk import Listing, OutputListing

KINDS: tuple[Kind, ...] = get_args(Kind)


class JobSnapshot(Struct, frozen=True):
    """What was seen of a job at one moment.

    Attributes:
        frames: How many frames were listed; 0 where they are being deleted.
        has_manifest: Whether a manifest was listed.
        manifest: The manifest; None where it could not be opened or used.
        manifest_sha256: The SHA-256 of its bytes, in hexadecimal digits.
        manifest_error: Why it could not be used, where it is there and wrong.
        receipt: The receipt, where there is one that can be read.
        outputs: The videos that were listed.
        mtime_ns: The modification time of the job's directory, asked for before it was listed, or that of the file that
            holds its frames, where that is later.
        replaced: Those of the videos that do not look like what the receipt records.
        listing_sha256: The digest of the listing of its frames, where the receipt says that they failed; else empty.
    """

    frames: int
    has_manifest: bool
    manifest: Manifest | None
    manifest_sha256: str | None
    manifest_error: str | None
    receipt: Receipt | None
    outputs: frozenset[Kind]
    mtime_ns: int
    replaced: frozenset[Kind] = frozenset()
    listing_sha256: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether the receipt says that the job failed as it is."""
        return has_failed(self.receipt, self.mtime_ns, self.manifest_sha256, self.listing_sha256)


def inspect_job(
    paths: JobPaths, listing: Listing, mtime_ns: int, outputs: OutputListing, check: Check | None = None
) -> JobSnapshot:
    """Read the records of a job.

    A record is opened only where a listing shows it: a network file system remembers for a while that a file was not
    there when it was asked for.

    Args:
        paths: The job's names.
        listing: What is in its directory.
        mtime_ns: The directory's modification time, asked for before that.
        outputs: What is where its outputs are.
        check: Whose manifests and receipts are read. Default: everybody's.
    """
    manifest = digest = error = None
    if listing.has_manifest:
        try:
            if (found := read_manifest(paths.directory, check=check)) is not None:
                manifest, digest = found
        except (ManifestError, Skipped) as fault:
            error = str(fault)
    known = outputs.names is None or paths.receipt.name in outputs.names
    receipt = read_receipt(paths.receipt, check) if known else None
    there = frozenset(kind for kind in KINDS if _is_there(paths.output(kind), outputs))
    records = receipt.outputs if receipt is not None else []
    frames = 0 if is_half_deleted(paths, listing.names, check=check) else listing.frames
    return JobSnapshot(
        frames=frames,
        has_manifest=listing.has_manifest,
        manifest=manifest,
        manifest_sha256=digest,
        manifest_error=error,
        receipt=receipt,
        outputs=there,
        mtime_ns=listing.mtime_ns(mtime_ns),
        replaced=frozenset(
            record.format
            for record in records
            if record.format in there and not _is_recorded(paths.output(record.format), record, frames)
        ),
        listing_sha256=_listing_that_failed(paths, receipt),
    )


def failed_before(paths: JobPaths, mtime_ns: int, check: Check | None = None) -> str | None:
    """Whether a job's receipt says that it failed as it is.

    Args:
        paths: The job's names.
        mtime_ns: Its directory's modification time.
        check: Whose receipts count. Default: everybody's.

    Returns:
        The digest of the listing of its frames that failed, empty where it is not known; None where none did.
    """
    digest = None
    with contextlib.suppress(ManifestError, Skipped):
        if (found := read_manifest(paths.directory, check=check)) is not None:
            digest = found[1]
    receipt = read_receipt(paths.receipt, check)
    listing = _listing_that_failed(paths, receipt)
    return listing if has_failed(receipt, mtime_ns, digest, listing) else None


def has_failed(receipt: Receipt | None, mtime_ns: int, manifest_sha256: str | None, listing_sha256: str) -> bool:
    """Whether `receipt` says that a job failed with its directory's time, its manifest and its listing as they are."""
    if receipt is None or receipt.error is None:
        return False
    source = receipt.source
    failed = (source.directory_mtime_ns, source.manifest_sha256, source.listing_sha256)
    return failed == (mtime_ns, manifest_sha256, listing_sha256)


def _listing_that_failed(paths: JobPaths, receipt: Receipt | None) -> str:
    """The digest of a failed job's listing now: a frame that is mended in place changes nothing else."""
    if receipt is None or receipt.error is None or not receipt.source.listing_sha256:
        # Of those that failed otherwise, and of version 0.1.0, the receipt has none.
        return ""
    return listing_sha256(paths)


def _is_recorded(path: Path, record: OutputRecord, frames: int) -> bool:
    """Whether the file at `path` looks like the video of `record`."""
    if frames:
        return looks_recorded(path, record)
    # Of a job whose frames are gone no encode writes down the time of a copy.
    with contextlib.suppress(SpoolError):
        return find_recorded(path, record) is not None
    return False


def _is_there(path: Path, outputs: OutputListing) -> bool:
    return path.exists() if outputs.names is None else path.name in outputs.names
