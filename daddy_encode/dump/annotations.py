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
        self._made = False

    def add(self, line: bytes) -> None:
        """The next frame's JSON object, without a newline; empty for a frame without annotations.

        Raises SpoolError as `flush` does, once in a while.
        """
        if not line and not self._pending and not self._made:
            self._bare += 1
            return
        self._pending += b"{}\n" * self._bare + (line or b"{}") + b"\n"
        self._bare = 0
        if len(self._pending) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises SpoolError where that fails; the file then ends where it did before."""
        if not self._pending:
            return
        with reported(self._path, "write"), open(self._path, "ab" if self._made else "xb", buffering=0) as stream:
            self._made = True
            end = stream.tell()
            try:
                remaining = memoryview(bytes(self._pending))
                while remaining:
                    remaining = remaining[stream.write(remaining) :]
            except OSError:
                stream.truncate(end)
                raise
        self._pending.clear()

    def remove(self) -> None:
        """Remove the file, where this object made it."""
        if self._made:
            self._path.unlink(missing_ok=True)
