"""What is written down of a job: that it is done, that it still is, or why it failed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.examine import Examined
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.frames.listing import listing_sha256
from daddy_encode.encoding.probe import known_ffmpeg
from daddy_encode.encoding.recorded import is_of, outputs_there, recorded
from daddy_encode.encoding.settings import plan
from daddy_encode.errors import DaddyEncodeError, ManifestError, Skipped, one_line
from daddy_encode.spool.held_file import HeldFile, opened_directory
from daddy_encode.spool.manifest import MOST_META_TEXT, kept_error, kept_meta, read_manifest
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.publish import publish_bytes, reported
from daddy_encode.spool.receipt import (
    MAX_WHOLE,
    MOST_FAILURES,
    Failure,
    OutputRecord,
    Receipt,
    Source,
    is_receipt_of,
    no_source,
    read_receipt,
)
from daddy_encode.spool.records import encode_record, read_record
from daddy_encode.spool.walk import list_directory

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.choose import JobSource


def record_done(
    paths: JobPaths,
    context: Context,
    job: Examined,
    source: JobSource,
    ffmpeg: FfmpegExecutable,
    bad: Mapping[str, str],
    made: Sequence[OutputRecord],
    error: DaddyEncodeError | None = None,
) -> Receipt:
    """Leave a receipt for the outputs that were made, and for those that an earlier encode left.

    Args:
        paths: Where the job's files are.
        context: What it was encoded with.
        job: What was there of it.
        source: Its frames, all of them read.
        ffmpeg: The executable, which made them where it has run.
        bad: What is wrong with each file that was left out, by name.
        made: The outputs made now.
        error: Why another could not be made. Default: all were.

    Raises:
        SpoolError: The receipt cannot be written.
    """
    kept = job.receipt.outputs if job.receipt else []
    records = {record.format: record for record in (*kept, *made)}
    earlier = job.receipt if len(records) > len(made) and not ffmpeg.has_run else None
    same = job.receipt.source if job.receipt and job.receipt.source.sha256 == source.sha256 else None
    receipt = _receipt(
        paths,
        context,
        Source(
            names=one_line(job.frames.pattern),
            numbering=job.frames.numbering,
            stride=min(job.frames.stride, MAX_WHOLE),
            frames=len(job.frames),
            width=source.width,
            height=source.height,
            sha256=source.sha256,
            listing_sha256=job.listing.sha256,
            manifest_sha256=job.manifest_sha256,
            directory_mtime_ns=job.listing.directory_mtime_ns,
            recorded_sha256=same.recorded_sha256 if same else "",
        ),
        ffmpeg=earlier.ffmpeg if earlier else ffmpeg.version,
        ffmpeg_build=earlier.ffmpeg_build if earlier else ffmpeg.build,
        outputs=[records[kind] for kind in sorted(records, reverse=True)],
        partial=job.manifest is not None and not job.manifest.complete,
        settled=context.settled and job.manifest is None,
        salvaged=job.salvaged,
        gaps=job.filled(bad),
        lost=job.lost(bad),
        meta=job.meta,
        rollout_error=kept_error(job.manifest),
        # What was asked for stays so until something else is.
        unfinished={kind: msgspec.to_builtins(job.todo[kind]) for kind in job.todo if kind not in records},
        error=str(error) if error is not None else None,
    )
    if paths.file is not None:
        return receipt
    _write(paths, receipt, job)
    if paths.pattern is not None:
        _forget_that_it_was_not_split(paths.whole, context)
    return receipt


def confirm_done(paths: JobPaths, job: Examined) -> Receipt:
    """Return the receipt of a job of which nothing is left to do, written anew where it is not as it should be.

    Else everybody would examine its frames, or read its videos, again, each time. A receipt that cannot be written does
    no harm.
    """
    assert job.receipt is not None
    if not job.is_recorded:
        with contextlib.suppress(DaddyEncodeError, OSError):
            _write(paths, job.receipt, job)
    return job.receipt


def withdraw(paths: JobPaths, ready: Mapping[Kind, HeldFile], context: Context, job: Examined) -> bool:
    """Before the videos are replaced by those that are `ready`, leave a receipt that no longer names them, if any does.

    Whoever is killed in between leaves a job to be encoded, never a receipt that says of a new video what an older one
    was. Where no receipt names them, nothing is written.

    Returns:
        Whether something was, which takes time.

    Raises:
        SpoolError: The receipt cannot be replaced.
    """
    directory = next(iter(ready.values())).directory
    try:
        found = read_record(paths.receipt, Receipt, dir_fd=directory, check=context.owners.check_file)
    except (ManifestError, Skipped):
        # It may say anything, to somebody else; nothing of it is taken over.
        with reported(paths.receipt, "replace"):
            os.unlink(paths.receipt.name, dir_fd=directory)
        return True
    if found is None:
        return False
    receipt = found[0]
    others = [record for record in receipt.outputs if record.format not in ready]
    if len(others) == len(receipt.outputs):
        return False
    source = msgspec.structs.replace(receipt.source, directory_mtime_ns=0)
    # Its next encoder goes on with what this one was told.
    unfinished = {kind: msgspec.to_builtins(job.todo[kind]) for kind in ready}
    left = msgspec.structs.replace(receipt, outputs=others, source=source, unfinished=unfinished, frames=None)
    _write(paths, left, job)
    return True


def record_failure(
    paths: JobPaths, error: DaddyEncodeError, context: Context, mtime_ns: int | None, failures: Sequence[Failure] = ()
) -> str:
    """Leave a receipt that says why a job failed; it keeps the records of earlier videos that are still there.

    Never raises for what is wrong with the job: where no receipt can be written, the log has said why.

    Args:
        paths: Where the job's files are.
        error: Why it failed.
        context: What it should have been encoded with.
        mtime_ns: The time of its directory before the attempt; None, where it is not known: nothing is written.
        failures: Those that make it the job's fault, where there are such. Default: none.

    Returns:
        The digest of the listing of its frames, for which that holds; empty where it is not known.
    """
    listing = listing_sha256(paths)
    if mtime_ns is None:
        return listing
    with contextlib.suppress(DaddyEncodeError, OSError):
        manifest_sha256, meta, rollout_error = None, None, None
        with contextlib.suppress(DaddyEncodeError):
            check = context.owners.check_file
            if (found := read_manifest(paths.directory, check=check, most_meta=MOST_META_TEXT)) is not None:
                manifest_sha256, meta, rollout_error = found[1], kept_meta(found[0].meta), kept_error(found[0])
        earlier = _earlier(paths, context)
        # What is left of a job whose frames are deleted is known by its receipt alone.
        if earlier is not None and earlier.frames == "deleted" and not list_directory(paths.directory).frames:
            return listing
        source = no_source(listing_sha256=listing, manifest_sha256=manifest_sha256, directory_mtime_ns=mtime_ns)
        receipt = _receipt(
            paths,
            context,
            source,
            error=str(error),
            outputs=outputs_there(paths, earlier) if earlier is not None else [],
            failures=list(failures),
            meta=meta,
            rollout_error=rollout_error,
        )
        if earlier is not None and is_of(earlier, listing, manifest_sha256):
            # They are of these same frames: an encode with other options has failed, and theirs still count.
            wanted = plan(context.settings, None, recorded(earlier))
            made = {record.format for record in receipt.outputs}
            receipt = msgspec.structs.replace(
                receipt,
                source=msgspec.structs.replace(earlier.source, directory_mtime_ns=mtime_ns),
                partial=earlier.partial,
                salvaged=earlier.salvaged,
                gaps=earlier.gaps,
                lost=earlier.lost,
                settled=earlier.settled,
                meta=earlier.meta if meta is None else meta,
                unfinished={kind: msgspec.to_builtins(wanted[kind]) for kind in wanted if kind not in made},
            )
        _write(paths, receipt)
    return listing


def count_failure(paths: JobPaths, error: DaddyEncodeError, context: Context) -> list[Failure]:
    """The failures of programs on a job as it is, `error` the last; fewer than MOST_FAILURES are written down.

    The receipt stays otherwise as it is. Never raises for what is wrong with the job, or the receipt.
    """
    listing = listing_sha256(paths)
    earlier = _earlier(paths, context)
    before = [failure for failure in earlier.failures if failure.listing_sha256 == listing != ""] if earlier else []
    now = round(time.time(), 3)
    failure = Failure(error=one_line(str(error)), host=os.uname().nodename, finished=now, listing_sha256=listing)
    failures = [*before, failure][-MOST_FAILURES:]
    if len(failures) < MOST_FAILURES:
        _write_failures(paths, context, earlier, failures)
    return failures


def failures_of(paths: JobPaths, context: Context) -> list[Failure]:
    """The failures of programs that are written down of a job."""
    earlier = _earlier(paths, context)
    return earlier.failures if earlier else []


def withdraw_failures(paths: JobPaths, is_withdrawn: Callable[[Failure], bool], context: Context) -> None:
    """Take back failures that were not the job's fault; one that they made final is as if it had not failed."""
    earlier = _earlier(paths, context)
    if earlier is not None:
        left = [failure for failure in earlier.failures if not is_withdrawn(failure)]
        if len(left) < len(earlier.failures):
            _write_failures(paths, context, earlier, left)


