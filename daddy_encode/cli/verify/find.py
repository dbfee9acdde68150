"""The receipts below paths that a user has named, each with its job's names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct, field

from daddy_encode.errors import DaddyEncodeError, ManifestError, SpoolError
from daddy_encode.report.ledger import read_receipts
from daddy_encode.spool.paths import RECEIPT_SUFFIX, JobPaths, absolute
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record

# A user may name any of a job's files.
SUFFIXES = (RECEIPT_SUFFIX, ".mp4", ".gif")


class FoundReceipt(Struct, frozen=True):
    """A receipt that was found.

    Attributes:
        paths: Its job's names; the directory need not be there.
        frames: How many pictures its videos have, in all.
        has_videos: Whether it names any.
    """

    paths: JobPaths
    frames: int
    has_videos: bool


class FoundReceipts(Struct):
    """What was found.

    Attributes:
        receipts: Each once.
        unreadable: Those that cannot be read: what is said of each, and the names of its job, as far as they show.
        faults: What is wrong with paths.
    """

    receipts: list[FoundReceipt] = field(default_factory=list)
    unreadable: list[tuple[SpoolError, JobPaths]] = field(default_factory=list)
    faults: list[DaddyEncodeError] = field(default_factory=list)


def find_receipts(paths: Iterable[Path], output_dir: Path | None) -> FoundReceipts:
    """Find every receipt below `paths`, or that of a job that is named itself, by its directory or one of its files.

    Args:
        paths: Directories, or files of jobs.
        output_dir: Where the outputs are. Default: beside the jobs.
    """
    found = FoundReceipts()
    seen: set[Path] = set()
    for path in paths:
        try:
            has_any = False
            if path.is_dir():
                for place, receipt in read_receipts(path, output_dir):
                    has_any = True
                    _add(found, seen, path, output_dir, place, receipt)
            else:
                place = _receipt_of_file(path)
                if (record := read_record(place, Receipt)) is not None:
                    has_any = True
                    _add(found, seen, path, output_dir, place, record[0])
            if not has_any:
                raise SpoolError(f"{path}: no receipt (NAME{RECEIPT_SUFFIX}) below it or beside it; is it encoded?")
        except (SpoolError, ManifestError) as error:
            found.faults.append(error)
    return found


def _receipt_of_file(path: Path) -> Path:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.with_name(path.name.removesuffix(suffix) + RECEIPT_SUFFIX)
    # A directory that is gone leaves its receipt.
    return path.with_name(path.name + RECEIPT_SUFFIX)


def _add(
    found: FoundReceipts,
    seen: set[Path],
    path: Path,
    output_dir: Path | None,
    place: Path,
    receipt: Receipt | ManifestError,
) -> None:
    place = absolute(place)
    if place in seen:
        return
    seen.add(place)
    if isinstance(receipt, ManifestError):
        text = str(receipt)
        advice = "" if "; " in text else "; `daddy-encode encode --force` makes it and its videos anew"
        found.unreadable.append((SpoolError(f"{text}{advice}"), _job_of(place, None, path, output_dir)))
        return
    outputs = {record.format: record.frames for record in receipt.outputs}
    paths = _job_of(place, receipt, path, output_dir)
    found.receipts.append(FoundReceipt(paths, sum(outputs.values()), bool(outputs)))


def _job_of(place: Path, receipt: Receipt | None, path: Path, output_dir: Path | None) -> JobPaths:
    """The names of the job whose receipt is at `place`, found at `path`; without it, of a directory's only job."""
    base = place.with_name(place.name.removesuffix(RECEIPT_SUFFIX))
    name = base.name
    sequence = receipt.sequence if receipt is not None else None
    if receipt is not None and sequence is not None:
        # Its outputs have the name of the sequence after the directory's.
        name = receipt.job if base.name.startswith(f"{receipt.job}.") else base.name
    root = absolute(path)
    directory, top = base.with_name(name), place.parent
    if output_dir is not None and base.is_relative_to(absolute(output_dir)):
        top = absolute(output_dir)
        relative = base.parent.relative_to(top) / name
        # A job that is named itself is not below itself.
        directory = root if relative == Path(root.name) and not (root / relative).is_dir() else root / relative
    elif base.parent.is_relative_to(root):
        top = root
    return JobPaths(directory, base, top, sequence)
