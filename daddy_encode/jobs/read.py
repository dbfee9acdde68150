"""`daddy_encode.receipts`."""

from __future__ import annotations

import logging
import os

from daddy_encode.jobs.results import JobReceipt, saved_video

log = logging.getLogger(__name__)


def receipts(root: str | os.PathLike[str]) -> list[JobReceipt]:
    """Read every receipt below `root`, the oldest first: of each job what was made of it, or why it failed.

    Whoever may write there may have written one; one that cannot be read is named in a log line (logger `daddy_encode`,
    level WARNING).

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
        base = path.name.removesuffix(RECEIPT_SUFFIX)
        found.append(
            JobReceipt(
                path=path,
                job=path.with_name(base),
                videos=tuple(
                    saved_video(path.with_name(f"{base}.{record.format}"), record)
                    for record in {record.format: record for record in receipt.outputs}.values()
                ),
                error=receipt.error,
                frames=receipt.source.frames,
                missing=receipt.lost.missing_count,
                bad=receipt.lost.bad_count,
                gaps=receipt.gaps,
                partial=receipt.partial,
                salvaged=receipt.salvaged,
                finished=receipt.finished,
                host=receipt.host,
                ffmpeg=receipt.ffmpeg,
            )
        )
    return sorted(found, key=lambda receipt: (receipt.finished, receipt.path))
