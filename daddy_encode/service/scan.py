"""Finding jobs: a listing of each directory is the truth; no file in it is looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.frames import is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.paths import JobPaths, absolute


@dataclass(frozen=True)
class Found:
    """A job that was found: `frames` numbered PNGs, with or without a manifest; `named`: by the user, not in a tree."""

    paths: JobPaths
    frames: int
    has_manifest: bool
    named: bool


def find_jobs(path: Path, output_dir: Path | None = None) -> Iterator[Found | SpoolError]:
    """Yield the job at `path`, or those in the tree below it, sorted by name; a SpoolError for each unreadable folder.

    Hidden folders and links to folders are passed over, so that nothing leads out of the tree.
    Raises SpoolError where `path` itself is no readable directory.
    """
    root = absolute(path)
    entries = _listing(root)
    if (job := _job(root, entries, root, output_dir, named=True)) is not None:
        # Who names a link means what it leads to, under the link's name; an encoder follows none by itself.
        yield replace(
            job, paths=replace(job.paths, directory=Path(os.path.realpath(root))) if root.is_symlink() else job.paths
        )
        return
    pending = _folders(root, entries)
    while pending:
        directory = pending.pop()
        try:
            entries = _listing(directory)
        except SpoolError as error:
            yield error
            continue
        if (job := _job(directory, entries, root, output_dir, named=False)) is not None:
            yield job
        pending += _folders(directory, entries)


def _listing(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        raise SpoolError(
            f"{directory}: cannot be listed: {error.strerror}; check the path and its permissions"
        ) from error


def _folders(directory: Path, entries: list[os.DirEntry[str]]) -> list[Path]:
    """The subfolders, last name first: a stack then gives them back in order."""
    return [
        directory / entry.name
        for entry in entries
        if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
    ]


def _job(
    directory: Path, entries: list[os.DirEntry[str]], root: Path, output_dir: Path | None, *, named: bool
) -> Found | None:
    frames = sum(is_frame_name(entry.name) for entry in entries)
    has_manifest = any(entry.name == MANIFEST_NAME for entry in entries)
    if not frames and not has_manifest:
        return None
    return Found(JobPaths.of(directory, root, output_dir), frames, has_manifest, named)