def _earlier(paths: JobPaths, context: Context) -> Receipt | None:
    """The job's receipt, where it can be read and is of a trusted user."""
    return read_receipt(paths.receipt, context.owners.check_file)


def _write_failures(paths: JobPaths, context: Context, earlier: Receipt | None, failures: list[Failure]) -> None:
    with contextlib.suppress(DaddyEncodeError, OSError):
        if earlier is None or not earlier.source.sha256:
            # One that says nothing of the job's videos but which of them are there: it is neither done nor failed.
            outputs = earlier.outputs if earlier else []
            receipt = _receipt(paths, context, no_source(), outputs=outputs, failures=failures)
        else:
            receipt = msgspec.structs.replace(earlier, error=None, failures=failures)
        if receipt.outputs or failures:
            _write(paths, receipt)
        else:
            _remove_receipt(paths)


def _forget_that_it_was_not_split(whole: JobPaths, context: Context) -> None:
    """Remove the receipt that says that a directory of several sequences failed as one job, and nothing else."""
    failed = _earlier(whole, context)
    if failed is not None and is_receipt_of(whole, failed) and failed.error is not None and not failed.outputs:
        with contextlib.suppress(DaddyEncodeError, OSError):
            _remove_receipt(whole)


def _remove_receipt(paths: JobPaths) -> None:
    with opened_directory(paths.base.parent, paths.top) as directory:
        os.unlink(paths.receipt.name, dir_fd=directory)


def _write(paths: JobPaths, receipt: Receipt, job: Examined | None = None) -> None:
    """Publish a job's receipt, in the directory that its own was in when it was examined. Raises SpoolError."""
    expected = job.parent if job is not None else None
    publish_bytes(encode_record(receipt), paths.receipt, paths.base.name, expected, paths.top)


def _receipt(paths: JobPaths, context: Context, source: Source, **more: Any) -> Receipt:
    known = known_ffmpeg()
    return Receipt(
        job=one_line(paths.directory.name),
        sequence=one_line(paths.pattern) if paths.pattern is not None else None,
        source=source,
        host=os.uname().nodename,
        slurm=dict(context.slurm),
        finished=round(time.time(), 3),
        **{"ffmpeg": known.version, "ffmpeg_build": known.build, **more},
    )
