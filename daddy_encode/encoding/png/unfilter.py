"""The pixels of 8-bit RGB, several times as fast as by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daddy_encode.encoding.png.inflate import inflated
from daddy_encode.encoding.png.parse import Header, Png, PngFault

if TYPE_CHECKING:
    from daddy_encode.encoding.png.rows import PixelRows


class PlainPixels:
    """The pixels of plain PNGs of one size.

    Where no row has a filter numpy is not needed, which takes longer to load than a short clip takes to be encoded.
    """

    def __init__(self, width: int, height: int) -> None:
        """Take memory for a picture of `width` x `height` pixels."""
        self._header = Header(width, height)
        self._stride = 1 + 3 * width
        self._pixels = memoryview(bytearray(3 * width * height))
        self._rows: PixelRows | None = None

    def of(self, png: Png) -> memoryview:
        """The pixels of `png`, rgb24 row by row; they last until the next call.

        Raises:
            PngFault: Its image data is not exactly what it should be.
        """
        if self._rows is None:
            if self._copy(png):
                return self._pixels
            from daddy_encode.encoding.png.rows import PixelRows

            self._rows = PixelRows(self._header)
        return self._rows.of(png).data.cast("B")

    def _copy(self, png: Png) -> bool:
        """Whether no row of `png` has a filter; its pixels are then copied."""
        taken = written = 0
        for piece in inflated(png):
            filters = slice(-taken % self._stride, None, self._stride)
            if any(piece[filters]):
                return False
            part = bytearray(piece)
            del part[filters]
            self._pixels[written : written + len(part)] = part
            taken += len(piece)
            written += len(part)
        return True


def is_unfiltered(png: Png) -> bool:
    """Whether the first rows of `png`, which is plain, have no filter; most likely none of its rows has one then."""
    try:
        return not any(next(inflated(png))[:: 1 + 3 * png.size[0]])
    except PngFault:
        return False
