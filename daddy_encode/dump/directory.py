"""A directory for frames: refuse what would mix two dumps, make each file new."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from daddy_encode.errors import SpoolError
from daddy_encode.spool.frames import is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.publish import reported
from daddy_encode.spool.rollout import ROLLOUT_NAME

ANNOTATIONS_NAME = "annotations.jsonl"


def old_dump(directory: Path) -> list[str]:
    """Names in `directory` that belong to a dump, the manifest first; none where there is no such directory.

    Raises SpoolError where the directory cannot be listed.
    """
    with reported(directory, "list"):
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return []
    special = [name for name in (MANIFEST_NAME, ANNOTATIONS_NAME, ROLLOUT_NAME) if name in names]
    return special + sorted(name for name in names if is_frame_name(name))


def refuse_old_dump(directory: Path) -> None:
    """Raise SpoolError where `directory` already holds what belongs to a dump."""
    if old := old_dump(directory):
        more = f" and {len(old) - 1} more" if len(old) > 1 else ""
        raise SpoolError(f"{directory}: already holds {old[0]}{more}; choose another directory, or overwrite=True")


def prepare_directory(directory: Path, *, overwrite: bool) -> bool:
    """Make `directory`, ready for frames; return whether it was not there before.

    Raises SpoolError where it holds a dump and `overwrite` is false. With `overwrite` exactly the dump's files are
    removed, the manifest first: at no time does a manifest stand beside frames that it does not describe.
    """
    with reported(directory, "make"):
        try:
            os.makedirs(directory)
            return True
        except FileExistsError:
            if not directory.is_dir():
                raise
    if not overwrite:
        refuse_old_dump(directory)
    with reported(directory, "remove old frames from"):
        for name in old_dump(directory):
            os.unlink(directory / name)
    return False


def write_new(path: str, data: bytes) -> None:
    """Write `data` to `path`, a file that is not there yet. After an OSError there is none either."""
    # O_EXCL: never over another dump's frame, never through a planted link.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, memoryview(data)[written:])
        finally:
            # A network file system says here that the disk or quota is full.
            os.close(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
