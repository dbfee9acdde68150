"""An array as PNG bytes: one filter for all rows, one fast deflate.

libpng tries five filters on every row. One filter for the whole frame costs a single numpy pass, and on rendered
frames (flat areas, sharp edges) it gives files as small, which ffmpeg also decodes faster.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import numpy as np

from daddy_encode.spool.png import deflate
from daddy_encode.spool.png import format as png_format
from daddy_encode.spool.png.format import NONE, SUB, UP
from daddy_encode.spool.png.pixels import Pixels

Filter = Literal[0, 1, 2]

# By the number of samples of a pixel.
_COLOUR_TYPE = {1: png_format.GREY, 3: png_format.RGB, 4: png_format.RGBA}
# isal's 2 takes 4 to 16 % longer on rollouts than its 1 and makes them 0 to 2.5 % smaller; its 3 takes 3 to 10 times as
# long, its 0 makes files up to half as large again. zlib's 1 and 2 are alike.
_LEVEL = 1
# In a recording the filter is chosen again from every 64th frame: by number, so that the same frames give the same
# bytes whoever compresses them, and often enough to follow a scene that changes.
CHOOSE_EVERY = 64
# A sample is this many bands of rows, together about a twelfth of the frame; a band's first row tells nothing about
# the filter that looks up, so a band has several.
_BANDS = 3
_BAND_PART = 36
_BAND_ROWS = 16


def encode_png(frame: Pixels, row_filter: Filter | None = None, rows: Pixels | None = None) -> bytes:
    """One frame as a PNG of 8 bits per sample, not interlaced. The same frame and filter always give the same pixels.

    Args:
        frame: uint8, (H, W), (H, W, 3) or (H, W, 4), any strides.
        row_filter: The filter of all rows; None (default) lets `choose_filter` look at this frame.
        rows: What `rows_for` gave for a frame of this shape, to work in; None (default) takes new memory.

    Returns:
        The bytes of the file.
    """
    row_filter = choose_filter(frame) if row_filter is None else row_filter
    return compress_rows(filter_rows(frame, row_filter, rows), frame.shape)


def compress_rows(rows: Pixels, shape: tuple[int, ...]) -> bytes:
    """The rest of `encode_png`, for the `rows` that `filter_rows` made of a frame of this shape."""
    data = png_format.chunk_parts(png_format.IDAT, deflate.compress(rows, _LEVEL))
    png = b"".join((_beginning(shape), *data, png_format.END))
    _clear_upper_halves()
    return png


@functools.lru_cache(16)
def _beginning(shape: tuple[int, ...]) -> bytes:
    """What comes before the pixels."""
    return png_format.beginning(shape[1], shape[0], colour=_COLOUR_TYPE[1 if len(shape) == 2 else shape[2]])


def choose_filter(frame: Pixels) -> Filter:
    """The filter that makes a sample of `frame` smallest; none at all where that is nearly as small."""
    height = frame.shape[0]
    rows = max(height // _BAND_PART, _BAND_ROWS)
    starts = (height * (2 * band + 1) // (2 * _BANDS) for band in range(_BANDS))
    sample = np.concatenate([frame[start : start + rows] for start in starts]) if height > _BANDS * rows else frame
    filters: tuple[Filter, ...] = (NONE, SUB, UP)
    size = {kind: len(deflate.compress(filter_rows(sample, kind), _LEVEL)) for kind in filters}
    _clear_upper_halves()
    best = min(size, key=lambda kind: size[kind])
    # Frames without a filter are encoded a tenth faster: worth it for a clearly smaller file only.
    return best if size[best] < 0.9 * size[NONE] else NONE


def rows_for(shape: tuple[int, ...]) -> Pixels:
    """Memory for the filtered rows of a frame of this shape."""
    return np.empty((shape[0], 1 + math.prod(shape[1:])), np.uint8)


def filter_rows(frame: Pixels, row_filter: Filter, rows: Pixels | None = None) -> Pixels:
    """The bytes that PNG deflates: each row of `frame`, filtered, after the filter's number; see `encode_png`."""
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


def _clear_upper_halves() -> None:
    """Leave the processor as numpy does.

    isal's compressor leaves the upper halves of the vector registers in use (intel/isa-l, issue 24). Until something
    clears them, older SSE code on the same thread, or on one that it starts, was measured to take up to 1.9 times as
    long: Pillow's PNGs, a renderer, SHA-256. numpy's vector loops end with the instruction that does (VZEROUPPER).
    """
    np.maximum(_BYTES, _BYTES, out=_BYTES)


_BYTES = np.zeros(256, np.uint8)
