"""The pixels of the PNGs that our rollouts write: 8-bit RGB, one filter for all rows. Several times Pillow's speed."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

from daddy_encode.encode.png import SIGNATURE, PngFault

try:
    from isal import isal_zlib as inflate
except ImportError:  # no wheel for this machine: slower, the same pixels
    import zlib as inflate  # type: ignore[no-redef]

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

# Width, height, then: 8 bits, RGB, deflate, the five filters, not interlaced.
_HEADER = struct.Struct(">II5s")
_RGB8 = bytes((8, 2, 0, 0, 0))
# Filter types (PNG specification, 9.2): the byte itself, minus the pixel to the left, minus the pixel above.
_NONE, _SUB, _UP = 0, 1, 2


def plain_pixels(data: bytes) -> Pixels | None:
    """The picture in `data`, a PNG that `check_png` has passed, as a contiguous (H, W, 3); None where it is not 8-bit
    RGB with one filter, none, Sub or Up, for all rows: Pillow reads those.

    Raises PngFault where the compressed image data is damaged, or is not as long as the picture.
    """
    import numpy as np

    width, height, kind = _HEADER.unpack_from(data, len(SIGNATURE) + 8)
    parts = _image_data(data)
    if kind != _RGB8 or parts is None:
        return None
    size = height * (1 + 3 * width)
    decoder = inflate.decompressobj()
    try:
        # One byte more than there may be shows a stream that is too long, and never lets it fill the memory.
        plain = decoder.decompress(parts[0] if len(parts) == 1 else b"".join(parts), size + 1)
    except inflate.error as error:  # type: ignore[misc] # isal's stub calls it an instance
        raise PngFault(f"cannot be decoded: {error}") from error
    if len(plain) != size or not decoder.eof:
        raise PngFault("cannot be decoded: its image data does not fit its size")
    rows = np.frombuffer(plain, np.uint8).reshape(height, 1 + 3 * width)
    row_filter = rows[0, 0]
    if row_filter > _UP or (rows[:, 0] != row_filter).any():
        return None
    samples = rows[:, 1:].reshape(height, width, 3)
    # Sums of bytes wrap around, as the filters do; beyond the edges are zeros.
    if row_filter == _SUB:
        return np.add.accumulate(samples, axis=1, dtype=np.uint8)
    pixels = np.ascontiguousarray(samples)
    if row_filter == _UP:
        # Row by row: six times as fast as numpy's own accumulate along this axis.
        for above, row in itertools.pairwise(pixels):
            row += above
    return pixels


def _image_data(data: bytes) -> list[memoryview] | None:
    """What the IDAT chunks hold, or None where another chunk says that this is not plain RGB."""
    view = memoryview(data)
    parts = []
    position = len(SIGNATURE)
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            parts.append(view[position + 8 : position + 8 + length])
        elif kind in (b"PLTE", b"tRNS"):
            return None
        position += 12 + length
    return parts
