"""The source of a job's frames, loose, in an archive or packed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import Look, Size
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.option_values import DEFAULT_STALL_SECONDS

if TYPE_CHECKING:
    from daddy_encode.encoding.stored.source import PackedSource

    JobSource = DirectorySource | PackedSource


def job_source(
    directory: JobDirectory,
    names: Sequence[str],
    promised: Size | None = None,
    look: Look | None = None,
    on_frame: Callable[[], None] = lambda: None,
    check_stop: Callable[[], None] = lambda: None,
    stall_seconds: float = DEFAULT_STALL_SECONDS,
) -> JobSource:
    """The frames of a directory that was listed; arguments and errors are those of DirectorySource and PackedSource."""
    if directory.packed is None:
        return DirectorySource(directory, names, promised, look, on_frame, check_stop)
    # Loaded where there is one: most jobs have none.
    from daddy_encode.encoding.stored.source import PackedSource

    return PackedSource(directory.packed, names, promised, look, on_frame, check_stop, stall_seconds)
