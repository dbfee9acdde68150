"""`annotations.jsonl`: line n says what the rollout said about frame n; not there until a frame has annotations."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.dump.files.directory import ANNOTATIONS_NAME
from daddy_encode.spool.publish import reported

# Lines wait for this many bytes: one write for hundreds of frames.
_BLOCK_BYTES = 64 * 1024


class Annotations:
    """The annotations of one directory. Whatever fails, the file holds whole lines only."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ANNOTATIONS_NAME
        # Lines that wait, and how many frames without annotations came before the first that has some.
        self._pending = bytearray()
        self._bare = 0
        self._made = False

    def add(self, line: bytes) -> None:
        """The next frame is on disk; `line`: its annotations as a JSON object, or nothing.

        Raises SpoolError as `flush` does, where there is enough for one write.
        """
        if line or self._made or self._pending:
            self._pending += b"{}\n" * self._bare + (line or b"{}") + b"\n"
            self._bare = 0
        else:
            self._bare += 1
        if len(self._pending) >= _BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises SpoolError where that fails; the file then ends where it did before."""
        if not self._pending:
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


def keep_whole_lines(directory: Path) -> None:
    """Cut off a line that a killed writer has left unfinished. Raises SpoolError where the file cannot be cut."""
    path = directory / ANNOTATIONS_NAME
    if path.exists():
        with reported(path, "write"):
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
