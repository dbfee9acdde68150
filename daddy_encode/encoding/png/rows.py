"""The pixels of one PNG after another: filters are undone where rows have changed.

From frame to frame most of a rollout stays as it is, and so do its filtered rows: of 720p MuJoCo two thirds, of
CartPole three quarters, whoever wrote the files. A filtered row that is the same gives the same pixels, unless its
filter looks at the row above and that one has changed.
"""

from __future__ import annotations

import itertools
import zlib

import numpy as np

from daddy_encode.encoding.png.inflate import inflate_into
from daddy_encode.encoding.png.parse import Header, Png
from daddy_encode.spool.png.format import SAMPLES, SUB, UP
from daddy_encode.spool.png.pixels import Pixels

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

    def of(self, png: Png) -> Pixels:
        """The pixels of a PNG.

        Args:
            png: Of the header given.

        Returns:
            uint8 (H, W, 3) or (H, W, 4), contiguous; they last until the next call and are not to be written to.

        Raises:
            PngFault: Its image data is not exactly what it should be; the picture before stays what it was.
        """
        inflate_into(png, self._data.data)
        if self._is_first:
            self._undo(0, self._height)
            self._is_first = False
        else:
            self._undo_changed()
        self._data, self._data_before = self._data_before, self._data
        return self._pixels.reshape(self._height, -1, self._samples)

    def _rows(self) -> Pixels:
        return self._data[: self._header.image_bytes].reshape(self._height, self._stride)

    def _undo_changed(self) -> None:
        """Make this picture of the one before."""
        filters = self._rows()[:, 0].tolist()
        height = self._height
        done = 0
        for begin, end in self._differing():
            # Those before may have gone on into this block.
            begin = max(begin, done)
            while begin < end:
                last = self._pixels[end - 1].tobytes()
                self._undo(begin, end)
                done = begin = end
                if end < height and filters[end] >= UP and self._pixels[end - 1].tobytes() != last:
                    end = min(end + _DEPENDENT_ROWS, height)

    def _differing(self) -> list[tuple[int, int]]:
        """The blocks of rows, first and behind the last, whose data are not those of the picture before."""
        words = np.flatnonzero(self._data.view(np.uint64) != self._data_before.view(np.uint64))
        if not len(words):
            return []
        # From one row above the first to two below the last.
        differs = np.zeros(self._height + 3, bool)
        # A word may lie in two rows, in three where a row has five bytes; the last word may end behind them.
        for byte in (0, 7) if self._stride > 7 else (0, 4, 7):
            differs[(words * 8 + byte) // self._stride + 1] = True
        differs[self._height + 1 :] = False
        edges = np.flatnonzero(differs[1:] != differs[:-1]).tolist()
        return list(zip(edges[::2], edges[1::2], strict=True))

    def _undo(self, begin: int, end: int) -> None:
        """Undo the filters of some rows, those above being done."""
        rows, pixels = self._rows(), self._pixels
        # Sums of bytes wrap around, as the filters do; beyond the edges are zeros.
        for kind, run in itertools.groupby(rows[begin:end, 0].tolist()):
            end = begin + len(list(run))
            if kind > UP:
                self._undo_by_pillow(begin, end)
            elif kind == SUB:
                samples = rows[begin:end, 1:].reshape(end - begin, -1, self._samples)
                pixels[begin:end] = np.add.accumulate(samples, axis=1, dtype=np.uint8).reshape(end - begin, -1)
            else:
                pixels[begin:end] = rows[begin:end, 1:]
            if kind == UP:
                # Row by row: several times as fast as numpy's own accumulate along this axis.
                for above, row in itertools.pairwise(pixels[max(0, begin - 1) : end]):
                    row += above
            begin = end

    def _undo_by_pillow(self, begin: int, end: int) -> None:
        """As `_undo`, for any filters: as a picture of these rows below the one above, without a filter."""
        from PIL import Image

        rows = self._rows()[begin:end].tobytes()
        if begin:
            rows = b"".join((b"\0", self._pixels[begin - 1].tobytes(), rows))
        height = end - max(0, begin - 1)
        mode = "RGB" if self._samples == 3 else "RGBA"
        # Its decoder of image data alone: to read a PNG takes five times as long for some rows.
        image = Image.frombytes(mode, (self._header.width, height), zlib.compress(rows, 0), "zip", mode, 0)
        undone = np.frombuffer(image.tobytes(), np.uint8).reshape(height, -1)
        self._pixels[begin:end] = undone[begin - end :]
