"""Whether a picture with an alpha channel is opaque, told from its filtered rows: no filter is undone for it.

If all alphas above and to the left are 255, each filter makes of one that is 255 as well a byte that depends on nothing
but its place. So an opaque picture has exactly these bytes, and by induction no other picture has.
"""

from __future__ import annotations

import contextlib

from daddy_encode.encoding.png.inflate import all_rows
from daddy_encode.encoding.png.parse import Header, Png, PngFault


def is_opaque(rows: bytes | bytearray, header: Header) -> bool:
    """Whether every alpha is 255 in a picture of 8-bit RGBA, not interlaced.

    Args:
        rows: Its rows, each with its filter byte, which is one of the five.
        header: Its size.
    """
    width, stride = header.width, 1 + 4 * header.width
    full, none, half = b"\xff", b"\0", b"\x80"
    # By filter (PNG specification, 9.2 to 9.4): None, Sub, Up, Average, Paeth. Above the first row are zeros.
    first = [
        full * width,
        full + none * (width - 1),
        full * width,
        full + half * (width - 1),
        full + none * (width - 1),
    ]
    other = [full * width, full + none * (width - 1), none * width, half + none * (width - 1), none * width]
    if rows[4:stride:4] != first[rows[0]]:
        return False
    starts = range(stride, len(rows), stride)
    return all(rows[start + 4 : start + stride : 4] == other[rows[start]] for start in starts)


def is_opaque_rgba(png: Png) -> bool:
    """Whether a PNG is opaque 8-bit RGBA: ffmpeg is then given its rows, undoes their filters, and drops alpha."""
    with contextlib.suppress(PngFault):
        return png.rgba and is_opaque(all_rows(png), png.header)
    return False
