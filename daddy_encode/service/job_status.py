"""The state of every job of a spool, once, for people. Writes nothing, waits for nobody."""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from daddy_encode.encoding.frames.listing import listing_sha256
from daddy_encode.encoding.gone import NOTHING, gone_jobs, is_gone, video_lost
from daddy_encode.errors import ManifestError, one_line
from daddy_encode.service.snapshot import JobSnapshot, inspect_job
from daddy_encode.service.state import State, classify
from daddy_encode.spool.claims import has_lease, holder, lease_path
from daddy_encode.spool.frames import described, find_several
from daddy_encode.spool.manifest import ROLLOUT_NAME
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.receipt import MOST_FAILURES, Receipt
from daddy_encode.spool.recording.rollout import Rollout, read_rollout
from daddy_encode.spool.sequences import split_job
from daddy_encode.spool.walk import Listing, OutputListing, listing_error, walk

# In characters. Anybody may have written what it comes from.
LONGEST_NOTE = 1000


class JobStatus(Struct, frozen=True):
    """A job and its state.

    Attributes:
        job: Its path, beginning with the name of the directory that was asked for.
        state: Its state.
        frames: How many frames are listed.
        paths: Its absolute path, and that which its outputs' names begin with where these are beside it.
        age: Seconds since a file in it came or went, by the file system's clock against ours.
        changed: When that was, or an encoder last wrote its receipt if that was later, in seconds since the epoch.
        note: Who holds it, or why it failed.
        rollout: The ID of the Slurm job that writes it, as it wrote down itself; empty where that is not known.
    """

    job: str
    paths: tuple[Path, ...]
    state: State
    frames: int
    age: float
    changed: float
    note: str
    rollout: str = ""


def job_statuses(root: Path, output_dir: Path | None = None) -> Iterator[JobStatus]:
    """Yield the status of every job below `root`, sorted by path.

    A directory that cannot be listed is passed over. A job counts as done when its receipt is for its frames and the
    videos that it names are there, whatever their settings.

    Args:
        root: The directory of a job, or of a tree.
        output_dir: Where outputs are. Default: beside each job.

    Raises:
        SpoolError: `root` itself cannot be listed.
    """
    top = absolute(root).parent
    for directory in walk(root, output_dir):
        try:
            mtime_ns = directory.mtime_ns()
            listing = directory.list()
        except OSError as error:
            if directory.is_root and is_gone(directory.paths):
                yield _status(directory.paths, directory.outputs, NOTHING, 0, top)
            elif directory.is_root:
                raise listing_error(root, error) from error
            continue
        if listing.is_job:
            for paths, part in split_job(directory.paths, listing, split=False):
                yield _status(paths, directory.outputs, part, mtime_ns, top)
        else:
            for paths in gone_jobs(directory, listing):
                is_there = paths.directory == directory.paths.directory
                outputs = directory.outputs if is_there else directory.inner_outputs
                yield _status(paths, outputs, NOTHING, mtime_ns if is_there else 0, top)


def without_older_done(statuses: Iterable[JobStatus], shown: int) -> tuple[list[JobStatus], int]:
    """All jobs but those that are done, of which the `shown` newest alone are kept; and how many were not.

    Of a spool whose jobs are done almost all, so little is kept.
    """
    jobs: list[JobStatus] = []
    # The oldest first; of equal ages, the last.
    newest: list[tuple[float, int, JobStatus]] = []
    others = 0
    for number, job in enumerate(statuses):
        if job.state is not State.DONE:
            jobs.append(job)
            continue
        entry = (-job.age, -number, job)
        if len(newest) < shown:
            heapq.heappush(newest, entry)
        else:
            heapq.heappushpop(newest, entry)
            others += 1
    return [*jobs, *(job for _, _, job in sorted(newest, reverse=True))], others


