"""`annotations.jsonl`: line n says what the rollout said about frame n."""

from __future__ import annotations

from pathlib import Path

from daddy_encode.dump.directory import ANNOTATIONS_NAME
from daddy_encode.spool.publish import reported

# Lines wait for this many bytes: one write for hundreds of frames.
_BLOCK = 64 * 1024


class Annotations:
    """The annotations of one directory: one JSON object on a line per frame, `{}` where a frame has none.

    There is no file until a frame has some. Whatever fails, the file holds whole lines only, for frames that are there.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / ANNOTATIONS_NAME
        self._pending = bytearray()
        self._bare = 0
        self._any = False
        self._made = False

    @property
    def due(self) -> bool:
        """Whether so much waits that it should be written now."""
        return len(self._pending) >= _BLOCK

    def add(self, line: bytes) -> None:
        """The next frame's JSON object, without a newline; empty for a frame without annotations."""
        self._any = self._any or bool(line)
        if self._any:
            self._pending += b"{}\n" * self._bare + (line or b"{}") + b"\n"
            self._bare = 0
        else:
            self._bare += 1

    def flush(self) -> None:
        """Write what waits; another thread may go on to `add`.

        Raises SpoolError where that fails; the file then ends where it did before.
        """
        if not self._pending:
            return
        # One step, so that no line is added in between.
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

    def remove(self) -> None:
        """Remove the file, where this object made it."""
        if self._made:
            self._path.unlink(missing_ok=True)
