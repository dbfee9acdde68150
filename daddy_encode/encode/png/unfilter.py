"""The pixels of 8-bit RGB. Several times Pillow's speed where all rows have one filter, as our rollouts write them."""

from __future__ import annotations

import itertools

from daddy_encode.encode.png.decode import decode_png
from daddy_encode.encode.png.inflate import inflated
from daddy_encode.encode.png.parse import Png, PngFault

# Filter types (PNG specification, 9.2): the byte minus that of the pixel to the left, of the pixel above. 0 is none.
_SUB, _UP = 1, 2


class PlainPixels:
    """The pictures of plain PNGs of one size, as rgb24 row by row: what `of` returns lasts until the next call.

    Where no row has a filter numpy is not needed, which takes longer to load than a short clip to be encoded.
    """

    def __init__(self, width: int, height: int) -> None:
        self._stride = 1 + 3 * width
        self._pixels = memoryview(bytearray(3 * width * height))

    def of(self, png: Png) -> memoryview:
        """Raises PngFault where the image data of `png` is not exactly what it should be."""
        taken = written = 0
        for piece in inflated(png):
            filters = slice(-taken % self._stride, None, self._stride)
            if any(piece[filters]):
                return _undone(png)
            part = bytearray(piece)
            del part[filters]
            self._pixels[written : written + len(part)] = part
            taken += len(piece)
            written += len(part)
        return self._pixels


def unfiltered(png: Png) -> bool:
    """Whether the first rows of `png`, which is plain, have no filter, as all of them have then, most likely."""
    try:
        return not any(next(inflated(png))[:: 1 + 3 * png.size[0]])
    except PngFault:
        return False


def _undone(png: Png) -> memoryview:
    """The pixels of a plain PNG whose rows have filters."""
    import numpy as np

    width, height = png.size
    rows = np.frombuffer(b"".join(inflated(png)), np.uint8).reshape(height, 1 + 3 * width)
    row_filter = rows[0, 0]
    if row_filter not in (_SUB, _UP) or (rows[:, 0] != row_filter).any():
        return decode_png(png).data.cast("B")
    samples = rows[:, 1:].reshape(height, width, 3)
    # Sums of bytes wrap around, as the filters do; beyond the edges are zeros.
    if row_filter == _SUB:
        return np.add.accumulate(samples, axis=1, dtype=np.uint8).data.cast("B")
    pixels = np.ascontiguousarray(samples)
    # Row by row: six times as fast as numpy's own accumulate along this axis.
    for above, row in itertools.pairwise(pixels):
        row += above
    return pixels.data.cast("B")
