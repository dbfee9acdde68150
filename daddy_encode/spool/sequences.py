"""Which jobs a directory is that holds several sequences of frames, and whose a name is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import FrameSequence, find_sequences, find_several, is_frame_name, is_own_name
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.receipt import is_receipt_of, read_receipt
from daddy_encode.spool.walk import Listing, list_directory


def split_job(paths: JobPaths, listing: Listing, *, split: bool) -> list[tuple[JobPaths, Listing]]:
    """The jobs that a directory is, each with its own number of frames: one, or one for each sequence of frames.

    Args:
        paths: The directory's names, as one job.
        listing: What is in it.
        split: Whether sequences are jobs. Default: where one of them has a receipt that says that it was one; also
            where it is the only one left.
    """
    sequences = find_several(listing.frame_names) or _last_one(paths, listing)
    jobs = [(paths.of_sequence(sequence.pattern), replace(listing, frames=len(sequence))) for sequence in sequences]
    # No two may have one name.
    if len({job.base for job, _ in jobs}) < len(jobs):
        return [(paths, listing)]
    if jobs and (split or any(is_receipt_of(job, read_receipt(job.receipt)) for job, _ in jobs)):
        return jobs
    return [(paths, listing)]


def _last_one(paths: JobPaths, listing: Listing) -> list[FrameSequence]:
    """The only sequence in a directory, where that has a receipt of its own: the frames of the others are gone."""
    with contextlib.suppress(FrameError):
        # Frames that are numbers alone are no sequence of several, and most are.
        if any(is_frame_name(name) and not is_own_name(name) for name in listing.frame_names):
            sequences = find_sequences(listing.frame_names)
            job = paths.of_sequence(sequences[0].pattern) if len(sequences) == 1 else paths
            if job.pattern is not None and is_receipt_of(job, read_receipt(job.receipt)):
                return sequences
    return []


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
