"""Every receipt of a spool as rows: there is no ledger file, the receipts are it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daddy_encode.errors import ManifestError
from daddy_encode.spool.paths import RECEIPT_SUFFIX
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record
from daddy_encode.spool.walk import listing_error, walk

# The six values of a saved video, then what else a spreadsheet is asked for.
COLUMNS = ["path", "frames", "fps", "encode_seconds", "bytes", "type", "format", "finished", "host", "error"]


def receipts(root: Path) -> list[tuple[Path, Receipt]]:
    """Every receipt below `root` that can be read, with its path, the oldest first.

    A directory that cannot be listed is passed over.

    Raises:
        SpoolError: `root` itself cannot be listed.
    """
    found = []
    for directory in walk(root):
        try:
            names = directory.list().names
        except OSError as error:
            if directory.is_root:
                raise listing_error(root, error) from error
            continue
        for name in names:
            if name.endswith(RECEIPT_SUFFIX):
                path = root / directory.relative / name
                try:
                    record = read_record(path, Receipt)
                except ManifestError:
                    continue
                if record is not None:
                    found.append((path, record[0]))
    return sorted(found, key=lambda item: (item[1].finished, item[0]))


def ledger_rows(path: Path, receipt: Receipt) -> Iterator[dict[str, Any]]:
    """Yield a row, by the names of COLUMNS, for each video of a receipt, and one with the error of a job that failed.

    Args:
        path: Where the receipt is.
        receipt: What it says.
    """
    more = {"finished": receipt.finished, "host": receipt.host, "error": receipt.error}
    for record in receipt.outputs:
        # Beside the receipt, whatever the receipt says.
        video = path.with_name(path.name.removesuffix(RECEIPT_SUFFIX) + f".{record.format}")
        yield {
            "path": str(video),
            "frames": record.frames,
            "fps": record.fps,
            "encode_seconds": record.encode_seconds,
            "bytes": record.bytes,
            "type": record.type,
            "format": record.format,
            **more,
        }
    if receipt.error is not None:
        job = path.with_name(path.name.removesuffix(RECEIPT_SUFFIX))
        yield {**dict.fromkeys(COLUMNS), "path": str(job), "type": "FAILED", **more}
