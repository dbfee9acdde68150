"""Which file of a directory holds its frames."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.encoding.stored.loose import loose_frame
from daddy_encode.errors import FrameError
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.packed import PackedFrames
    from daddy_encode.encoding.stored.tar import TarFrames


def stored_frames(
    path: Path,
    directory: int,
    listed: Sequence[str],
    before: TarFrames | PackedFrames | None,
    check_owner: Callable[[os.stat_result, Path], None],
    max_pixels: int,
    *,
    proves_leftovers: bool = False,
) -> TarFrames | PackedFrames | None:
    """The frames of a directory that are stored in one file; None where its frames are loose.

    Args:
        path: The directory's.
        directory: Its descriptor.
        listed: The names in it.
        before: What this returned before, if anything: returned where nothing has changed, else closed.
        check_owner: Raises Skipped where a file of that status and path should not be used.
        max_pixels: Width times height of a packed frame, at most.
        proves_leftovers: As for `check_leftovers`. Default: no.

    Raises:
        FrameError: The file cannot be used, or there are loose frames as well.
        ManifestError: A record cannot be used.
        Skipped: It belongs to a user who is not trusted.
    """
    kept = before if before is not None and before.is_current(directory) else None
    found: TarFrames | PackedFrames | None = None
    try:
        # Each is loaded where there is one: most jobs have none.
        if PACK_RECORD in listed and FRAMES_MKV in listed:
            from daddy_encode.encoding.stored.packed import opened_packed

            found = opened_packed(
                path, directory, listed, check_owner, max_pixels, kept, proves_leftovers=proves_leftovers
            )
        if found is None and FRAMES_TAR in listed and not _is_directory(directory):
            found = _opened_tar(path, directory, listed, check_owner, kept)
        return found
    finally:
        if before is not None and before is not found:
            before.close()


def _opened_tar(
    path: Path,
    directory: int,
    listed: Sequence[str],
    check_owner: Callable[[os.stat_result, Path], None],
    kept: TarFrames | PackedFrames | None,
) -> TarFrames | None:
    from daddy_encode.encoding.stored.tar import TarFrames

    found = kept if isinstance(kept, TarFrames) else TarFrames(path / FRAMES_TAR, directory, check_owner)
    loose = loose_frame(listed, found.names)
    if found.names and not loose:
        return found
    if found is not kept:
        found.close()
    if loose:
        raise FrameError(
            f"{path}: holds both {FRAMES_TAR} and loose frames, such as {loose}; remove what is not wanted"
        )
    return None


def _is_directory(directory: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(FRAMES_TAR, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        # Whoever opens it says why not.
        return False
