"""The pixels of PNGs of one size, one after another: filters are undone where something has changed.

From frame to frame most of a rollout stays as it is. Where a frame's filtered bytes are those that the picture before
has with the same filters, its pixels are that picture's, unless its filter looks at pixels that have changed. So what
differs is undone in a rectangle around it, by Pillow, and where the last row or column of that comes out other than it
was, it goes on below or to the right. Some small frames are undone together, since each call of numpy or Pillow takes
as long as some thousand bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from daddy_encode.encoding.png.filters import filtered
from daddy_encode.encoding.png.inflate import inflate_into
from daddy_encode.encoding.png.parse import Header, Png
from daddy_encode.encoding.png.pixel_rows import undo_filters
from daddy_encode.spool.png.format import AVERAGE, NONE, SAMPLES, SUB, UP
from daddy_encode.spool.png.pixels import Pixels

# Compared together: several times as fast as bytes.
_WORD = 8
# Rows that change are undone together with so many others in between; and so many more are where rows depend on them.
_NEAR_ROWS = 16
# What is undone, or filtered, at once: below what malloc gives back to the system at once (128 KiB), which takes as
# long again. To filter takes up to twenty times as much memory.
_BAND_BYTES = 100_000
# Of small frames so many bytes are worked on at a time.
_BATCH_BYTES = 2**20


def together(width: int, height: int) -> int:
    """How many frames of `width` x `height` pixels are worked on at a time; 1 or fewer: each by itself."""
    return _BATCH_BYTES // (3 * width * height)


class PixelRows:
    """The pixels of PNGs of one size and kind."""

    def __init__(self, header: Header, together: int = 1) -> None:
        """Take memory for pictures of that header, which is 8-bit RGB or RGBA, not interlaced.

        `together`: how many frames `undone` takes at a time. Default: each by itself.
        """
        self._length = header.image_bytes
        (self._height, self._stride), *_ = header.passes
        self._samples = SAMPLES[header.colour]
        self._width = header.width
        # Where each row begins, and the first and the last word that lies in it.
        self._starts = np.arange(self._height) * self._stride
        self._first_words = self._starts // _WORD
        self._last_words = (self._starts + self._stride - 1) // _WORD
        # Whole words, which are compared several times as fast as bytes.
        shape = together, -(-self._length // _WORD) * _WORD
        # What is given, and what the picture before is with the filters of that.
        self._data, self._before = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        # Below a row of zeros.
        self._pixels = np.zeros((together, 1 + self._height, self._stride - 1), np.uint8)
        # Which of them is the picture before.
        self._last = 0
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
        inflate_into(png, self._data[0].data)
        pixels: Pixels = self._undo(1)[0].reshape(self._height, self._width, self._samples)
        return pixels

    def undone(self, frames: Iterable[bytes | bytearray | memoryview]) -> Iterator[memoryview]:
        """The pixels of frames, row by row, each given as its rows with their filter bytes, as many as `together`.

        Each lasts until the next one is asked for.
        """
        taken = 0
        for frame in frames:
            self._data[taken, : self._length] = np.frombuffer(frame, np.uint8)
            taken += 1
            # Of the first frame all has to be undone: that is not to be done for others.
            if self._is_first or taken == len(self._data):
                yield from (pixels.reshape(-1).data for pixels in self._undo(taken))
                taken = 0
        yield from (pixels.reshape(-1).data for pixels in self._undo(taken))

    def _undo(self, count: int) -> Pixels:
        """The pixels of the first `count` frames of what is given, (count, H, B)."""
        if count == 0:
            return self._pixels[:0, 1:]
        data, pixels = self._data[:count], self._pixels[:count]
        if self._last or count > 1:
            pixels[:] = self._pixels[self._last].copy()
        self._last = count - 1
        rows = self._rows(data)
        kinds = rows[:, :, 0].copy()
        if self._is_first:
            self._is_first = False
            blocks = [(0, self._height, 0, self._width)]
        else:
            blocks = self._blocks(data, kinds)
        done, wide = 0, (self._width, 0)
        for index, (begin, end, first, last) in enumerate(blocks):
            if begin == done:
                # Reached from above: what has changed there may go on here.
                first, last = min(first, wide[0]), max(last, wide[1])
            limit = blocks[index + 1][0] if index + 1 < len(blocks) else self._height
            while begin < end:
                goes_on, first, last = self._undo_block(rows, kinds, pixels, (begin, end, first, last))
                depends = goes_on and end < limit and bool((kinds[:, end] >= UP).any())
                begin, end = end, min(end + _NEAR_ROWS, limit) if depends else end
            done, wide = (end, (first, last)) if goes_on else (-1, wide)
        # What comes is compared with the last of these.
        if len(self._data) == 1:
            self._data, self._before = self._before, self._data
        else:
            self._before[:] = data[-1]
        return pixels[:, 1:]

    def _rows(self, data: Pixels) -> Pixels:
        return data[:, : self._length].reshape(len(data), self._height, self._stride)

    def _blocks(self, data: Pixels, kinds: npt.NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
        """Where frames differ from the picture before: first row and behind the last, and so of their pixels."""
        before = self._before[: len(data)]
        rows = self._rows(before)
        # With other filters the same picture has other bytes.
        others = np.argwhere(rows[:, :, 0] != kinds)
        pixels = self._pixels[0]
        step = max(1, _BAND_BYTES // self._stride)
        for at in range(0, len(others), step):
            frame, row = others[at : at + step].T
            own = kinds[frame, row]
            rows[frame, row, 0] = own
            rows[frame, row, 1:] = filtered(pixels[row + 1], pixels[row], own, self._samples)
        differs = data.view(np.uint64) != before.view(np.uint64)
        (words,) = (differs.any(axis=0) if len(data) > 1 else differs[0]).nonzero()
        begin = words.searchsorted(self._first_words)
        end = words.searchsorted(self._last_words, side="right")
        (changed,) = (begin < end).nonzero()
        if not len(changed):
            return []
        starts = self._starts[changed]
        # Behind the byte of the filter; a word may begin in the row above, and end in the one below.
        first = np.maximum(words[begin[changed]] * _WORD - starts - 1, 0) // self._samples
        last = words[end[changed] - 1] * _WORD - starts + _WORD - 2
        last = np.minimum(np.maximum(last, 0) // self._samples + 1, self._width)
        edges = [0, *((changed[1:] - changed[:-1] > _NEAR_ROWS).nonzero()[0] + 1).tolist(), len(changed)]
        return [
            (int(changed[a]), int(changed[b - 1]) + 1, int(first[a:b].min()), int(last[a:b].max()))
            for a, b in itertools.pairwise(edges)
        ]

    def _undo_block(
        self, rows: Pixels, kinds: npt.NDArray[np.uint8], pixels: Pixels, block: tuple[int, int, int, int]
    ) -> tuple[bool, int, int]:
        """Undo the filters of a block, what is above and to the left being done.

        Returns:
            Whether its last row has changed, and the columns that were undone: more where the last one has.
        """
        begin, end, first, last = block
        step = max(1, _BAND_BYTES // (len(rows) * self._samples * (last - first + 1)) - 1)
        at = begin
        goes_on = False
        while at < end:
            below = min(at + step, end)
            samples = slice(first * self._samples, last * self._samples)
            old = pixels[:, at + 1 : below + 1, samples]
            new = self._undo_band(rows, kinds, pixels, (at, below, first, last))
            edge = slice(-self._samples, None)
            if last < self._width and (old[:, :, edge] != new[:, :, edge]).any():
                # Rows that are done already were right as far as they went.
                last = self._width
                continue
            goes_on = bool((old[:, -1] != new[:, -1]).any())
            old[:] = new
            at = below
        return goes_on, first, last

    def _undo_band(
        self, rows: Pixels, kinds: npt.NDArray[np.uint8], pixels: Pixels, block: tuple[int, int, int, int]
    ) -> Pixels:
        begin, end, first, last = block
        samples, count, height = self._samples, len(rows), end - begin
        given = rows[:, begin:end, 1 + first * samples : 1 + last * samples]
        kinds = kinds[:, begin:end]
        if not kinds.any():
            return given
        # Each frame's rows, with the pixel to their left, below the row above as one without a filter.
        lead = min(first, 1)
        wide = last - first + lead
        picture = np.empty((count, 1 + height, 1 + wide * samples), np.uint8)
        picture[:, 0, 0] = NONE
        picture[:, 0, 1:] = pixels[:, begin, (first - lead) * samples : last * samples]
        picture[:, 1:, 0] = kinds
        if lead:
            # What filters make of the first pixel in a row: left of it are zeros, of which Paeth's finds the one above.
            column = slice((first - 1) * samples, first * samples)
            above, kind = pixels[:, begin:end, column], kinds[:, :, np.newaxis]
            predicted = np.where(kind <= SUB, 0, np.where(kind == AVERAGE, above >> 1, above))
            picture[:, 1:, 1 : 1 + samples] = pixels[:, begin + 1 : end + 1, column] - predicted.astype(np.uint8)
        picture[:, 1:, 1 + lead * samples :] = given
        made = np.frombuffer(undo_filters(picture.reshape(-1).data, wide, samples), np.uint8)
        return made.reshape(count, 1 + height, wide * samples)[:, 1:, lead * samples :]
