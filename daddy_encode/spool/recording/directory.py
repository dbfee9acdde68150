"""A recording's directory: made or cleared for it, never mixed with another dump; its removal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.frames import frame_name, is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.orphans import remove_dead, remove_temporaries
from daddy_encode.spool.publish import reported
from daddy_encode.spool.slurm_process import ROLLOUT_NAME, write_slurm_process

ANNOTATIONS_NAME = "annotations.jsonl"
# The manifest first: at no time does one stand beside frames that it does not describe.
_RECORDS = (MANIFEST_NAME, ANNOTATIONS_NAME, ROLLOUT_NAME)


def _old_dump(directory: Path) -> list[str]:
    """Names in `directory` that belong to a dump, the manifest first; none where there is no such directory."""
    with reported(directory, "list"):
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return []
    return [name for name in _RECORDS if name in names] + sorted(name for name in names if is_frame_name(name))


def refuse_old_dump(directory: Path) -> None:
    """Raise SpoolError where `directory` already holds what belongs to a dump, or cannot be listed."""
    if old := _old_dump(directory):
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        raise SpoolError(f"{directory}: already holds {old[0]}{more}; choose another directory, or overwrite=True")


def prepare_directory(directory: Path, *, overwrite: bool) -> bool:
    """Make `directory`, ready for a recording's frames, and say in it which Slurm job records.

    With `overwrite` exactly the files of the dump that is there are removed, with what was never finished of them.
    Returns whether the directory was not there before. Raises SpoolError where it holds a dump and may not be
    overwritten, or cannot be made or cleared.
    """
    made = True
    with reported(directory, "make"):
        try:
            os.makedirs(directory)
        except FileExistsError:
            if not directory.is_dir():
                raise
            made = False
    if overwrite and not made:
        with reported(directory, "remove old frames from"):
            for name in _old_dump(directory):
                os.unlink(directory / name)
        remove_temporaries(directory)
    elif not made:
        # Only refused, never removed: another writer may have begun here since the first look.
        refuse_old_dump(directory)
    try:
        write_slurm_process(directory / ROLLOUT_NAME)
    except SpoolError:
        remove_recording(directory, (), made_directory=made)
        raise
    return made


def remove_frames(directory: Path, indices: Iterable[int]) -> None:
    """Remove these frames, as far as they are there, and what processes that are gone were writing."""
    remove_dead(directory)
    _remove(directory, map(frame_name, indices))


def remove_recording(directory: Path, indices: Iterable[int], *, made_directory: bool) -> None:
    """Remove these frames and what else a recording has written, and the directory where the recording made it."""
    _remove(directory, _RECORDS)
    remove_frames(directory, indices)
    if made_directory:
        remove_empty(directory)


def remove_empty(directory: Path) -> None:
    """Remove `directory` if nothing is in it."""
    with contextlib.suppress(OSError):
        os.rmdir(directory)


def _remove(directory: Path, names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            os.unlink(directory / name)
