"""One look at a whole spool, for people: every job with its state. Writes nothing, waits for nobody."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.errors import SpoolError, one_line
from daddy_encode.service.look import UNKNOWN, Beside, Listing, beside, list_directory, look
from daddy_encode.service.state import Seen, State, classify
from daddy_encode.spool.claims import holder, lease_path
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.slurm_process import ROLLOUT_NAME, read_slurm_process


@dataclass(frozen=True)
class Surveyed:
    """A job and its state. age: seconds since a file in it came or went, by the file system's clock against ours;
    note: who holds it, or why it failed; rollout: the Slurm job that writes it, as it said itself, empty if unknown."""

    job: str
    state: State
    frames: int
    age: float
    note: str
    rollout: str = ""


def survey(root: Path, output_dir: Path | None = None) -> Iterator[Surveyed]:
    """Yield every job below `root`, sorted by path. Raises SpoolError where `root` cannot be listed.

    A folder that cannot be read is passed over. A job counts as done when its receipt is for its frames and the videos
    it names are there, whatever their settings.
    """
    top = absolute(root)
    pending = [(top, UNKNOWN)]
    while pending:
        path, around = pending.pop()
        try:
            mtime_ns = os.stat(path, follow_symlinks=path == top).st_mtime_ns
            listing = list_directory(str(path))
        except OSError as error:
            if path == top:
                words = f"{root}: cannot be listed: {error.strerror}; check the path and its permissions"
                raise SpoolError(words) from error
            continue
        if listing.is_job:
            yield _surveyed(JobPaths.of(path, top, output_dir), listing, mtime_ns, around, top)
        inside = [path / name for name in sorted(listing.folders, reverse=True)]
        if inside:
            first = JobPaths.of(inside[0], top, output_dir)
            inner = beside(first, listing.names if output_dir is None else None)
            pending += [(folder, inner) for folder in inside]


def _surveyed(paths: JobPaths, listing: Listing, mtime_ns: int, around: Beside, top: Path) -> Surveyed:
    seen = look(paths, listing, mtime_ns, around)
    held = paths.directory.name in around.claimed if around.names is not None else lease_path(paths).exists()
    # A person wants to hear of frames that are not there, not to wait for them.
    state = classify(seen, wanted=None, claimed=held)
    age = max(0.0, time.time() - mtime_ns / 1e9)
    writer = read_slurm_process(paths.directory / ROLLOUT_NAME) if state is State.WRITING else None
    return Surveyed(
        os.path.relpath(paths.directory, top.parent),
        state,
        seen.frames,
        age,
        _note(paths, state, seen),
        writer.slurm_job_id if writer else "",
    )


def _note(paths: JobPaths, state: State, seen: Seen) -> str:
    if state is State.CLAIMED:
        return holder(lease_path(paths)) or "being released"
    if state is State.FAILED and seen.receipt is not None:
        return _without_directory(paths, seen.receipt.error or "")
    if seen.manifest_error is not None:
        return _without_directory(paths, seen.manifest_error)
    if state is State.WAITING and seen.manifest is not None:
        return f"its manifest promises {seen.manifest.frames} frames"
    if state is State.DONE and seen.receipt is not None:
        kinds = "+".join(record.format for record in seen.receipt.outputs)
        marks = [word for word in ("partial", "settled") if getattr(seen.receipt, word)]
        return " ".join([kinds, *marks])
    return ""


def _without_directory(paths: JobPaths, text: str) -> str:
    """An error's text without the path that the row already shows."""
    directory = one_line(str(paths.directory))
    return text.replace(f"{directory}/", "").removeprefix(f"{directory}: ")
