"""An array as PNG bytes: one filter for all rows, one fast deflate.

libpng tries five filters on every row. One filter for the whole frame costs a single numpy pass, and on rendered
frames (flat areas, sharp edges) it gives files as small, which ffmpeg also decodes faster.
"""

from __future__ import annotations

import functools
import math
import struct
from typing import Literal

import numpy as np

from daddy_encode.dump.frames import Frame

try:
    from isal import isal_zlib as deflate
except ImportError:  # no wheel for this machine: slower, the same pixels
    import zlib as deflate  # type: ignore[no-redef]

# PNG filter types (PNG specification, 9.2): the byte itself, minus the pixel to the left, minus the pixel above.
Filter = Literal[0, 1, 2]
NONE: Filter = 0
SUB: Filter = 1
UP: Filter = 2

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG colour types by the number of samples a pixel has (PNG specification, 11.2.1).
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}
# isal's 2 takes 4 to 16 % longer on rollouts than its 1 and makes them 0 to 2.5 % smaller; its 3 takes 3 to 10 times as
# long, its 0 makes files up to half as large again. zlib's 1 and 2 are alike.
_LEVEL = 1
# In a stream the filter is chosen again from every so manieth frame: by number, so that the same frames give the same
# bytes whoever compresses them, and often enough to follow a scene that changes.
CHOOSE_EVERY = 64
# A sample is this many bands of rows, together about a twelfth of the frame; a band's first row tells nothing about
# the filter that looks up, so a band has several.
_BANDS = 3
_BAND_PART = 36
_BAND_ROWS = 16


def encode_png(frame: Frame, row_filter: Filter | None = None, rows: Frame | None = None) -> bytes:
    """`frame`, uint8 (H, W), (H, W, 3) or (H, W, 4), any strides, as an 8-bit PNG that is not interlaced.

    row_filter: the filter of all rows; None (default) lets `choose_filter` look at this frame. The same frame and
    filter always give the same bytes.
    rows: what `rows_for` gave for a frame of this shape, to work in; None (default) takes new memory.
    """
    row_filter = choose_filter(frame) if row_filter is None else row_filter
    data = deflate.compress(_filtered(frame, row_filter, rows), _LEVEL)
    return b"".join((_beginning(frame.shape), *_chunk(b"IDAT", data), _END))


@functools.lru_cache(16)
def _beginning(shape: tuple[int, ...]) -> bytes:
    """What comes before the pixels."""
    samples = 1 if len(shape) == 2 else shape[2]
    header = struct.pack(">IIBBBBB", shape[1], shape[0], 8, _COLOUR_TYPE[samples], 0, 0, 0)
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", header)))


def choose_filter(frame: Frame) -> Filter:
    """The filter that makes a sample of `frame` smallest; none at all where that is nearly as small."""
    height = frame.shape[0]
    rows = max(height // _BAND_PART, _BAND_ROWS)
    starts = (height * (2 * band + 1) // (2 * _BANDS) for band in range(_BANDS))
    sample = np.concatenate([frame[start : start + rows] for start in starts]) if height > _BANDS * rows else frame
    size = {row_filter: len(deflate.compress(_filtered(sample, row_filter), _LEVEL)) for row_filter in (NONE, SUB, UP)}
    best = min(size, key=lambda row_filter: size[row_filter])
    # Frames without a filter are encoded a tenth faster: worth it for a clearly smaller file only.
    return best if size[best] < 0.9 * size[NONE] else NONE


def rows_for(shape: tuple[int, ...]) -> Frame:
    """Memory for the filtered rows of a frame of this shape."""
    return np.empty((shape[0], 1 + math.prod(shape[1:])), np.uint8)


def _filtered(frame: Frame, row_filter: Filter, rows: Frame | None = None) -> Frame:
    """The bytes that PNG deflates: each row of `frame`, filtered, after the filter's number."""
    rows = rows_for(frame.shape) if rows is None else rows
    rows[:, 0] = row_filter
    pixels = rows[:, 1:].reshape(frame.shape)
    # uint8 wraps around, as the filters do. Reading straight from any strides saves a contiguous copy.
    if row_filter == SUB:
        pixels[:, 0] = frame[:, 0]
        np.subtract(frame[:, 1:], frame[:, :-1], out=pixels[:, 1:])
    elif row_filter == UP:
        pixels[0] = frame[0]
        np.subtract(frame[1:], frame[:-1], out=pixels[1:])
    else:
        pixels[...] = frame
    return rows


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    return (struct.pack(">I", len(data)) + kind, data, struct.pack(">I", deflate.crc32(data, deflate.crc32(kind))))


_END = b"".join(_chunk(b"IEND", b""))
