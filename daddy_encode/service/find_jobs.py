"""Finding the jobs to encode: a listing of each directory is the truth; no file in it is opened but receipts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.encoding.frames.other_files import OtherFiles
from daddy_encode.encoding.gone import gone_jobs, is_gone
from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.report.log import shown
from daddy_encode.service.found_jobs import FoundJob, FoundJobs, JobList, PassedOver
from daddy_encode.spool.claims import claimed_names
from daddy_encode.spool.frames import described, find_several
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.sequences import is_sequence, split_job
from daddy_encode.spool.walk import Listing, SpoolDirectory, listing_error, walk

_ADVICE = (
    "no manifest: its rollout still writes, or has died; name this directory itself, or give --salvage, to encode it"
)
# Of ffmpeg, or of a shell that found nothing to put in its place.
_PATTERN = re.compile(r"%0?[0-9]*d|[*?\[]")


NO_MANIFEST = "without a manifest"
SEVERAL_SEQUENCES = "with several sequences of frames"
BESIDE_RECORDINGS = "beside recordings"
BELOW_FRAMES = "below a directory of frames"


def find_all_jobs(
    paths: Iterable[Path],
    output_dir: Path | None = None,
    *,
    salvage: bool = False,
    split: bool = False,
    is_done: Callable[[JobPaths], bool] = lambda paths: False,
    tidy: bool = True,
) -> FoundJobs:
    """The jobs at several paths. A path that has none is a fault that says what is there instead.

    Args:
        paths: Each a job's directory, that of a tree, or one of several sequences in a directory, as its job is shown.
        output_dir: As in `find_jobs`, as are all that follow.
        salvage: See there.
        split: See there.
        is_done: See there.
        tidy: See there.

    Raises:
        SettingsError: Two jobs would have the same outputs.
    """
    find = partial(find_jobs, output_dir=output_dir, salvage=salvage, split=split, is_done=is_done, tidy=tidy)
    found = FoundJobs()
    directories, found.faults = _without_files(paths)
    # A job may be in a tree that is named and be named itself.
    known: set[Path] = set()
    for path, pattern in directories:
        other, passed_over, empty = OtherFiles(), list[PassedOver](), True
        for item in _reported(find(path, other=other, pattern=pattern)):
            if isinstance(item, PassedOver):
                passed_over.append(item)
                continue
            empty = False
            if isinstance(item, SpoolError):
                found.faults.append(item)
            elif len(directories) == 1:
                found.jobs.append(item)
            elif item.paths.job not in known:
                known.add(item.paths.job)
                found.jobs.append(item)
        found.passed_over += passed_over
        if empty:
            why = passed_over_text(passed_over) or f": it {other}"
            found.faults.append(SpoolError(f"{shown(path)}: nothing to encode{why}"))
    if len(directories) > 1 or not found.jobs.is_plain:
        _check_outputs(found.jobs)
    return found


def passed_over_text(passed_over: Iterable[PassedOver]) -> str:
    """How many directories were passed over, by reason, as the end of a line; empty where none was."""
    counts: Counter[str] = Counter()
    for item in passed_over:
        counts[item.reason] += item.count
    return f"; passed over: {', '.join(f'{count} {reason}' for reason, count in counts.items())}" if counts else ""


def find_jobs(
    path: Path,
    output_dir: Path | None = None,
    *,
    salvage: bool = False,
    split: bool = False,
    pattern: str | None = None,
    other: OtherFiles | None = None,
    is_done: Callable[[JobPaths], bool] = lambda paths: False,
    tidy: bool = True,
) -> Iterator[FoundJob | PassedOver | SpoolError]:
    """Yield the job at `path`, or those in the tree below it, sorted by name, for an encoder.

    Frames at `path` itself are a job, unless they have no manifest and recordings are below it.

    Args:
        path: A job's directory, or that of a tree. A link to a job means what it leads to, under the link's name.
        output_dir: Where outputs go. Default: beside each job.
        salvage: Whether jobs without a manifest in a tree are encoded. Default: no.
        split: Whether each sequence of a directory that holds several is a job. Default: only where it was one before.
        pattern: Of one such sequence at `path` itself, which alone is wanted. Default: all are.
        other: Told what is in directories that are no jobs. Default: nobody.
        is_done: Whether a job without a manifest in a tree is done, as one that was salvaged may be: it is not passed
            over then. Default: none is.
        tidy: Whether to remove what encoders that were killed have left. Default: yes.

    Yields:
        The jobs, those among them whose frames are gone, but whose receipt and videos are there; what is passed over;
        and a SpoolError for each directory below `path` that cannot be listed.

    Raises:
        SpoolError: `path` itself cannot be listed.
    """
    for directory in walk(path, output_dir, tidy=tidy):
        try:
            listing = directory.list()
        except OSError as error:
            if directory.is_root and is_gone(directory.paths):
                yield _without_frames(directory.paths, named=True)
                return
            if directory.is_root:
                raise listing_error(directory.path, error) from error
            yield listing_error(directory.path, error)
            continue
        is_named = directory.is_root
        if not (listing.is_job or (is_named and listing.has_lone_frame)):
            gone = list(gone_jobs(directory, listing)) if pattern is None else []
            for paths in gone:
                yield _without_frames(paths, named=is_named and paths == directory.paths)
            if directory.paths in gone:
                continue
            if other is not None:
                other.add(listing.names)
            continue
        if is_named and (passed_over := _below(directory, listing)) is not None:
            yield passed_over
            if passed_over.reason == BESIDE_RECORDINGS:
                continue
        paths = directory.paths
        parts = split_job(paths, listing, split=split or pattern is not None)
        if not (listing.has_manifest or is_named or salvage or all(is_done(job) for job, _ in parts)):
            # What records with this project says so from its first frame on.
            several = [] if listing.is_recording else find_several(listing.frame_names)
            if not (several and split):
                advice = f"holds {described(several)}; --split makes a video of each" if several else _ADVICE
                yield PassedOver(Path(directory.path), SEVERAL_SEQUENCES if several else NO_MANIFEST, advice)
                continue
        if is_named and os.path.islink(directory.path):
            # An encoder follows no link by itself.
            paths = replace(paths, directory=Path(os.path.realpath(directory.path)))
            parts = split_job(paths, listing, split=split or pattern is not None)
        # Before any of them is encoded; of the jobs in a tree, once for all that have their outputs in one directory.
        names, claimed = directory.outputs.names, directory.outputs.claimed
        if names is None:
            claimed = claimed_names(paths.base.parent, paths.top, tidy=tidy)
        for job, part in parts:
            if pattern in (None, job.pattern):
                has_lease = job.base.name in claimed
                has_receipt = os.path.lexists(job.receipt) if names is None else job.receipt.name in names
                yield FoundJob(job, part.frames, listing.has_manifest, is_named, has_lease, has_receipt)
        if is_named:
            return


def _without_frames(paths: JobPaths, *, named: bool = False) -> FoundJob:
    """A job that is done, of which there is nothing else to see."""
    return FoundJob(paths, 0, has_manifest=False, named=named, has_lease=False)


def _reported(found: Iterator[FoundJob | PassedOver | SpoolError]) -> Iterator[FoundJob | PassedOver | SpoolError]:
    try:
        yield from found
    except SpoolError as error:
        yield error


def _below(directory: SpoolDirectory, listing: Listing) -> PassedOver | None:
    """What a user who has named `directory`, frames without a manifest, should know of the directories below it."""
    if listing.is_recording or not listing.subdirectories:
        return None
    frames: list[str] = []
    for below in walk(Path(directory.path)):
        try:
            inner = below.list()
        except OSError:
            continue
        if below.is_root or not inner.is_job:
            continue
        if inner.is_recording:
            return PassedOver(
                Path(directory.path),
                BESIDE_RECORDINGS,
                f"holds {listing.frames} numbered PNG{'s' * (listing.frames > 1)} of its own, and recordings below it, "
                f"such as {shown(Path(below.path))}; only these are encoded: move the PNGs to a directory of their own",
            )
        frames.append(below.path)
    if not frames:
        return None
    more = f" and {len(frames) - 1} more" if len(frames) > 1 else ""
    advice = f"is encoded, but not the frames in {shown(Path(frames[0]))}{more} below it; name these to encode them"
    return PassedOver(Path(directory.path), BELOW_FRAMES, advice, len(frames))


def _without_files(paths: Iterable[Path]) -> tuple[list[tuple[Path, str | None]], list[SpoolError]]:
    """The directories, with the pattern of a sequence in one that was named, and what is wrong with other paths.

    Of files that is said once for each folder.
    """
    rest: list[tuple[Path, str | None]] = []
    files: dict[Path, list[Path]] = {}
    faults = []
    for path in paths:
        if os.path.isfile(path):
            files.setdefault(path.parent, []).append(path)
        elif not os.path.lexists(path) and _PATTERN.search(path.name):
            if is_sequence(path):
                rest.append((path.parent, path.name))
                continue
            faults.append(
                SpoolError(
                    f"{shown(path)}: is a pattern of names, not a directory; name its folder: {shown(path.parent)}"
                )
            )
        else:
            rest.append((path, None))
    for folder, names in files.items():
        are_files = f" and {len(names) - 1} more are files; name their" if len(names) > 1 else ": is a file; name its"
        faults.append(SpoolError(f"{shown(names[0])}{are_files} folder: {shown(folder)}"))
    return rest, faults


def _check_outputs(jobs: JobList) -> None:
    """Raise SettingsError where two jobs would have the same outputs."""
    bases: dict[Path, JobPaths] = {}
    for job in jobs:
        twin = bases.setdefault(job.paths.base, job.paths)
        # A sequence fails alone where a directory has its name, when it is encoded.
        if twin != job.paths and (twin.pattern is None) == (job.paths.pattern is None):
            raise SettingsError(
                f"{shown(twin.job)} and {shown(job.paths.job)} would both become {shown(job.paths.base)}.*; "
                "give the directory that holds both as PATH"
            )
