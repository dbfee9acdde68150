"""The pixels of plain PNGs, some rows at a time: what is made of them never holds a whole picture, nor loads numpy."""

from __future__ import annotations

from collections.abc import Iterator

from daddy_encode.encoding.png.inflate import inflated
from daddy_encode.encoding.png.parse import Png
from daddy_encode.spool.png.deflate import stored


def pixel_rows(png: Png, count: int) -> Iterator[list[memoryview]]:
    """The rows of a plain PNG from above, their filters undone.

    Args:
        png: The file.
        count: How many rows are wanted at a time. The last ones may be fewer.

    Yields:
        Rows, each rgb24.

    Raises:
        PngFault: Its image data is not exactly what it should be; at the latest after the last rows.
    """
    ((_, stride),) = png.header.passes
    above = memoryview(b"")
    for rows in _whole(png, count * stride):
        if any(rows[::stride]):
            # There is no row above the first ones.
            data = b"".join((b"\0", above, rows)) if above else rows
            pixels = memoryview(undo_filters(data, png.header.width, 3))
            cut = [pixels[at : at + stride - 1] for at in range(len(above), len(pixels), stride - 1)]
        else:
            pixels = memoryview(rows)
            cut = [pixels[at : at + stride - 1] for at in range(1, len(pixels), stride)]
        above = cut[-1]
        yield cut


def _whole(png: Png, size: int) -> Iterator[bytes]:
    """What the image data of `png` inflates to, `size` bytes at a time; what is left comes last."""
    part = b""
    for piece in inflated(png, size, size):
        part = part + piece if part else piece
        if len(part) == size:
            yield part
            part = b""
    if part:
        yield part


def undo_filters(rows: bytes | memoryview, width: int, samples: int) -> bytes:
    """The pixels of rows that each begin with the byte that names their filter; above the first are zeros.

    Args:
        rows: One after another.
        width: Of each, in pixels.
        samples: Bytes of a pixel: 3 of RGB, 4 of RGBA.
    """
    from PIL import Image

    mode = "RGB" if samples == 3 else "RGBA"
    size = width, len(rows) // (1 + samples * width)
    # Its decoder of image data alone: to read a PNG takes five times as long for some rows.
    return Image.frombytes(mode, size, stored(rows), "zip", mode, 0).tobytes()
