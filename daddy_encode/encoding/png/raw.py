"""The samples of a PNG of any kind as they are in its rows, filters undone."""

from __future__ import annotations

import zlib

import numpy as np

from daddy_encode.encoding.png.parse import Header
from daddy_encode.spool.png.format import NONE, SAMPLES
from daddy_encode.spool.png.pixels import Pixels

# Pillow's names of pictures of so many bytes for a pixel.
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def raw_rows(header: Header, rows: bytes | bytearray) -> Pixels:
    """Undo the filters of a picture.

    Filters work on bytes, each with that of the same place in the neighbouring pixels. So the first bytes of samples of
    16 bits are filtered by themselves, and so are the second ones, and all else is a picture of 8 bits.

    Args:
        header: Of a picture that is not interlaced.
        rows: Its rows, each with its filter byte, which is one of the five.

    Returns:
        uint8, (height, bytes of a row).
    """
    ((height, stride),) = header.passes
    lines = np.frombuffer(rows, np.uint8).reshape(height, stride)
    if not lines[:, 0].any():
        return lines[:, 1:]
    if header.depth == 16:
        raw = np.empty((height, stride - 1), np.uint8)
        for part in (0, 1):
            raw[:, part::2] = _undone(lines[:, :1], lines[:, 1 + part :: 2], SAMPLES[header.colour])
        return raw
    return _undone(lines[:, :1], lines[:, 1:], SAMPLES[header.colour] if header.depth == 8 else 1)


def _undone(filters: Pixels, lines: Pixels, pixel: int) -> Pixels:
    """`lines` of pixels of so many bytes, each without its filter."""
    from PIL import Image

    height, length = lines.shape
    data = zlib.compress(np.hstack([filters, lines]).tobytes(), 0)
    # Its decoder of image data alone, as in `rows`.
    image = Image.frombytes(_MODES[pixel], (length // pixel, height), data, "zip", _MODES[pixel], 0)
    return np.frombuffer(image.tobytes(), np.uint8).reshape(height, length)


def with_filter_bytes(raw: bytes | bytearray | memoryview, header: Header) -> bytes:
    """Rows as a PNG has them, without a filter."""
    ((height, stride),) = header.passes
    lines = np.empty((height, stride), np.uint8)
    lines[:, 0] = NONE
    lines[:, 1:] = np.frombuffer(raw, np.uint8).reshape(height, stride - 1)
    return lines.tobytes()
