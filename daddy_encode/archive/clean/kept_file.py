"""Frames that are kept when the others are deleted: in one tar, whose name is no frames' file, so that it is no job."""

from __future__ import annotations

import os
from collections.abc import Sequence

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths, sequence_name
from daddy_encode.spool.publish import publish, reported, temp_file
from daddy_encode.spool.stored.names import KEPT_TAR
from daddy_encode.spool.stored.tar import END_BYTES, entry


def kept_name(pattern: str | None) -> str:
    """The file's name in the job's directory; `pattern`: of the job's sequence, where it is one of several."""
    return KEPT_TAR if pattern is None else f"kept.{sequence_name(pattern)}.tar"


def write_kept(paths: JobPaths, directory: JobDirectory, names: Sequence[str], owner: str) -> None:
    """Write frames to the job's file of kept ones, flushed; one that is there is replaced.

    Args:
        paths: The job's names.
        directory: Its directory.
        names: Of the frames.
        owner: As in `temp_file`.

    Raises:
        DaddyEncodeError: A frame cannot be read, has a name that no tar takes, or the file cannot be written.
    """
    path = paths.directory / kept_name(paths.pattern)
    with temp_file(paths.directory, owner, os.fstat(directory.descriptor)) as temp:
        with temp.writing() as stream:
            for name in names:
                if not name.isascii() or len(name) > 100:
                    raise DaddyEncodeError(f"{paths.directory / name}: its name does not fit into {path.name}")
                status = directory.status(name)
                _, data = directory.read(name)
                with reported(path, "write"):
                    stream.write(entry(name, data, int(status.st_mtime) if status is not None else 0))
            with reported(path, "write"):
                stream.write(bytes(END_BYTES))
                stream.flush()
        publish(temp, path)
