"""Packing and unpacking jobs of a spool, each claimed as one that is encoded is."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from daddy_encode.archive.claimed import Stop, claimed
from daddy_encode.archive.pack.outcome import PackOutcome
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.gone import FramesGoneError, check_there
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import read_receipt
from daddy_encode.spool.walk import job_mtime_ns


def pack_one(
    paths: JobPaths,
    context: Context,
    claims: Claims,
    stop: Stop,
    *,
    undo: bool = False,
    dry_run: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> PackOutcome:
    """Pack a job, or unpack it.

    Args:
        paths: The job's names.
        context: Whose jobs are taken, how large frames may be, when to give up.
        claims: Where it is claimed.
        stop: Set by whoever wants the work ended.
        undo: Whether to unpack it. Default: no.
        dry_run: Whether only to say what would be done: without a claim. Default: no.
        on_frame: As for `pack_job`.

    Raises:
        ClaimedError: Another process works on it.
        DaddyEncodeError: As `pack_job` and `unpack_job`.
    """
    # Loaded where something is packed: they need numpy.
    from daddy_encode.archive.pack.pack import pack_job
    from daddy_encode.archive.pack.unpack import unpack_job

    try:
        check_there(paths, context.owners.check_file)
    except FramesGoneError:
        return PackOutcome(paths=paths, kind="already", frames=0)
    work = unpack_job if undo else pack_job
    if dry_run:
        with stop.event() as event:
            own = replace(context, limits=replace(context.limits, stop=event))
            return work(paths, own, on_frame, dry_run=True)
    with claimed(paths, context, claims, stop) as (own, _):
        return work(paths, own, on_frame)


def settled_for(paths: JobPaths, context: Context) -> float:
    """For how many seconds nothing has come or gone in a job, nor was it encoded, by the file system's clock."""
    receipt = read_receipt(paths.receipt, context.owners.check_file)
    changed = (job_mtime_ns(paths.directory) or 0) / 1e9
    return time.time() - max(changed, receipt.finished if receipt is not None else 0.0)
