"""What a listing shows of frames that are stored in one file, without one being read."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct

from daddy_encode.errors import ManifestError
from daddy_encode.spool.frames import count_frames, is_own_name
from daddy_encode.spool.held_file import SAFELY
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.stored.names import FRAMES_MKV, FRAMES_TAR, PACK_RECORD


class Stored(Struct, frozen=True):
    """A file that holds the frames of a directory.

    Attributes:
        file: Its name.
        frames: How many it seems to hold, at least 1 where it cannot be used: whoever encodes it says why.
        names: Theirs; of a recording of this project the first alone.
        mtime_ns: When it was last written to; 0 where the directory's own time tells.
    """

    file: str
    frames: int
    names: Sequence[str]
    mtime_ns: int = 0


def find_stored(directory: str | os.PathLike[str], names: Collection[str]) -> Stored | None:
    """The file that holds the frames of a directory with these `names`; None where there is none with frames."""
    if PACK_RECORD in names and FRAMES_MKV in names and (packed := _packed(directory, names)) is not None:
        return packed
    if FRAMES_TAR not in names:
        return None
    path = os.path.join(directory, FRAMES_TAR)
    try:
        status = os.stat(path, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            return None
        # What is no file is never opened: opening some devices has effects.
        frames, entries = _count(path) if stat.S_ISREG(status.st_mode) else (1, [])
    except OSError:
        # Gone since, or not ours to read.
        return Stored(FRAMES_TAR, 1, [])
    return Stored(FRAMES_TAR, frames, entries, status.st_mtime_ns) if frames else None


def _packed(directory: str | os.PathLike[str], names: Collection[str]) -> Stored | None:
    """The packed file of a directory that has one and its record; None where its frames are loose."""
    from daddy_encode.spool.stored.pack_record import names_of, read_pack_record

    loose = count_frames(names)
    try:
        record = read_pack_record(Path(directory))
        if record is None or (record.manifest_sha256 is not None and MANIFEST_NAME not in names):
            return None
        packed = names_of(record)
    except ManifestError:
        return None if loose else Stored(FRAMES_MKV, 1, [])
    if loose > record.frames:
        # It is being recorded anew, perhaps; whoever encodes it finds out.
        return None
    return Stored(FRAMES_MKV, record.frames, packed[:1] if is_own_name(packed[0]) else packed)


def _count(path: str) -> tuple[int, list[str]]:
    from daddy_encode.spool.stored.tar_index import count_stored

    descriptor = os.open(path, os.O_RDONLY | SAFELY)
    try:
        status = os.fstat(descriptor)
        return count_stored(descriptor, status.st_size) if stat.S_ISREG(status.st_mode) else (1, [])
    finally:
        os.close(descriptor)


def stored_mtime_ns(directory: str | os.PathLike[str]) -> int:
    """When the file that frames are appended to was last written to; 0 where there is none."""
    try:
        return os.stat(os.path.join(directory, FRAMES_TAR), follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0
