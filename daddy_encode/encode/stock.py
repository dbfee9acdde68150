"""What lies in a job's directory, and what is to be made of it: frames, manifest, gaps, and the old receipt."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from daddy_encode.encode.folder import JobFolder
from daddy_encode.encode.gaps import Gaps, expected_numbers, fill
from daddy_encode.encode.owners import Owners
from daddy_encode.encode.settings import Settings
from daddy_encode.errors import FrameError, ManifestError, Skipped, one_line
from daddy_encode.spool.frames import FrameRow, frame_row
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import MAX_LISTED, BadFrame, Lost, Receipt
from daddy_encode.spool.records import read_record


@dataclass(frozen=True)
class Stock:
    """What a job has: its manifest, if any, and the frames that are there, of those `expected`.

    `gaps`: how to treat frames that are missing or bad; `salvaged`: the rollout died, and what is whole is taken;
    `listing_sha256`: of the names, sizes and modification times of the frames.
    """

    manifest: Manifest | None
    manifest_sha256: str | None
    row: FrameRow
    expected: range
    listing_sha256: str
    gaps: Gaps
    salvaged: bool

    @property
    def missing(self) -> int:
        return len(self.expected) - len(self.row)

    @property
    def promised_size(self) -> tuple[int, int] | None:
        return (self.manifest.width, self.manifest.height) if self.manifest else None

    def shown(self, bad: Mapping[str, str], directory: Path) -> tuple[list[str], Literal["hold", "skip"] | None]:
        """The file that is shown as each frame, `bad` ones left out, and how what is not there was made up for: None
        where nothing was. Raises FrameError where too little is there."""
        if self.gaps == "error" or not (bad or self.missing):
            return list(self.row.names), None
        return fill(self.row, self.expected, bad, self.gaps, str(directory)), self.gaps

    def lost(self, bad: Mapping[str, str]) -> Lost:
        """For the receipt: what is missing, and the files that are `bad`, with the reason of each."""
        if self.gaps == "error":
            return Lost()
        return Lost(
            missing_count=self.missing,
            bad_count=len(bad),
            missing=[one_line(name) for name in self.row.absent(self.expected, MAX_LISTED)],
            bad=[
                BadFrame(name=one_line(name), reason=one_line(reason))
                for name, reason in itertools.islice(bad.items(), MAX_LISTED)
            ],
        )


def take_stock(folder: JobFolder, settings: Settings) -> Stock:
    """Look at what is in `folder`.

    Raises ManifestError, FrameError where frames are missing and `settings.gaps` says that this is an error, Skipped.
    """
    found = folder.manifest()
    manifest, digest = found if found else (None, None)
    row = frame_row(folder.names(), str(folder.path))
    if not row:
        raise FrameError(f"{folder.path}: holds no numbered PNG such as 000000.png")
    if manifest is not None and manifest.frames < len(row):
        raise ManifestError(
            f"{folder.path / MANIFEST_NAME}: promises {manifest.frames} frames, but there are {len(row)} "
            f"({row.names[0]} to {row.names[-1]}); remove what does not belong there, or run the rollout again"
        )
    died = manifest is None or not manifest.complete
    salvaged = settings.salvage and died
    gaps = "hold" if salvaged and settings.gaps == "error" else settings.gaps
    expected = expected_numbers(row, manifest.frames if manifest else None)
    if gaps == "error":
        _check_whole(folder.path, row, expected, manifest, died)
    return Stock(manifest, digest, row, expected, _listing_sha256(folder, row), gaps, salvaged)


def _check_whole(directory: Path, row: FrameRow, expected: range, manifest: Manifest | None, died: bool) -> None:
    advice = "run the rollout again" + (", or take what is whole with --salvage" if died else "")
    gaps = row.missing_count()
    if gaps:
        names = ", ".join(row.missing(3))
        raise FrameError(
            f"{directory}: {names}{' …' if gaps > 3 else ''} missing, {gaps} of {len(row) + gaps} frames; {advice}"
        )
    if manifest is not None and manifest.frames != len(row):
        raise ManifestError(
            f"{directory / MANIFEST_NAME}: promises {manifest.frames} frames, but there are {len(row)} "
            f"({row.names[0]} to {row.names[-1]}); wait for the file system, or {advice}"
        )


def _listing_sha256(folder: JobFolder, row: FrameRow) -> str:
    digest = hashlib.sha256()
    for name in row.names:
        digest.update(f"{name!r} {folder.stamp(name)}\n".encode())
    return digest.hexdigest()


def old_receipt(paths: JobPaths, stock: Stock, owners: Owners) -> Receipt | None:
    """The job's receipt, if it is for this very source, treated as now asked for, and written by somebody who is
    trusted; without the outputs that are no longer there."""
    try:
        found = read_record(paths.receipt, Receipt, check=lambda status, path: owners.check(status.st_uid, path))
    except (ManifestError, Skipped):
        # A receipt that cannot be read, or that anybody wrote, proves nothing; the job is encoded and it is written
        # anew.
        return None
    if found is None:
        return None
    receipt = found[0]
    same = (receipt.source.listing_sha256, receipt.source.manifest_sha256) == (
        stock.listing_sha256,
        stock.manifest_sha256,
    )
    if not same or receipt.gaps not in (None, stock.gaps):
        return None
    there = [record for record in receipt.outputs if _size(paths.output(record.format)) == record.bytes]
    return msgspec.structs.replace(receipt, outputs=there)


def _size(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path, follow_symlinks=False).st_size
    return None
