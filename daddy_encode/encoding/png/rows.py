"""The pixels of one PNG after another, and which of their rows have changed: filters are undone where they have.

From frame to frame most of a rollout stays as it is, and so do its filtered rows: of 720p MuJoCo two thirds, of
CartPole three quarters, whoever wrote the files. A filtered row that is the same gives the same pixels, unless its
filter looks at the row above and that one has changed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from daddy_encode.encoding.png.inflate import inflate_into
from daddy_encode.encoding.png.parse import Header, Png
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.spool.png.format import NONE, SAMPLES, SUB, UP
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    import numpy.typing as npt

# Where rows above have changed, so many unchanged ones that depend on them are undone at once, until one comes out as
# it was.
_DEPENDENT_ROWS = 16


class PixelRows:
    """The pixels of PNGs of one size and kind."""

    def __init__(self, header: Header) -> None:
        """Take memory for pictures of that header, which is 8-bit RGB or RGBA, not interlaced."""
        self._header = header
        (self._height, self._stride), *_ = header.passes
        self._samples = SAMPLES[header.colour]
        # Whole words, which are compared eight times as fast as bytes.
        length = -(-header.image_bytes // 8) * 8
        self._data, self._data_before = np.zeros(length, np.uint8), np.zeros(length, np.uint8)
        self._pixels = np.zeros((self._height, self._stride - 1), np.uint8)
        self._is_first = True

    def of(self, png: Png) -> tuple[Pixels, npt.NDArray[np.bool_]]:
        """The pixels of a PNG, and which rows differ from those of the one before.

        Args:
            png: Of the header given.

        Returns:
            Its pixels, uint8 (H, W, 3) or (H, W, 4), contiguous; they last until the next call and are not to be
            written to. And for each row, bool (H,), whether it is another one than in the last call's picture; of the
            first picture all are.

        Raises:
            PngFault: Its image data is not exactly what it should be; the picture before stays what it was.
        """
        inflate_into(png, self._data.data)
        changed = np.zeros(self._height, bool)
        if self._is_first:
            self._undo(0, self._height)
            changed[:] = True
            self._is_first = False
        else:
            self._undo_changed(changed)
        self._data, self._data_before = self._data_before, self._data
        return self._pixels.reshape(self._height, -1, self._samples), changed

    def _rows(self) -> Pixels:
        return self._data[: self._header.image_bytes].reshape(self._height, self._stride)

    def _undo_changed(self, changed: npt.NDArray[np.bool_]) -> None:
        """Make the picture before this one, and set which rows have `changed`."""
        filters = self._rows()[:, 0].tolist()
        height = self._height
        done = 0
        for begin, end in self._differing():
            # Those before may have gone on into this block.
            begin = max(begin, done)
            while begin < end:
                block = changed[begin:end]
                above = self._pixels[begin:end].copy()
                self._undo(begin, end)
                np.any(self._pixels[begin:end] != above, axis=1, out=block)
                done = begin = end
                if block[-1] and end < height and filters[end] >= UP:
                    end = min(end + _DEPENDENT_ROWS, height)

    def _differing(self) -> list[tuple[int, int]]:
        """The blocks of rows, first and behind the last, whose data are not those of the picture before."""
        words = np.flatnonzero(self._data.view(np.uint64) != self._data_before.view(np.uint64))
        if not len(words):
            return []
        differs = np.zeros(self._height + 2, bool)
        # A word may lie in two rows, in three where a row has five bytes; the last word may end behind them.
        for byte in (0, 4, 7):
            differs[(words * 8 + byte) // self._stride] = True
        edges = np.flatnonzero(np.diff(differs[: self._height].astype(np.int8), prepend=0, append=0))
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def _undo(self, begin: int, end: int) -> None:
        """Undo the filters of some rows, those above being done."""
        rows, pixels = self._rows(), self._pixels
        filters = rows[begin:end, 0]
        kinds = set(filters.tolist())
        if not kinds <= {NONE, SUB, UP}:
            self._undo_by_pillow(begin, end)
            return
        pixels[begin:end] = rows[begin:end, 1:]
        # Sums of bytes wrap around, as the filters do; beyond the edges are zeros.
        if SUB in kinds:
            of_sub = begin + np.flatnonzero(filters == SUB)
            samples = pixels[of_sub].reshape(len(of_sub), -1, self._samples)
            pixels[of_sub] = np.add.accumulate(samples, axis=1, dtype=np.uint8).reshape(len(of_sub), -1)
        if UP in kinds:
            # Row by row: six times as fast as numpy's own accumulate along this axis.
            for row in (begin + np.flatnonzero(filters == UP)).tolist():
                if row:
                    pixels[row] += pixels[row - 1]

    def _undo_by_pillow(self, begin: int, end: int) -> None:
        """As `_undo`, for any filters: as a PNG of these rows below the one above, without a filter."""
        from PIL import Image

        rows = self._rows()[begin:end]
        pieces: list[bytes | memoryview] = [rows.data.cast("B")]
        if begin:
            pieces.insert(0, b"\0" + self._pixels[begin - 1].tobytes())
        height = end - begin + len(pieces) - 1
        header = Header(self._header.width, height, colour=self._header.colour)
        file = io.BytesIO(StoredPng(header).fill(pieces))
        with Image.open(file, formats=("PNG",)) as image:
            undone = np.asarray(image)
        self._pixels[begin:end] = undone[begin - end :].reshape(end - begin, -1)
