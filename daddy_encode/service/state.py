"""What state a job is in: a pure function of what a listing and the records say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from daddy_encode.encode.output import Plan
from daddy_encode.spool.manifest import Manifest
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.receipt import Receipt

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


@dataclass(frozen=True)
class Seen:
    """What was seen of a job.

    frames: numbered PNGs listed; has_manifest: one is listed; manifest: None where it could not be opened or used;
    manifest_error: why not, where it is there and wrong; outputs: videos listed; mtime_ns: the directory's.
    """

    frames: int
    has_manifest: bool
    manifest: Manifest | None
    manifest_sha256: str | None
    manifest_error: str | None
    receipt: Receipt | None
    outputs: frozenset[Kind]
    mtime_ns: int


def classify(
    seen: Seen,
    *,
    wanted: Plan | None,
    claimed: bool = False,
    unchanged_seconds: float = 0.0,
    settle: float | None = None,
    retry_failed: bool = False,
) -> State:
    """The state of a job.

    wanted: the outputs and settings it should have, None for whatever its receipt has; claimed: it has a lease, alive
    or dead; unchanged_seconds: for how long it has looked the same, by the observer's own clock; settle: after how
    long without a change a job without a manifest counts as abandoned, None for never.
    """
    if _is_done(seen, wanted):
        return State.DONE
    if claimed:
        return State.CLAIMED
    if not retry_failed and has_failed(seen.receipt, seen.mtime_ns, seen.manifest_sha256):
        return State.FAILED
    if seen.manifest_error is not None:
        # An attempt says what is wrong with it, and leaves a receipt.
        return State.READY
    if not seen.has_manifest:
        settled = settle is not None and seen.frames > 0 and unchanged_seconds >= settle
        return State.ABANDONED if settled else State.WRITING
    if seen.manifest is None:
        # Listed, but the file system does not open it yet.
        return State.WAITING
    if seen.frames != seen.manifest.frames and unchanged_seconds < GRACE_SECONDS:
        return State.WAITING
    return State.READY


def has_failed(receipt: Receipt | None, mtime_ns: int, manifest_sha256: str | None) -> bool:
    """Whether `receipt` says that the job failed as it is: with this time of its directory, and this manifest."""
    if receipt is None or receipt.error is None:
        return False
    return (receipt.source.directory_mtime_ns, receipt.source.manifest_sha256) == (mtime_ns, manifest_sha256)


def _is_done(seen: Seen, wanted: Plan | None) -> bool:
    receipt = seen.receipt
    if receipt is None or receipt.error is not None or receipt.source.manifest_sha256 != seen.manifest_sha256:
        return False
    there = {record.format: record.settings for record in receipt.outputs if record.format in seen.outputs}
    whole = len(there) == len(receipt.outputs) > 0
    if seen.has_manifest and seen.frames == 0:
        # Somebody has removed the frames after they were encoded: this is all there will be.
        return whole
    if receipt.source.directory_mtime_ns != seen.mtime_ns:
        return False
    if wanted is None:
        return whole
    return all(there.get(kind) == msgspec.to_builtins(settings) for kind, settings in wanted.items())
