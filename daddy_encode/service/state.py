"""What state a job is in: a pure function of what a listing and the records say."""

from __future__ import annotations

from enum import Enum

from daddy_encode.encoding.option_values import Gaps
from daddy_encode.encoding.recorded import gaps_agree, read_settings
from daddy_encode.encoding.settings import Plan
from daddy_encode.service.snapshot import JobSnapshot

# How long a manifest whose frames are not all there is waited for: a network file system may show it before them.
GRACE_SECONDS = 120.0


class State(str, Enum):
    """The states of a job; their values are what `status` shows."""

    WRITING = "writing"
    WAITING = "waiting"
    READY = "ready"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    ABANDONED = "abandoned"


def classify(
    job: JobSnapshot,
    *,
    wanted: Plan | None,
    gaps: Gaps | None = None,
    claimed: bool = False,
    unchanged_seconds: float = 0.0,
    settle: float | None = None,
    retry_failed: bool = False,
) -> State:
    """The state of a job.

    Args:
        job: What was seen of it.
        wanted: The outputs and settings that it should have; None for whatever its receipt names.
        gaps: How frames that were lost should be made up for. Default: as its receipt says.
        claimed: Whether it has a lease, alive or dead.
        unchanged_seconds: For how long it has looked the same, by the observer's own clock.
        settle: After how many seconds without a change a job without a manifest is abandoned. Default: never.
        retry_failed: Whether a job that has failed is ready again.
    """
    if _is_done(job, wanted, gaps):
        return State.DONE
    if claimed:
        return State.CLAIMED
    if not retry_failed and job.has_failed:
        return State.FAILED
    if job.manifest_error is not None:
        # An attempt says what is wrong with it, and leaves a receipt.
        return State.READY
    if not job.has_manifest:
        settled = settle is not None and job.frames > 0 and unchanged_seconds >= settle
        return State.ABANDONED if settled else State.WRITING
    if job.manifest is None:
        # Listed, but the file system does not open it yet.
        return State.WAITING
    if job.frames != job.manifest.frames and unchanged_seconds < GRACE_SECONDS:
        return State.WAITING
    return State.READY


def _is_done(job: JobSnapshot, wanted: Plan | None, gaps: Gaps | None) -> bool:
    receipt = job.receipt
    if receipt is None or receipt.error is not None:
        return False
    if receipt.source.manifest_sha256 != job.manifest_sha256 and (job.frames or job.has_manifest):
        return False
    there = {
        record.format: read_settings(record.format, record.settings)
        for record in receipt.outputs
        if record.format in job.outputs
    }
    whole = len(there) == len(receipt.outputs) > 0 and not receipt.unfinished
    if job.frames == 0:
        # They were deleted, or somebody has removed them, after they were encoded: this is all there will be.
        return whole and receipt.source.sha256 != "" and not job.replaced
    if receipt.source.directory_mtime_ns != job.mtime_ns or job.replaced:
        # An attempt examines the frames, or the video.
        return False
    if wanted is None:
        return whole
    if not gaps_agree(receipt, gaps):
        return False
    return all(there.get(kind) == settings for kind, settings in wanted.items())
