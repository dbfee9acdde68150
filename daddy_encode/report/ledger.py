"""Every receipt of a spool as rows: there is no ledger file, the receipts are it.

Anybody may have written a receipt: its texts are bounded, and what is no receipt hides none of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from daddy_encode.errors import ManifestError, one_line
from daddy_encode.report.log import not_whole
from daddy_encode.spool.paths import RECEIPT_SUFFIX, JobPaths, absolute
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record
from daddy_encode.spool.walk import Listing, SpoolDirectory, is_there, list_outputs, listing_error, walk

# The six values of a saved video, then what else a spreadsheet is asked for.
COLUMNS = [
    "path",
    "frames",
    "fps",
    "encode_seconds",
    "bytes",
    "type",
    "format",
    "finished",
    "host",
    "error",
    "notes",
    "job",
]
# Of a text, in characters: no message of ours is as long.
LONGEST_TEXT = 10_000
# A spreadsheet takes a text that begins with one of these for a formula (OWASP, "CSV Injection"); the last four are the
# full-width forms of the first.
_FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


class Ledger(NamedTuple):
    """What the receipts of a spool say.

    Attributes:
        rows: Their rows, by the names of COLUMNS, the oldest first.
        faults: What is wrong with each receipt that cannot be used.
    """

    rows: list[dict[str, Any]]
    faults: list[str]


def read_ledger(root: Path, output_dir: Path | None = None) -> Ledger:
    """Read every receipt of `root`, as `read_receipts` finds them.

    Raises:
        SpoolError: `root` itself cannot be listed.
    """
    found: list[tuple[float, Path, list[dict[str, Any]]]] = []
    faults = []
    for path, receipt in read_receipts(root, output_dir):
        if isinstance(receipt, ManifestError):
            faults.append(str(receipt))
        else:
            # The rows alone: a receipt may hold much more.
            found.append((receipt.finished, path, list(ledger_rows(path, receipt))))
    found.sort(key=lambda item: item[:2])
    return Ledger([row for _, _, rows in found for row in rows], faults)


def read_receipts(root: Path, output_dir: Path | None = None) -> Iterator[tuple[Path, Receipt | ManifestError]]:
    """Yield the path of every receipt of `root`, with what it says, or what is wrong with it.

    Args:
        root: As for `find_receipts`.
        output_dir: As there.

    Raises:
        SpoolError: `root` itself cannot be listed.
    """
    for path, job in find_receipts(root, output_dir, Lister()):
        try:
            receipt = read_one(path, job)
        except ManifestError as error:
            yield path, error
        else:
            if receipt is not None:
                yield path, receipt


def read_one(path: Path, job: str | None) -> Receipt | None:
    """A receipt that `find_receipts` has found, with the `job` that it gave; None where it is not one that was meant.

    Raises:
        ManifestError: It cannot be used.
    """
    try:
        record = read_record(path, Receipt)
    except ManifestError:
        if job is None or path.name == f"{job}{RECEIPT_SUFFIX}":
            raise
        return None
    return record[0] if record is not None and (job is None or record[0].job == one_line(job)) else None


class Lister:
    """How directories are listed; a subclass may remember them."""

    def list(self, directory: SpoolDirectory) -> Listing:
        """As `SpoolDirectory.list`, which raises the same."""
        return directory.list()

    def names(self, path: Path) -> Set[str]:
        """The names in a directory; none where it cannot be listed."""
        return list_outputs(path).names or frozenset()


def find_receipts(root: Path, output_dir: Path | None, lister: Lister) -> Iterator[tuple[Path, str | None]]:
    """Yield the path of each file with a receipt's name that may be of a job of `root`, each once.

    These are those below it and, where it is a job itself, its own, which are beside it. A directory that cannot be
    listed is passed over.

    Args:
        root: The directory of a job, or of a tree.
        output_dir: Where outputs are, besides. None: nowhere else.
        lister: What lists directories.

    Yields:
        The path, and where other jobs' receipts may be there as well, the name of the directory whose it should be.

    Raises:
        SpoolError: `root` itself cannot be listed.
    """
    seen: set[Path] = set()
    for directory in walk(root):
        try:
            listing = lister.list(directory)
        except OSError as error:
            if not directory.is_root:
                continue
            # A job's directory that is gone may have its receipt still.
            if not (isinstance(error, FileNotFoundError) and any(map(is_there, _receipts_of(root, output_dir)))):
                raise listing_error(root, error) from error
            listing, is_job = Listing(frozenset(), 0, ()), True
        else:
            is_job = listing.is_job
        # Each place with the names there and, where other jobs' receipts may be there as well, the name of the job.
        places: list[tuple[Path, Set[str], str | None]] = [(root / directory.relative, listing.names, None)]
        if directory.is_root:
            beside = root.parent if root.name not in ("", "..") else absolute(root).parent
            places.append((beside, lister.names(beside), directory.name))
        if output_dir is not None:
            there = output_dir / directory.relative
            places.append((there, lister.names(there), directory.name if directory.is_root and is_job else None))
        for place, names, job in places:
            for name in sorted(names):
                path = place / name
                if not name.endswith(RECEIPT_SUFFIX) or (job is not None and not name.startswith(f"{job}.")):
                    continue
                if absolute(path) not in seen:
                    seen.add(absolute(path))
                    yield path, job


def _receipts_of(root: Path, output_dir: Path | None) -> Iterator[Path]:
    """Yield where the receipt of a job in the directory `root` may be."""
    yield JobPaths.of(root).receipt
    if output_dir is not None:
        yield JobPaths.of(root, None, output_dir).receipt


def ledger_rows(path: Path, receipt: Receipt) -> Iterator[dict[str, Any]]:
    """Yield a row, by the names of COLUMNS, for each video of a receipt, and one with the error of a job that failed.

    Args:
        path: Where the receipt is.
        receipt: What it says.
    """
    error = receipt.error[:LONGEST_TEXT] if receipt.error is not None else None
    base = path.with_name(path.name.removesuffix(RECEIPT_SUFFIX))
    job = str(base)
    if receipt.sequence is not None:
        # One of several sequences of frames in a directory.
        job = f"{base.parent}/{receipt.job}/{receipt.sequence}"[:LONGEST_TEXT]
    more = {"finished": receipt.finished, "host": receipt.host[:LONGEST_TEXT]}
    # One of each format, however many are listed.
    for record in {record.format: record for record in receipt.outputs}.values():
        # Beside the receipt, whatever the receipt says.
        video = base.with_name(f"{base.name}.{record.format}")
        notes = "; ".join([*not_whole(receipt), *record.warnings])
        yield {
            "path": str(video),
            "frames": record.frames,
            "fps": record.fps,
            "encode_seconds": record.encode_seconds,
            "bytes": record.bytes,
            "type": record.type[:LONGEST_TEXT],
            "format": record.format,
            **more,
            # Of two videos the other may have failed; this one is there.
            "error": None,
            "notes": notes[:LONGEST_TEXT],
            "job": job,
        }
    if error is not None:
        yield {**dict.fromkeys(COLUMNS), "path": str(base), "type": "FAILED", **more, "error": error, "job": job}


def paths_of(row: Mapping[str, Any]) -> list[Path]:
    """The paths by which a user may name what a row is of: the job, the video, and that without its suffix."""
    return [Path(row["job"]), Path(row["path"]), Path(row["path"].removesuffix(f".{row['format']}"))]


def csv_cell(value: Any) -> Any:
    """A value for a CSV file that a spreadsheet opens and a terminal shows: a text is one line, and no formula.

    One that would be is preceded by an apostrophe; numbers stay numbers. Pure.
    """
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if value.startswith(_FORMULA_STARTS) else text
