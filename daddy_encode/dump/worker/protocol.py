"""How the two ends of a recording meet: `client` in the rollout, `server` in its worker process.

The client copies each frame into a slot of shared memory (`memory`) and sends a message (`channel`). The server marks
the slot free when the frame is on disk, and says in the same memory how far it is and what has failed: to look there
costs the rollout nothing, to receive messages would. The socket keeps the messages' borders and order, and tells each
process of the other one's death after everything that was sent before. A recording takes no descriptor.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import msgspec

from daddy_encode.errors import one_line
from daddy_encode.spool.manifest import Manifest, Video
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.recording.frame_store import Container, stored_path

# The worker process's first word to the rollout. Further ones are the numbers of recordings that it cannot serve.
READY = b"ready"
# Kept from the worker process: a terminal's Ctrl-C and Slurm's signals (TERM, USR1, whatever `--signal` says) go to all
# processes, and the rollout decides what they mean. What is left are those that report a fault of the process itself.
_FAULTS = ("SEGV", "BUS", "FPE", "ILL", "ABRT", "TRAP", "SYS", "KILL", "STOP", "CONT", "CHLD")
SIGNALS = signal.valid_signals() - {getattr(signal, f"SIG{name}") for name in _FAULTS}

_ERROR_LENGTH = 2000  # for a line in a log


class Layout(msgspec.Struct, frozen=True):
    """A frame's `shape`, (H, W) or (H, W, C), and its `axes` in memory, slowest first."""

    shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()

    @classmethod
    def of(cls, frame: Pixels) -> Layout:
        """Of a frame as it is: renderers hand out transposed views, and laid out alike, a copy is one sweep."""
        return cls(frame.shape, tuple(sorted(range(frame.ndim), key=lambda axis: -abs(frame.strides[axis]))))


class Recording(msgspec.Struct):
    """A recording; what is not explained here is as a manifest and DiskBudget have it.

    `path`: of the directory, absolute, bytes, for a name need not be UTF-8; `workers`: how many threads work for it;
    `layout`: of the first frame; `height` and `width`: of the largest frame that `grow` was told of.
    """

    path: bytes
    fps: str | float | int
    video: Video | None
    meta: dict[str, Any]
    workers: int
    min_free: int | None
    container: Container = "png"
    made_directory: bool = False
    layout: Layout = Layout()
    height: int = 0
    width: int = 0
    sizes_vary: bool = False

    @property
    def directory(self) -> Path:
        """The directory."""
        return Path(os.fsdecode(self.path))

    def path_of(self, index: int) -> str:
        """The path of a frame, for messages."""
        return stored_path(self.container, self.directory, index)

    def grow(self, layout: Layout) -> None:
        """There are frames of this layout, too."""
        height, width = layout.shape[:2]
        self.sizes_vary = self.sizes_vary or (self.height > 0 and (height, width) != (self.height, self.width))
        self.height, self.width = max(self.height, height), max(self.width, width)

    def manifest(self, frames: int, error: str | None, meta: dict[str, Any]) -> Manifest:
        """The manifest: of so many frames without a gap, complete unless there is an error."""
        height, width = (self.height, self.width) if frames else (0, 0)
        text = None if error is None else one_line(error[:_ERROR_LENGTH])
        return Manifest(
            frames=frames,
            width=width,
            height=height,
            fps=self.fps,
            video=self.video,
            complete=text is None,
            error=text,
            meta=meta,
            sizes_vary=self.sizes_vary or msgspec.UNSET,
        )


class End(msgspec.Struct):
    """A recording is over: why early (None: it is complete), and the manifest's `meta`."""

    error: str | None
    meta: dict[str, Any]
