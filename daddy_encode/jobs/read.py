"""`daddy_encode.receipts`."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daddy_encode.jobs.results import JobReceipt, row_of, saved_video
from daddy_encode.jobs.rows import completed

if TYPE_CHECKING:
    from daddy_encode.report.gallery.scan import FoundReceipt
    from daddy_encode.spool.receipt import Receipt

log = logging.getLogger(__name__)


def receipts(root: str | os.PathLike[str]) -> list[JobReceipt]:
    """Read every receipt below `root`, the oldest first: of each job what was made of it, or why it failed.

    Whoever may write there may have written one; one that cannot be read is named in a log line (logger `daddy_encode`,
    level WARNING). `pandas.DataFrame(receipts(root))` and `polars.DataFrame(receipts(root))` are tables of them.

    Args:
        root: A spool, a job's directory, or the one that videos were written to; `~` is the home directory.

    Raises:
        SpoolError: `root` cannot be listed.
    """
    from daddy_encode.errors import ManifestError
    from daddy_encode.report.gallery.scan import Scan
    from daddy_encode.report.ledger import read_receipts
    from daddy_encode.spool.paths import absolute, user_path

    found: list[tuple[JobReceipt, str]] = []
    place = user_path(root)
    scan = Scan(place)
    for path, receipt in read_receipts(place):
        if isinstance(receipt, ManifestError):
            log.warning("%s", receipt)
            continue
        found.append(_job_receipt(path, receipt, scan.located(str(absolute(path)))))
    found.sort(key=lambda item: (item[0].finished, item[0].path))
    rows = completed([row_of(job, name) for job, name in found])
    for (job, _), row in zip(found, rows, strict=True):
        job.update(row)
    return [job for job, _ in found]


def _job_receipt(path: Path, receipt: Receipt, found: FoundReceipt) -> tuple[JobReceipt, str]:
    """What is returned of a receipt, and the job's name in a gallery."""
    from daddy_encode.report.gallery.meta import facts_of, flat_meta
    from daddy_encode.report.marks import SOURCE_DIGITS
    from daddy_encode.spool.paths import RECEIPT_SUFFIX

    base = path.name.removesuffix(RECEIPT_SUFFIX)
    # As its path was given, and not made absolute; nowhere else.
    directory, name = replace(found, directory=str(path.with_name(base))).job_of(receipt)
    made = JobReceipt()
    made.path = path
    made.job = _job_of(path.with_name(base), Path(directory), receipt.sequence)
    made.source = receipt.source.recording[:SOURCE_DIGITS]
    outputs = () if receipt.is_of_earlier_videos else receipt.outputs
    made.videos = tuple(
        saved_video(path.with_name(f"{base}.{record.format}"), made.job, record)
        for record in {record.format: record for record in outputs}.values()
    )
    made.error = receipt.error
    made.frames = receipt.source.frames
    made.missing = receipt.lost.missing_count
    made.bad = receipt.lost.bad_count
    made.gaps = receipt.gaps
    made.partial = receipt.partial
    made.salvaged = receipt.salvaged
    made.finished = receipt.finished
    made.host = receipt.host
    made.ffmpeg = receipt.ffmpeg
    facts = facts_of(receipt, Path(directory))
    made.rollout_error = facts.error
    made.meta = flat_meta(facts.meta)
    return made, name


def _job_of(base: Path, directory: Path, sequence: str | None) -> Path:
    """How people name a job: by its directory, or with that the pattern of its frames' names.

    Anybody may have written the receipt: what is no pattern, or another one than the outputs are named after, does not
    count.
    """
    from daddy_encode.spool.paths import sequence_name

    if sequence is None or "/" in sequence or not sequence.endswith(".png"):
        return base
    return directory / sequence if base.name == f"{directory.name}.{sequence_name(sequence)}" else base
