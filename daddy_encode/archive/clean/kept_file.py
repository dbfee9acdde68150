"""Frames that are kept when the others are deleted: in one tar, whose name is no frames' file, so that it is no job."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from daddy_encode.archive.clean.outcome import KeptError
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import DaddyEncodeError, FrameError
from daddy_encode.spool.paths import JobPaths, sequence_name
from daddy_encode.spool.publish import publish, reported, temp_file
from daddy_encode.spool.stored.names import KEPT_TAR
from daddy_encode.spool.stored.tar import END_BYTES, entry


def kept_name(pattern: str | None) -> str:
    """The file's name in the job's directory; `pattern`: of the job's sequence, where it is one of several."""
    return KEPT_TAR if pattern is None else f"kept.{sequence_name(pattern)}.tar"


def check_kept(paths: JobPaths, directory: JobDirectory, names: Sequence[str]) -> None:
    """Raise KeptError where the job's file of kept frames is there, and holds anything else than these frames.

    Those are an earlier recording's, as a rule, of which nothing else is left. A killed cleaner leaves just these.
    """
    name = kept_name(paths.pattern)
    with contextlib.suppress(FrameError):
        if directory.status(name) is None:
            return
        with directory.opened(name) as stream:
            if all(stream.read(len(part)) == part for part in _parts(paths, directory, names)) and not stream.read(1):
                return
    raise KeptError(
        f"{paths.job}: kept: {name} in it holds other frames than would be kept now, such as an earlier recording's, "
        "or cannot be read; move it elsewhere, or remove it"
    )


def write_kept(paths: JobPaths, directory: JobDirectory, names: Sequence[str], owner: str) -> None:
    """Write frames to the job's file of kept ones, flushed.

    Args:
        paths: The job's names.
        directory: Its directory.
        names: Of the frames.
        owner: As in `temp_file`.

    Raises:
        KeptError: That file is there, with other frames.
        DaddyEncodeError: A frame cannot be read, has a name that no tar takes, or the file cannot be written.
    """
    check_kept(paths, directory, names)
    path = paths.directory / kept_name(paths.pattern)
    with temp_file(paths.directory, owner, os.fstat(directory.descriptor)) as temp:
        with temp.writing() as stream:
            for part in _parts(paths, directory, names):
                with reported(path, "write"):
                    stream.write(part)
            with reported(path, "write"):
                stream.flush()
        publish(temp, path)


def _parts(paths: JobPaths, directory: JobDirectory, names: Sequence[str]) -> Iterator[bytes]:
    for name in names:
        if not name.isascii() or len(name) > 100:
            raise DaddyEncodeError(f"{paths.directory / name}: its name does not fit into {kept_name(paths.pattern)}")
        status = directory.status(name)
        _, data = directory.read(name)
        yield entry(name, data, int(status.st_mtime) if status is not None else 0)
    yield bytes(END_BYTES)
