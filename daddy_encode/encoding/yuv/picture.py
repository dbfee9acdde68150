"""A picture in yuv420p that is kept from frame to frame, of which only what has changed is converted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from daddy_encode.encoding.png.rows import together
from daddy_encode.encoding.yuv.convert import to_yuv
from daddy_encode.encoding.yuv.worth import BLOCK
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    import numpy.typing as npt

# Blocks that are converted together: what they need stays in the processor's cache.
_TOGETHER = 512
# Compared together: eight times as fast as bytes.
_WORD = 8


class YuvPicture:
    """One picture: filled, then converted, again and again."""

    def __init__(self, width: int, height: int) -> None:
        """Take memory for a picture of `width` x `height` pixels, both even, at least BLOCK and 4."""
        self._size = width, height
        self._across = -(-width // BLOCK)
        count = self._across * (height // 2)
        # The frame as it was given: rows, each with a byte before its pixels, or pixels alone. And a word of zeros.
        self._given = np.zeros(height * (1 + 3 * width) + _WORD, np.uint8)
        self._is_new = True
        self._differing: list[npt.NDArray[np.intp]] = []
        # Of a row below the last one too, where a word may end.
        self._changed = np.zeros(count + self._across, np.bool_)
        self._above, column = np.divmod(np.arange(count), self._across)
        # The last block of a row may overlap the one before.
        self._left = np.minimum(column * BLOCK, width - BLOCK)
        self._luma_at = self._above * 2 * width + self._left
        self._chroma_at = self._above * (width // 2) + self._left // 2
        self._yuv = np.empty(width * height * 3 // 2, np.uint8)
        luma, cb, cr = np.split(self._yuv, [width * height, width * height * 5 // 4])
        # Every place where a block may begin.
        self._luma = _windows(luma, (2, BLOCK), (width, 1))
        self._chroma = [_windows(plane, (BLOCK // 2,), (1,)) for plane in (cb, cr)]
        self._lay_out(1)

    @property
    def has_filters(self) -> bool:
        """Whether frames come by `fill_pixels`."""
        return self._lead == 0

    def fill(self, pieces: Iterable[bytes]) -> bool:
        """Take the next frame's rows, each with the byte of its filter, in pieces of any length.

        Returns:
            Whether no row has a filter; else this frame, and all after it, are to come by `fill_pixels`.
        """
        at = 0
        for piece in pieces:
            self._take(at, piece)
            at += len(piece)
        return not self._given[: at : self._stride].any()

    def fill_pixels(self, rgb: bytes | memoryview) -> None:
        """Take the next frame's pixels, row by row."""
        if self._lead:
            self._lay_out(0)
        self._take(0, rgb)

    def convert(self) -> memoryview:
        """The frame that was taken last as yuv420p, plane by plane; it lasts until the next call."""
        blocks = np.arange(len(self._from)) if self._is_new else self._changed_blocks()
        self._is_new = False
        self._differing = []
        given = _windows(self._given, (2, 3 * BLOCK), (self._stride, 1))
        for at in range(0, len(blocks), _TOGETHER):
            part = blocks[at : at + _TOGETHER]
            luma, *chroma = to_yuv(given[self._from[part]])
            self._luma[self._luma_at[part]] = luma
            for plane, samples in zip(self._chroma, chroma, strict=True):
                plane[self._chroma_at[part]] = samples
        return self._yuv.data

    def _lay_out(self, lead: int) -> None:
        """Begin with rows that have so many bytes before their pixels."""
        self._lead = lead
        self._stride = lead + 3 * self._size[0]
        self._from = self._above * 2 * self._stride + lead + 3 * self._left
        # What is there says nothing of what comes.
        self._is_new = True

    def _take(self, at: int, data: bytes | memoryview) -> None:
        """Take a part of the frame, and keep where it differs."""
        new = np.frombuffer(data, np.uint8)
        old = self._given[at : at + len(new)]
        first = min(-at % _WORD, len(new))
        last = len(new) - (len(new) - first) % _WORD
        words, old_words = (part[first:last].view(np.uint64) for part in (new, old))
        differing = (words != old_words).nonzero()[0]
        if len(differing):
            old_words[differing] = words[differing]
            self._differing.append(differing * _WORD + (at + first))
        for begin, end in ((0, first), (last, len(new))):
            if not np.array_equal(old[begin:end], new[begin:end]):
                old[begin:end] = new[begin:end]
                self._differing.append(np.array([at + begin]))

    def _changed_blocks(self) -> npt.NDArray[np.intp]:
        if not self._differing:
            return np.empty(0, np.intp)
        self._changed[:] = False
        for blocks in self._blocks_of(np.concatenate(self._differing)):
            self._changed[blocks] = True
        return self._changed[: len(self._from)].nonzero()[0]

    def _blocks_of(self, words: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
        """The blocks of words that begin at these bytes, which are at most three of each.

        The last block of a row may be of two pixels, six bytes between its neighbours'.
        """
        for byte in (0, 4, _WORD - 1):
            at = words + byte
            # Several times as fast as divmod.
            row = at // self._stride
            column = at - row * self._stride
            # A byte before a row counts as its first pixel's.
            across = np.maximum(column - self._lead, 0) // (3 * BLOCK)
            yield (row >> 1) * self._across + across

    def convert_all(self, frames: Iterable[bytes | memoryview], count: int) -> Iterator[memoryview]:
        """As `fill_pixels` and `convert` of all frames, `count` at a time."""
        self._lay_out(0)
        width, height = self._size
        length = 3 * width * height
        # The frame before, then those to convert.
        given = np.zeros((1 + count, -(-length // _WORD) * _WORD), np.uint8)
        taken = 0
        for frame in frames:
            taken += 1
            given[taken, :length] = np.frombuffer(frame, np.uint8)
            if taken == count:
                yield from self._convert_batch(given)
                given[0] = given[taken]
                taken = 0
        if taken:
            yield from self._convert_batch(given[: 1 + taken])

    def _convert_batch(self, given: Pixels) -> Iterator[memoryview]:
        words = given.view(np.uint64)
        # In one row, which numpy goes through several times as fast.
        differing = (words[1:] != words[:-1]).reshape(-1).nonzero()[0]
        frame, word = np.divmod(differing, words.shape[1])
        changed = np.zeros((len(given) - 1, len(self._changed)), np.bool_)
        for blocks in self._blocks_of(word * _WORD):
            changed[frame, blocks] = True
        if self._is_new:
            changed[0] = True
            self._is_new = False
        frame, block = changed[:, : len(self._from)].nonzero()
        if not len(block):
            # They stand still.
            yield from [self._yuv.data] * len(changed)
            return
        windows = _windows(given.reshape(-1), (2, 3 * BLOCK), (self._stride, 1))
        luma, *chroma = to_yuv(windows[(frame + 1) * given.shape[1] + self._from[block]])
        begin = 0
        for end in np.searchsorted(frame, np.arange(1, len(given))).tolist():
            own = slice(begin, end)
            self._luma[self._luma_at[block[own]]] = luma[own]
            at = self._chroma_at[block[own]]
            for plane, samples in zip(self._chroma, chroma, strict=True):
                plane[at] = samples[own]
            yield self._yuv.data
            begin = end


def converted(frames: Iterable[bytes | memoryview], width: int, height: int) -> Iterator[memoryview]:
    """Frames of rgb24, row by row, as yuv420p, plane by plane; each lasts until the next one is asked for."""
    picture = YuvPicture(width, height)
    if together(width, height) > 1:
        yield from picture.convert_all(frames, together(width, height))
        return
    for frame in frames:
        picture.fill_pixels(frame)
        yield picture.convert()


def _windows(plane: Pixels, shape: tuple[int, ...], strides: tuple[int, ...]) -> Pixels:
    """A view of `plane` from every place on where there is room for `shape`."""
    length = 1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
    return as_strided(plane, (len(plane) - length + 1, *shape), (1, *strides))
