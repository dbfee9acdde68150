"""What comes in parts of any size, cut into pieces of one length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from daddy_encode.spool.png.pixels import Pixels


class Cutter:
    """Hands on each piece once it is whole."""

    def __init__(self, length: int, take_piece: Callable[[Pixels], None]) -> None:
        """`take_piece` is called with `length` bytes, (length,), which the next piece overwrites."""
        self._buffer = np.empty(length, np.uint8)
        self._filled = 0
        self._take_piece = take_piece

    def take(self, data: bytes) -> None:
        """Take the next part. Raises whatever `take_piece` raises."""
        rest = np.frombuffer(data, np.uint8)
        while rest.size:
            part = rest[: self._buffer.size - self._filled]
            self._buffer[self._filled : self._filled + part.size] = part
            self._filled += part.size
            rest = rest[part.size :]
            if self._filled == self._buffer.size:
                self._filled = 0
                self._take_piece(self._buffer)
