"""What of a recording counts: the frames on disk without a gap from frame 0, and `annotations.jsonl`.

Line n of that is about frame n; it is not there until a frame has annotations, and it always has whole lines only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from daddy_encode.dump.files.directory import ANNOTATIONS_NAME
from daddy_encode.spool.publish import reported

# Lines wait for this many bytes: one write for hundreds of frames.
_BLOCK_BYTES = 64 * 1024


class ContiguousPrefix:
    """Learns of each frame that was written, in any order; `frames` of them have no gap, and their annotations."""

    def __init__(self, directory: Path) -> None:
        self.frames = 0
        self._early: dict[int, bytes] = {}
        self._path = directory / ANNOTATIONS_NAME
        # Lines that wait, and how many frames without annotations came before the first that has some.
        self._pending = bytearray()
        self._bare = 0
        self._made = False

    def add(self, index: int, line: bytes) -> None:
        """Frame `index` is on disk; `line`: its annotations as a JSON object, or nothing."""
        self._early[index] = line
        while self.frames in self._early:
            self._add_line(self._early.pop(self.frames))
            self.frames += 1

    @property
    def beyond(self) -> Iterable[int]:
        """The frames on disk after the first gap, which a reader would take for damage."""
        return self._early.keys()

    def flush(self, *, block: bool = False) -> None:
        """Write the lines that wait; with `block`, only where there is enough for one write.

        Raises SpoolError where that fails; the file then ends where it did before.
        """
        if len(self._pending) < (_BLOCK_BYTES if block else 1):
            return
        lines, self._pending = self._pending, bytearray()
        with reported(self._path, "write"), open(self._path, "ab" if self._made else "xb", buffering=0) as stream:
            self._made = True
            end = stream.tell()
            try:
                remaining = memoryview(lines)
                while remaining:
                    remaining = remaining[stream.write(remaining) :]
            except OSError:
                stream.truncate(end)
                raise

    def _add_line(self, line: bytes) -> None:
        if line or self._made or self._pending:
            self._pending += b"{}\n" * self._bare + (line or b"{}") + b"\n"
            self._bare = 0
        else:
            self._bare += 1


def keep_whole_lines(directory: Path) -> None:
    """Cut off a line that a killed writer has left unfinished. Raises SpoolError where the file cannot be cut."""
    path = directory / ANNOTATIONS_NAME
    if path.exists():
        with reported(path, "write"):
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
