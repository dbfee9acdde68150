"""What of a recording is on disk: an unbroken row of frames from 0, and their annotations."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from daddy_encode.dump.annotations import Annotations
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME
from daddy_encode.spool.slurm_process import ROLLOUT_NAME


class Row:
    """Told of each frame that is written, in any order; keeps the annotations in the frames' order.

    `frames`: how many are on disk in an unbroken row from 0. `error`: the first failure, named after its frame.
    """

    def __init__(self, directory: Path) -> None:
        self.frames = 0
        self.error: DaddyEncodeError | None = None
        self.annotations = Annotations(directory)
        self._directory = directory
        # Frames that were ready before an earlier one: their annotations wait for their turn.
        self._early: dict[int, bytes] = {}

    def add(self, index: int, line: bytes) -> None:
        """Frame `index` is on disk; `line`: its annotations, as `Annotations.add` takes them."""
        self._early[index] = line
        while self.frames in self._early:
            self.annotations.add(self._early.pop(self.frames))
            self.frames += 1

    def fail(self, error: DaddyEncodeError) -> None:
        self.error = self.error or error

    def lose(self, indices: Iterable[int]) -> None:
        """These were being written when their writer died: what is there of them is no frame."""
        self._early.update(dict.fromkeys(indices, b""))

    def remove(self, *, from_row: bool = True) -> None:
        """Once all has ended: remove the frames that a failure left after a gap, which a reader would take for damage.

        from_row: also those in the row, the annotations, the manifest and the rollout's record.
        """
        names = [frame_name(index) for index in self._early]
        if from_row:
            self.annotations.remove()
            names += [MANIFEST_NAME, ROLLOUT_NAME, *map(frame_name, range(self.frames))]
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(self._directory / name)
