"""A white picture that others and texts are put on, and its PNG.

No row has a filter, which costs nothing; and numpy, which takes as long to load as all the rest, is not needed.
"""

from __future__ import annotations

from daddy_encode.report.sheet.file import MADE_BY
from daddy_encode.report.sheet.glyphs import TextPicture
from daddy_encode.spool.png import deflate
from daddy_encode.spool.png.format import END, IDAT, beginning, chunk_parts

_LEVEL = 1


class Canvas:
    """A picture in the making, from above band by band, in the memory of the highest one.

    In memory each row begins with its filter byte.
    """

    def __init__(self, width: int, height: int) -> None:
        """One of `width` x `height` pixels, as high as all its bands will be."""
        self.width = width
        self.height = height
        self._stride = 1 + 3 * width
        self._rows = memoryview(b"")
        # Of the highest band so far: new memory costs several times what it costs to write to it again.
        self._buffer = bytearray()
        self._white = b""
        self._compressor = deflate.compressobj(_LEVEL)
        self._compressed: list[bytes] = []

    def begin(self, height: int) -> None:
        """Begin a white band of that height, below what there is; from now on `top` is counted from its top."""
        self._end()
        size = self._stride * height
        if size > len(self._buffer):
            self._white = (b"\0" + b"\xff" * (3 * self.width)) * height
            self._buffer = bytearray(size)
        # Between views bytes are copied once; what is put into a bytearray itself is copied twice.
        self._rows = memoryview(self._buffer)[:size]
        self._rows[:] = memoryview(self._white)[:size]

    def put(self, left: int, top: int, width: int, height: int, pixels: memoryview | bytes) -> None:
        """Put a picture, rgb24 row by row, where `left` and `top` say."""
        source = memoryview(pixels)
        length = 3 * width
        at = top * self._stride + 1 + 3 * left
        for begin in range(0, height * length, length):
            self._rows[at : at + length] = source[begin : begin + length]
            at += self._stride

    def frame(self, left: int, top: int, width: int, height: int, thickness: int, grey: int) -> None:
        """Draw a line of that thickness around a rectangle."""
        for row in (*range(-thickness, 0), *range(height, height + thickness)):
            self._fill(left - thickness, top + row, width + 2 * thickness, grey)
        side = bytes((grey,)) * (3 * thickness)
        length = len(side)
        begin = top * self._stride + 1 + 3 * left
        for at in range(begin, begin + height * self._stride, self._stride):
            self._rows[at - length : at] = side
            self._rows[at + 3 * width : at + 3 * width + length] = side

    def write(self, left: int, top: int, text: TextPicture) -> None:
        """Put a line of text there; what has no room on the right is left out."""
        length = min(3 * text.width, self._stride - 1 - 3 * left)
        at = top * self._stride + 1 + 3 * left
        for row in text.rows:
            grey = bytearray(3 * len(row))
            grey[0::3] = grey[1::3] = grey[2::3] = row
            self._rows[at : at + length] = grey[:length]
            at += self._stride

    def png(self) -> bytes:
        """Its PNG, once all is drawn."""
        self._end()
        data = chunk_parts(IDAT, b"".join((*self._compressed, self._compressor.flush())))
        return b"".join((beginning(self.width, self.height), MADE_BY, *data, END))

    def _end(self) -> None:
        self._compressed.append(self._compressor.compress(self._rows))

    def _fill(self, left: int, top: int, width: int, grey: int) -> None:
        at = top * self._stride + 1 + 3 * left
        self._rows[at : at + 3 * width] = bytes((grey,)) * (3 * width)