def _status(paths: JobPaths, outputs: OutputListing, listing: Listing, mtime_ns: int, top: Path) -> JobStatus:
    job = inspect_job(paths, listing, mtime_ns, outputs)
    claimed = paths.base.name in outputs.claimed if outputs.names is not None else has_lease(paths)
    # A person wants to hear of frames that are not there, not to wait for them.
    state = classify(job, wanted=None, claimed=claimed)
    if state is State.WRITING and job.receipt is not None and _is_as_encoded(paths, job.receipt):
        # What changed in its directory is something else, such as another sequence whose frames are gone.
        job = replace(job, mtime_ns=job.receipt.source.directory_mtime_ns)
        state = classify(job, wanted=None, claimed=claimed)
    lost = video_lost(paths, job.receipt, job.manifest_sha256) if _is_lost(state, job) else None
    if lost is not None:
        state = State.FAILED
    rollout = _rollout(paths, listing) if state is State.WRITING else None
    # Of a directory that is gone nothing is known but when it was encoded.
    finished = job.receipt.finished if job.receipt is not None else 0.0
    changed = job.mtime_ns / 1e9 or finished
    return JobStatus(
        job=os.path.relpath(paths.job, top),
        paths=(paths.job, paths.directory.with_name(paths.base.name)),
        state=state,
        frames=job.frames,
        age=max(0.0, time.time() - changed),
        changed=max(changed, finished),
        note=(_without_directory(paths, str(lost)) if lost else _note(paths, listing, state, job))[:LONGEST_NOTE],
        rollout=(rollout and rollout.slurm_job_id) or "",
    )


def _is_as_encoded(paths: JobPaths, receipt: Receipt) -> bool:
    """Whether its frames have the names, sizes and times that they had when it was encoded."""
    return receipt.source.listing_sha256 == listing_sha256(paths) != ""


def _is_lost(state: State, job: JobSnapshot) -> bool:
    """Whether a job's frames are gone, and perhaps a video of them."""
    return job.frames == 0 and state not in (State.DONE, State.CLAIMED, State.FAILED) and job.receipt is not None


def _rollout(paths: JobPaths, listing: Listing) -> Rollout | None:
    if ROLLOUT_NAME in listing.names:
        with contextlib.suppress(ManifestError):
            return read_rollout(paths.directory, listing.frame_names)
    return None


def _note(paths: JobPaths, listing: Listing, state: State, job: JobSnapshot) -> str:
    if state is State.WRITING and paths.pattern is None and (several := find_several(listing.frame_names)):
        return f"holds {described(several)}; encode --split makes a video of each"
    if state is State.CLAIMED:
        return holder(lease_path(paths)) or "being released"
    if state is State.FAILED and job.receipt is not None:
        made = [
            kind
            for kind in sorted(job.outputs, reverse=True)
            if kind in {record.format for record in job.receipt.outputs}
        ]
        return _without_directory(paths, job.receipt.error or "") + f"; its {'+'.join(made)} is there" * bool(made)
    if job.manifest_error is not None:
        return _without_directory(paths, job.manifest_error)
    if state is State.READY and job.receipt is not None and job.receipt.failures:
        failures = job.receipt.failures
        return f"failed {len(failures)} of {MOST_FAILURES} times: {_without_directory(paths, failures[-1].error)}"
    if state is State.WAITING and job.manifest is not None:
        return f"its manifest promises {job.manifest.frames} frames"
    if state is State.DONE and job.receipt is not None:
        lost = job.receipt.lost.missing_count + job.receipt.lost.bad_count
        notes = len({warning for record in job.receipt.outputs for warning in record.warnings})
        marks = [word for word in ("partial", "salvaged", "settled") if getattr(job.receipt, word)]
        marks += ["frames deleted" if job.receipt.frames == "deleted" else "frames gone"] * (job.frames == 0)
        marks += [f"{lost} frame{'s' if lost != 1 else ''} lost"] * bool(lost)
        # Padding by a row is one as well; `log` says what they are.
        marks += [f"{notes} note{'s' if notes != 1 else ''}"] * bool(notes)
        kinds = "+".join(record.format for record in job.receipt.outputs)
        return kinds + f" ({', '.join(marks)})" * bool(marks)
    return ""


def _without_directory(paths: JobPaths, text: str) -> str:
    """An error's text without the path that the row already shows."""
    directory = one_line(str(paths.directory))
    return text.replace(f"{directory}/", "").removeprefix(f"{directory}: ")
