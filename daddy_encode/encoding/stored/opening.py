"""Which file of a directory holds its frames."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import count_frames, is_frame_name, is_own_name
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.stored.names import FRAMES_TAR

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.tar import TarFrames


def stored_frames(
    path: Path,
    directory: int,
    listed: Sequence[str],
    before: TarFrames | None,
    check_owner: Callable[[os.stat_result, Path], None],
) -> TarFrames | None:
    """The frames of a directory that are stored in one file; None where its frames are loose.

    Args:
        path: The directory's.
        directory: Its descriptor.
        listed: The names in it.
        before: What this returned before, if anything: returned where nothing has changed, else closed.
        check_owner: Raises Skipped where a file of that status and path should not be used.

    Raises:
        FrameError: The file cannot be used, or there are loose frames as well.
        Skipped: It belongs to a user who is not trusted.
    """
    if before is not None and not (FRAMES_TAR in listed and before.is_current(directory)):
        before.close()
        before = None
    if FRAMES_TAR not in listed or _is_directory(directory):
        return None
    # Loaded where there is one: most jobs have none.
    from daddy_encode.encoding.stored.tar import TarFrames

    found = before or TarFrames(path / FRAMES_TAR, directory, check_owner)
    try:
        if loose := _loose(listed, found):
            raise FrameError(
                f"{path}: holds both {FRAMES_TAR} and loose frames, such as {loose}; remove what is not wanted"
            )
    except BaseException:
        found.close()
        raise
    if not found.names:
        found.close()
        return None
    return found


def _is_directory(directory: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(FRAMES_TAR, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        # Whoever opens it says why not.
        return False


def _loose(listed: Sequence[str], stored: TarFrames) -> str | None:
    """A loose PNG that may be a frame, where there are frames in the archive as well."""
    is_recording = MANIFEST_NAME in listed or ROLLOUT_NAME in listed
    if is_recording and any(map(is_own_name, stored.names)):
        # Then other numbered PNGs are none.
        return min(filter(is_own_name, listed), default=None)
    if count_frames(stored.names) and count_frames(listed):
        return min(filter(is_frame_name, listed), default=min(name for name in listed if name[-4:].lower() == ".png"))
    return None
