"""What is there of a job, and what is left to do: the directory, the manifest, the receipt. Writes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from daddy_encode.encode.outputs import Plan
from daddy_encode.encode.settings import Settings, plan
from daddy_encode.errors import FrameError, ManifestError
from daddy_encode.spool.frames import FrameRow, frame_row
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest, read_manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record


@dataclass(frozen=True)
class Examined:
    """A job whose frames are all there.

    wanted: what it shall become; todo: the part of it that is not there yet; receipt: what an earlier encode of this
    very source left, with the outputs that are still there.
    """

    manifest: Manifest | None
    manifest_sha256: str | None
    row: FrameRow
    listing_sha256: str
    directory_mtime_ns: int
    wanted: Plan
    todo: Plan
    receipt: Receipt | None


def examine(paths: JobPaths, settings: Settings, *, force: bool = False) -> Examined:
    """Look at the job at `paths`; `force`: everything is left to do, whatever is there.

    Raises ManifestError or FrameError where the manifest or the row of frames cannot be used.
    """
    # Before the listing: what changes after this moment changes this time, and is noticed.
    changed = directory_mtime_ns(paths.directory)
    found = read_manifest(paths.directory)
    manifest, manifest_digest = found if found else (None, None)
    row = _listed(paths.directory, manifest)
    listing = _listing_sha256(paths.directory, row.names)
    wanted = plan(settings, manifest)
    receipt = _receipt_of(paths, listing, manifest_digest)
    there = {record.format: record.settings for record in receipt.outputs} if receipt else {}
    todo = {
        kind: settings for kind, settings in wanted.items() if force or there.get(kind) != msgspec.to_builtins(settings)
    }
    return Examined(manifest, manifest_digest, row, listing, changed, wanted, todo, receipt)


def directory_mtime_ns(directory: Path) -> int:
    """When a name in `directory` last came, went or was replaced, by its file system's clock. Raises FrameError."""
    try:
        return os.stat(directory).st_mtime_ns
    except OSError as error:
        raise FrameError(f"{directory}: cannot be looked at: {error.strerror}; check the path") from error


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError as error:
        raise FrameError(f"{directory}: cannot be listed: {error.strerror}; check the path") from error


def _listed(directory: Path, manifest: Manifest | None) -> FrameRow:
    """The frames of a job, all there; raises FrameError or ManifestError where some are not."""
    row = frame_row(_names(directory), str(directory))
    if not row:
        raise FrameError(f"{directory}: holds no numbered PNG such as 000000.png")
    gaps = row.missing_count()
    if gaps:
        names = ", ".join(row.missing(3))
        raise FrameError(
            f"{directory}: {names}{' …' if gaps > 3 else ''} missing, {gaps} of {len(row) + gaps} frames; "
            "run the rollout again"
        )
    if manifest is not None and manifest.frames != len(row):
        raise ManifestError(
            f"{directory / MANIFEST_NAME}: promises {manifest.frames} frames, but there are {len(row)} "
            f"({row.names[0]} to {row.names[-1]}); wait for the file system, or run the rollout again"
        )
    return row


def _listing_sha256(directory: Path, names: Iterable[str]) -> str:
    """A digest of the names, sizes and modification times of the manifest and of the frames `names`.

    What is not there counts as such. Raises FrameError where the file system does not answer.
    """
    digest = hashlib.sha256()
    for name in (MANIFEST_NAME, *names):
        try:
            status = os.stat(directory / name, follow_symlinks=False)
            digest.update(f"{name!r} {status.st_size} {status.st_mtime_ns}\n".encode())
        except FileNotFoundError:
            digest.update(f"{name!r} is not there\n".encode())
        except OSError as error:
            raise FrameError(f"{directory / name}: cannot be looked at: {error.strerror}; run again") from error
    return digest.hexdigest()


def _receipt_of(paths: JobPaths, listing: str, manifest_digest: str | None) -> Receipt | None:
    """The job's receipt, if it is for this very source, without the outputs that are no longer there."""
    try:
        found = read_record(paths.receipt, Receipt)
    except ManifestError:
        # A receipt that cannot be read proves nothing; the job is encoded and it is written anew.
        return None
    if found is None:
        return None
    receipt, _ = found
    same = (receipt.source.listing_sha256, receipt.source.manifest_sha256) == (listing, manifest_digest)
    if receipt.error is not None or not same:
        return None
    there = [record for record in receipt.outputs if _size(paths.output(record.format)) == record.bytes]
    return msgspec.structs.replace(receipt, outputs=there)


def _size(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path, follow_symlinks=False).st_size
    return None
