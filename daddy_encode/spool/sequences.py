"""Which jobs a directory is that holds several sequences of frames, and whose a name is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.spool.frames import find_several
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.receipt import is_receipt_of, read_receipt
from daddy_encode.spool.walk import Listing, list_directory


def split_job(paths: JobPaths, listing: Listing, *, split: bool) -> list[tuple[JobPaths, Listing]]:
    """The jobs that a directory is, each with its own number of frames: one, or one for each sequence of frames.

    Args:
        paths: The directory's names, as one job.
        listing: What is in it.
        split: Whether sequences are jobs. Default: where one of them has a receipt that says that it was one.
    """
    sequences = find_several(listing.frame_names)
    jobs = [(paths.of_sequence(sequence.pattern), replace(listing, frames=len(sequence))) for sequence in sequences]
    # No two may have one name.
    if len({job.base for job, _ in jobs}) < len(jobs):
        return [(paths, listing)]
    if jobs and (split or any(is_receipt_of(job, read_receipt(job.receipt)) for job, _ in jobs)):
        return jobs
    return [(paths, listing)]


def is_sequence(path: Path) -> bool:
    """Whether `path` is one of several sequences of frames in a directory, in the spelling in which they are shown."""
    with contextlib.suppress(OSError):
        return path.name in (sequence.pattern for sequence in find_several(list_directory(path.parent).frame_names))
    return False


def is_of_a_job(file: Path, jobs: Iterable[JobPaths]) -> bool:
    """Whether `file`, which ends in `.mp4` or `.gif`, has the name of a video that is made without naming a file.

    Args:
        file: Where a video is to go.
        jobs: Those that are known; others are seen by their directories and receipts beside it.
    """
    file = absolute(file)
    if any(file in (job.output("mp4"), job.output("gif")) for job in jobs):
        return True
    twin = JobPaths.of(file.with_suffix(""))
    if file not in (twin.output("mp4"), twin.output("gif")):
        return False
    with contextlib.suppress(OSError):
        return os.path.lexists(twin.receipt) or list_directory(twin.directory).frames > 0
    return False
