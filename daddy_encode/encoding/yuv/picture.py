"""A picture in yuv420p that is kept from frame to frame, of which only what has changed is converted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from daddy_encode.encoding.yuv.convert import to_yuv
from daddy_encode.spool.png.pixels import Pixels

# Pixels in a row of a block, of which each has two rows: so many that a frame has few blocks, and so few that little is
# converted that has not changed.
BLOCK = 16
# Blocks that are converted together: what they need stays in the processor's cache.
_TOGETHER = 512


class YuvPicture:
    """One picture: filled, then converted, again and again.

    Attributes:
        had_filters: Whether a row of any frame so far had a filter.
    """

    def __init__(self, width: int, height: int) -> None:
        """Take memory for a picture of `width` x `height` pixels, both even, at least BLOCK and 4."""
        self._size = width, height
        self._stride = 1 + 3 * width
        self._across = -(-width // BLOCK)
        count = self._across * (height // 2)
        size = height * self._stride
        # Compared as words of 8 bytes; what is behind the last row never changes.
        self._frames = [np.zeros(-(-size // 8) * 8, np.uint8) for _ in range(2)]
        # Of a row below the last one too, where what is behind it would be.
        self._changed = np.zeros(count + self._across, np.bool_)
        above, column = np.divmod(np.arange(count), self._across)
        # The last block of a row may overlap the one before.
        left = np.minimum(column * BLOCK, width - BLOCK)
        self._from = above * 2 * self._stride + 1 + 3 * left
        self._luma_at = above * 2 * width + left
        self._chroma_at = above * (width // 2) + left // 2
        self._yuv = np.empty(width * height * 3 // 2, np.uint8)
        luma, cb, cr = np.split(self._yuv, [width * height, width * height * 5 // 4])
        # Every place where a block may begin.
        self._luma = _windows(luma, (2, BLOCK), (width, 1))
        self._chroma = [_windows(plane, (BLOCK // 2,), (1,)) for plane in (cb, cr)]
        self._is_first = True
        self.had_filters = False

    def fill(self, pieces: Iterable[bytes]) -> bool:
        """Take the next frame's rows, each with the byte of its filter, in pieces of any length.

        Returns:
            Whether no row has a filter; else the frame is still to come, by `fill_pixels`.
        """
        whole = self._rows.data.cast("B")
        at = 0
        for piece in pieces:
            whole[at : at + len(piece)] = piece
            at += len(piece)
        self.had_filters = bool(self._rows[:, 0].any())
        return not self.had_filters

    def fill_pixels(self, rgb: memoryview) -> None:
        """Take the next frame's pixels, row by row."""
        self._rows[:, 0] = 0
        self._rows[:, 1:] = np.frombuffer(rgb, np.uint8).reshape(self._size[1], -1)

    def convert(self) -> memoryview:
        """The frame that was taken last as yuv420p, plane by plane; it lasts until the next call."""
        blocks = np.arange(len(self._from)) if self._is_first else self._changed_blocks()
        self._is_first = False
        given = _windows(self._frames[0], (2, 3 * BLOCK), (self._stride, 1))
        for at in range(0, len(blocks), _TOGETHER):
            part = blocks[at : at + _TOGETHER]
            luma, *chroma = to_yuv(given[self._from[part]])
            self._luma[self._luma_at[part]] = luma
            for plane, samples in zip(self._chroma, chroma, strict=True):
                plane[self._chroma_at[part]] = samples
        self._frames.reverse()
        return self._yuv.data

    @property
    def _rows(self) -> Pixels:
        height = self._size[1]
        return self._frames[0][: height * self._stride].reshape(height, self._stride)

    def _changed_blocks(self) -> npt.NDArray[np.intp]:
        new, old = (frame.view(np.uint64) for frame in self._frames)
        words = np.flatnonzero(new != old) * 8
        self._changed[:] = False
        # A word is of at most two blocks.
        for byte in (words, words + 7):
            row, column = np.divmod(byte, self._stride)
            self._changed[(row >> 1) * self._across + np.maximum(column - 1, 0) // (3 * BLOCK)] = True
        return np.flatnonzero(self._changed[: len(self._from)])


def _windows(plane: Pixels, shape: tuple[int, ...], strides: tuple[int, ...]) -> Pixels:
    """A view of `plane` from every place on where there is room for `shape`."""
    length = 1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
    return as_strided(plane, (len(plane) - length + 1, *shape), (1, *strides))
