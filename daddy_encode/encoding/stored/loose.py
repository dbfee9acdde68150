"""Loose frames beside those that are stored in one file."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import count_frames, is_frame_name, is_own_name
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD

if TYPE_CHECKING:
    from daddy_encode.spool.stored.pack_record import PackRecord


def loose_frame(listed: Sequence[str], stored: Sequence[str]) -> str | None:
    """A loose PNG that may be a frame, where there are frames in one file as well."""
    is_recording = MANIFEST_NAME in listed or ROLLOUT_NAME in listed
    if is_recording and any(map(is_own_name, stored)):
        # Then other numbered PNGs are none.
        return min(filter(is_own_name, listed), default=None)
    if count_frames(stored) and count_frames(listed):
        return min(filter(is_frame_name, listed), default=min(name for name in listed if name[-4:].lower() == ".png"))
    return None


def check_leftovers(
    path: Path, directory: int, listed: Sequence[str], record: PackRecord, names: Sequence[str], *, proves: bool = False
) -> None:
    """Check that what lies beside packed frames is what a packer has left that was killed.

    That are files that were there before the packed file was, whose inodes have not changed since, which no copy can
    claim; and PNGs of one that unpacked, which have the time of the packed file.

    Args:
        path: The directory's.
        directory: Its descriptor.
        listed: The names in it.
        record: That of the packed frames.
        names: Theirs.
        proves: Whether the caller compares what is left with what is packed, so that only names and times of
            modification count. Default: no.

    Raises:
        FrameError: Something else is there: a new recording, perhaps.
    """
    packed = frozenset(names)
    left = [name for name in listed if name in packed or name == FRAMES_TAR]
    other = loose_frame([name for name in listed if name not in packed], names)
    if other is None and not left:
        return
    anew = f"remove {PACK_RECORD} and {FRAMES_MKV} if it was recorded anew"
    if other is None:
        written = os.stat(PACK_RECORD, dir_fd=directory, follow_symlinks=False).st_mtime_ns
        statuses = {name: status for name in left if (status := _status(name, directory)) is not None}
        other = next((name for name, status in statuses.items() if status.st_mtime_ns > written), None)
    if other is not None:
        raise FrameError(
            f"{path}: holds packed frames and {other}, which is none of them or newer; move it away, and back "
            f"after daddy-encode pack --undo, or {anew}"
        )
    if proves:
        return
    made = record.mtime_ns
    for name, status in statuses.items():
        if status.st_ctime_ns > made and (status.st_mtime_ns != made or name == FRAMES_TAR):
            raise FrameError(
                f"{path}: holds packed frames and {name}, which came or changed after they were packed; daddy-encode "
                f"pack removes it where it is what was packed, else {anew}"
            )


def _status(name: str, directory: int) -> os.stat_result | None:
    """That of a file; None where it has gone, or is a directory."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return None if stat.S_ISDIR(status.st_mode) else status
