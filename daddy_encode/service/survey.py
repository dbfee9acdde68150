"""One look at a whole spool, for people: every job with its state. Writes nothing, waits for nobody."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.service.look import Listing, list_directory, look
from daddy_encode.service.state import Seen, State, classify
from daddy_encode.spool.claims import FOLDER, claimed_names, holder, lease_path
from daddy_encode.spool.paths import JobPaths, absolute


@dataclass(frozen=True)
class Surveyed:
    """A job and its state. age: seconds since a file in it came or went, by the file system's clock against ours;
    note: who holds it, or why it failed."""

    job: str
    state: State
    frames: int
    age: float
    note: str


def survey(root: Path, output_dir: Path | None = None) -> Iterator[Surveyed]:
    """Yield every job below `root`, sorted by path. Raises SpoolError where `root` cannot be listed.

    A folder that cannot be read is passed over. A job counts as done when its receipt is for its frames and the videos
    it names are there, whatever their settings.
    """
    top = absolute(root)
    try:
        listing, entries = list_directory(str(top))
    except OSError as error:
        raise SpoolError(f"{root}: cannot be listed: {error.strerror}; check the path and its permissions") from error
    yield from _directory(top, top, output_dir, listing, None, set())
    yield from _inside(top, top, output_dir, listing, entries)


def _inside(
    root: Path, directory: Path, output_dir: Path | None, listing: Listing, entries: list[os.DirEntry[str]]
) -> Iterator[Surveyed]:
    beside = {entry.name for entry in entries} if output_dir is None else None
    claimed = claimed_names(directory) if beside is not None and FOLDER in beside else set()
    for name in sorted(listing.folders):
        path = directory / name
        try:
            inner, inner_entries = list_directory(str(path))
        except OSError:
            continue
        yield from _directory(root, path, output_dir, inner, beside, claimed)
        yield from _inside(root, path, output_dir, inner, inner_entries)


def _directory(
    root: Path, path: Path, output_dir: Path | None, listing: Listing, beside: set[str] | None, claimed: set[str]
) -> Iterator[Surveyed]:
    if not listing.is_job:
        return
    paths = JobPaths.of(path, root, output_dir)
    try:
        mtime_ns = os.stat(path).st_mtime_ns
    except OSError:
        return
    seen = look(paths, listing, mtime_ns, beside)
    # A person wants to hear of frames that are not there, not to wait for them.
    held = path.name in claimed or (beside is None and lease_path(paths).exists())
    state = classify(seen, wanted=None, claimed=held)
    age = max(0.0, time.time() - mtime_ns / 1e9)
    yield Surveyed(os.path.relpath(path, root.parent), state, seen.frames, age, _note(paths, state, seen))


def _note(paths: JobPaths, state: State, seen: Seen) -> str:
    if state is State.CLAIMED:
        return holder(lease_path(paths)) or "being released"
    if state is State.FAILED and seen.receipt is not None:
        return seen.receipt.error or ""
    if seen.manifest_error is not None:
        return seen.manifest_error
    if state is State.WAITING and seen.manifest is not None:
        return f"its manifest promises {seen.manifest.frames} frames"
    if state is State.DONE and seen.receipt is not None:
        kinds = "+".join(record.format for record in seen.receipt.outputs)
        marks = [word for word in ("partial", "settled") if getattr(seen.receipt, word)]
        return " ".join([kinds, *marks])
    return ""
