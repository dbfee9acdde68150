"""Finding the jobs to encode: a listing of each directory is the truth; no file in it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.claims import claimed_names
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.walk import listing_error, walk


@dataclass(frozen=True)
class FoundJob:
    """A job that was found.

    Attributes:
        paths: Its names.
        frames: How many numbered PNGs it has.
        has_manifest: Whether it has a manifest.
        named: Whether the user named it, rather than a tree that it is in.
        has_lease: Whether something has the name of its lease.
    """

    paths: JobPaths
    frames: int
    has_manifest: bool
    named: bool
    has_lease: bool


def find_jobs(path: Path, output_dir: Path | None = None) -> Iterator[FoundJob | SpoolError]:
    """Yield the job at `path`, or those in the tree below it, sorted by name, for an encoder.

    Args:
        path: A job's directory, or that of a tree. A link to a job means what it leads to, under the link's name.
        output_dir: Where outputs go. Default: beside each job.

    Yields:
        The jobs, and a SpoolError for each directory below `path` that cannot be listed.

    Raises:
        SpoolError: `path` itself cannot be listed.
    """
    # Of each directory that holds outputs: it is looked into once, however many jobs are there.
    claimed: dict[Path, set[str]] = {}
    for directory in walk(path, output_dir):
        try:
            listing = directory.list()
        except OSError as error:
            if directory.is_root:
                raise listing_error(directory.path, error) from error
            yield listing_error(directory.path, error)
            continue
        if not listing.is_job:
            continue
        paths = directory.paths
        if directory.is_root and os.path.islink(directory.path):
            # An encoder follows no link by itself.
            paths = replace(paths, directory=Path(os.path.realpath(directory.path)))
        outputs = paths.base.parent
        if outputs not in claimed:
            claimed[outputs] = claimed_names(outputs, paths.top, tidy=True)
        has_lease = paths.base.name in claimed[outputs]
        yield FoundJob(paths, listing.frames, listing.has_manifest, directory.is_root, has_lease)
        if directory.is_root:
            return
