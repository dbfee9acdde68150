"""`daddy_encode.receipts`."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.jobs.results import JobReceipt, row_of, saved_video
from daddy_encode.jobs.rows import completed

if TYPE_CHECKING:
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
    from daddy_encode.report.ledger import read_receipts
    from daddy_encode.spool.paths import RECEIPT_SUFFIX, user_path

    found = []
    for path, receipt in read_receipts(user_path(root)):
        if isinstance(receipt, ManifestError):
            log.warning("%s", receipt)
            continue
        found.append(_job_receipt(path, path.name.removesuffix(RECEIPT_SUFFIX), receipt))
    found.sort(key=lambda receipt: (receipt.finished, receipt.path))
    for job, row in zip(found, completed([row_of(job) for job in found]), strict=True):
        job.update(row)
    return found


def _job_receipt(path: Path, base: str, receipt: Receipt) -> JobReceipt:
    from daddy_encode.report.gallery.meta import facts_of, flat_meta

    made = JobReceipt()
    made.path = path
    made.job = path.with_name(base)
    outputs = () if receipt.is_of_earlier_videos else receipt.outputs
    made.videos = tuple(
        saved_video(path.with_name(f"{base}.{record.format}"), record)
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
    # The outputs of one of several sequences have its name after the directory's.
    is_sequence = receipt.sequence is not None and base.startswith(f"{receipt.job}.")
    facts = facts_of(receipt, path.with_name(receipt.job if is_sequence else base))
    made.rollout_error = facts.error
    made.meta = flat_meta(facts.meta)
    return made
