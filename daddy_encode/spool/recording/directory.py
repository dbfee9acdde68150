"""A recording's directory: made or cleared for it, never mixed with another dump; its removal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.frames import frame_name, is_frame_name
from daddy_encode.spool.manifest import ANNOTATIONS_NAME, MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.orphans import remove_dead, remove_temporaries
from daddy_encode.spool.publish import reported
from daddy_encode.spool.recording.deleting import SUFFIX as DELETING_SUFFIX
from daddy_encode.spool.recording.frame_store import Container, files_of
from daddy_encode.spool.recording.rollout import Rollout, TakenError, withdraw_rollout, write_rollout
from daddy_encode.spool.stored.names import FRAMES_TAR, KEPT_TAR, stored_names


def _in_order(frames: Iterable[str]) -> list[str]:
    """A dump's names, in the order in which they go: at no time is a manifest beside frames that it does not describe.

    What is left after a kill is still described by the rollout's record, which goes last.
    """
    return [MANIFEST_NAME, ANNOTATIONS_NAME, *frames, ROLLOUT_NAME]


def _old_dump(directory: Path) -> list[str]:
    """Names in `directory` that belong to a dump, in the order of `_in_order`; none where there is no directory."""
    with reported(directory, "list"):
        try:
            names = set(os.listdir(directory))
        except FileNotFoundError:
            return []
    # What says which of the frames are being deleted goes after them.
    frames = [*sorted(filter(is_frame_name, names)), *(name for name in names if name.endswith(DELETING_SUFFIX))]
    return [name for name in _in_order([*stored_names(names), *frames]) if name in names]


def refuse_old_dump(directory: Path) -> None:
    """Raise TakenError where `directory` already holds what belongs to a dump, SpoolError where it cannot be listed."""
    if old := _old_dump(directory):
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        raise TakenError(f"{directory}: already holds {old[0]}{more}; choose another directory, or overwrite=True")


def prepare_directory(directory: Path, rollout: Rollout, *, overwrite: bool, min_free: int | None = None) -> bool:
    """Make `directory`, ready for a recording's frames, with the record `rollout` in it: then it is this recording's.

    With `overwrite` exactly the files of the dump that is there are removed, with what was never finished of them.
    Returns whether the directory was not there before. Raises TakenError where it holds a dump and may not be
    overwritten, or another recording has begun there; SpoolError where it cannot be made, cleared or written to.
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
            old = _old_dump(directory)
            # Of the dump before it, where only some of its frames were kept.
            for name in [KEPT_TAR] * (old != [] and os.path.lexists(directory / KEPT_TAR)) + old:
                os.unlink(directory / name)
        remove_temporaries(directory)
    elif not made:
        # Only refused, never removed: another writer may have begun here since the first look.
        refuse_old_dump(directory)
    try:
        write_rollout(directory, rollout, DiskBudget(directory, min_free))
    except BaseException as error:
        if not isinstance(error, TakenError):
            withdraw_rollout(directory, rollout)
        if made:
            remove_empty(directory)
        raise
    return made


def keep_frames(directory: Path, container: Container, frames: int) -> int:
    """Keep so many frames of a recording whose writer was killed, and nothing that it, or others that are gone, began.

    Returns how many there are. Raises SpoolError where they cannot be told from the rest.
    """
    remove_dead(directory)
    if container == "tar":
        from daddy_encode.spool.recording.tar_store import keep_whole_frames

        with reported(directory / FRAMES_TAR, "write"):
            return keep_whole_frames(directory, frames)
    # They are written one at a time, so no later one has been begun.
    _remove(directory, [frame_name(frames)])
    return frames


def remove_recording(
    directory: Path, indices: Iterable[int], *, made_directory: bool, container: Container = "png"
) -> None:
    """Remove these frames and what else a recording has written, and the directory where the recording made it."""
    remove_dead(directory)
    _remove(directory, _in_order(files_of(container, indices)))
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
