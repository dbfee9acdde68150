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
            pixels = memoryview(_undone(png.header.width, above, rows))
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


def _undone(width: int, above: memoryview, rows: bytes) -> bytes:
    """The pixels of rows below the one that is `above`, whose pixels come first; of the first rows there is none."""
    from PIL import Image

    data = b"".join((b"\0", above, rows)) if above else rows
    # Its decoder of image data alone: to read a PNG takes five times as long for some rows.
    image = Image.frombytes("RGB", (width, len(data) // (1 + 3 * width)), stored(data), "zip", "RGB", 0)
    return image.tobytes()
