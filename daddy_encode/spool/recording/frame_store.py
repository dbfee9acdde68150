"""Where the frames of a recording go: a file each, or one archive that they are appended to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, get_args

from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.frames import frame_name, frame_path
from daddy_encode.spool.stored.names import FRAMES_TAR

Container = Literal["png", "tar"]
"""`png`: a file for each frame; `tar`: all in one `frames.tar`."""

CONTAINERS: tuple[Container, ...] = get_args(Container)


class FrameStore(Protocol):
    """Takes the frames of one recording."""

    def add(self, index: int, png: bytes) -> None:
        """Store frame `index`. After an error nothing of it is there.

        Raises SpoolError where the disk budget forbids it, OSError where the disk does.
        """
        ...

    def finish(self) -> None:
        """There are no more. Raises OSError where some were not stored after all."""
        ...


def frame_store(container: Container, directory: Path, min_free: int | None, *, keep_open: bool = True) -> FrameStore:
    """A store of that kind.

    Args:
        container: What holds the frames.
        directory: The recording's.
        min_free: As for DiskBudget.
        keep_open: Whether an archive stays open between frames: to open it takes calls on a network file system.
            Default: yes.
    """
    budget = DiskBudget(directory, min_free)
    if container == "png":
        return LooseStore(directory, budget)
    # Loaded where it is wanted.
    from daddy_encode.spool.recording.tar_store import TarStore

    return TarStore(directory, budget, keep_open=keep_open)


def stored_path(container: Container, directory: Path | str, index: int) -> str:
    """The path of a frame, for messages; of one in an archive, with that as if it were a directory."""
    return frame_path(f"{directory}{os.sep}{FRAMES_TAR}" if container == "tar" else directory, index)


def files_of(container: Container, indices: Iterable[int]) -> Iterable[str]:
    """The names of the files that hold these frames."""
    return [FRAMES_TAR] if container == "tar" else map(frame_name, indices)


class LooseStore:
    """A file for each frame; any thread may add one."""

    def __init__(self, directory: Path, budget: DiskBudget) -> None:
        self._directory = str(directory)
        self._budget = budget

    def add(self, index: int, png: bytes) -> None:
        """See FrameStore."""
        self._budget.write(frame_path(self._directory, index), png)

    def finish(self) -> None:
        """See FrameStore."""
