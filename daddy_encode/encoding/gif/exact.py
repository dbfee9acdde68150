"""The colours of a clip, collected while it goes by, until there are more than a GIF's palette holds."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

from daddy_encode.encoding.gif.writer import MAX_COLOURS, Box, GifWriter, changed_box
from daddy_encode.spool.png.pixels import Pixels

Codes = npt.NDArray[np.uint32]


class Colours:
    """The colours seen so far: in the order of the pictures they appeared in; within one, the most frequent first.

    Codes are as long as a picture's highest index needs, so frequent colours come first: 0.2 to 5 % smaller than in
    any order. Counting them over the whole clip needs a second pass and is not better (within 0.5 %).
    """

    def __init__(self) -> None:
        # As 0xRRGGBB.
        self._seen = np.empty(0, np.uint32)
        # By a colour's code, its index plus one. A page that no colour falls on takes no memory; numpy's own arrays of
        # this size come in pages of 2 MiB, and to clear one for each colour took longer than a small clip.
        table = mmap.mmap(-1, 2 * 2**24, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._index = np.frombuffer(table, np.uint16)

    def indices(self, rgb: Pixels) -> Pixels | None:
        """`rgb` (H, W, 3) as indices (H, W); None, and of no more use, where there are more than 256 colours now."""
        codes = _codes(rgb)
        found = self._index.take(codes)
        if not found.all():
            unknown = _reversed(codes[found == 0])
            # Rendered rows are runs of one colour; sorting only where they change is many times faster.
            begins = np.append(0, np.flatnonzero(unknown[1:] != unknown[:-1]) + 1)
            new, runs = np.unique(unknown[begins], return_counts=True)
            if len(self._seen) + len(new) > MAX_COLOURS:
                return None
            new = new[np.argsort(-runs, kind="stable")]
            self._index[_reversed(new)] = np.arange(len(new)) + len(self._seen) + 1
            self._seen = np.concatenate([self._seen, new])
            found = self._index.take(codes)
        return (found - np.uint16(1)).astype(np.uint8).reshape(rgb.shape[:2])

    def palette(self) -> Pixels:
        """The colours by index, (N, 3)."""
        return np.stack([self._seen >> 16, self._seen >> 8 & 0xFF, self._seen & 0xFF], axis=1).astype(np.uint8)


class ExactGif:
    """A GIF in its clip's own colours, every pixel as in the source, written as the pictures come."""

    def __init__(self, writer: GifWriter) -> None:
        self._writer = writer
        self._colours = Colours()
        self._rgb: Pixels | None = None
        self._indices: Pixels | None = None

    def add(self, rgb: Pixels) -> bool:
        """Add a picture.

        Args:
            rgb: (H, W, 3); it is not kept.

        Returns:
            False, and this is of no more use, where the clip has more than 256 colours.

        Raises:
            SpoolError: The temporary file cannot be written.
        """
        if self._rgb is None or self._indices is None:
            self._indices = self._colours.indices(rgb)
            if self._indices is None:
                return False
            height, width = self._indices.shape
            self._writer.add(Box(0, height, 0, width), self._indices, None)
            self._rgb = rgb.copy()
        else:
            box = changed_box(self._rgb, rgb)
            new = self._colours.indices(rgb[box.within])
            if new is None:
                return False
            old = self._indices[box.within]
            self._writer.add(box, new, new != old)
            old[...] = new
            self._rgb[box.within] = rgb[box.within]
        return True

    def finish(self, plays: int) -> None:
        """Write the whole GIF; see `GifWriter.finish`."""
        self._writer.finish(self._colours.palette(), plays)


def few_colours(rgb: Pixels) -> bool:
    """Whether the picture `rgb` (H, W, 3) alone has no more colours than a palette holds."""
    return Colours().indices(rgb) is not None


def _codes(rgb: Pixels) -> Codes:
    """The pixels of `rgb` as 0xBBGGRR, one after another."""
    samples = np.empty(rgb.size + 1, np.uint8)
    samples[:-1].reshape(rgb.shape)[...] = rgb
    # Words that begin at every third byte, each with one byte too many.
    words = np.ndarray((rgb.size // 3,), "<u4", samples, strides=(3,))
    codes: Codes = words & np.uint32(0xFFFFFF)
    return codes


def _reversed(codes: Codes) -> Codes:
    """0xBBGGRR as 0xRRGGBB, and back."""
    turned: Codes = (codes & np.uint32(0xFF)) << np.uint32(16) | codes & np.uint32(0xFF00) | codes >> np.uint32(16)
    return turned
