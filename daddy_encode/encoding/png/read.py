"""Reading a PNG from an open file: no more of it than a picture of its header can need."""

from __future__ import annotations

import os

from daddy_encode.encoding.png.parse import HEAD_BYTES, SPARE_BYTES, PngFault, check_header


def read_png(
    descriptor: int, begin: int, size: int, max_pixels: int, most: int | None = None, *, is_last: bool = True
) -> tuple[bytes, int]:
    """Read the bytes of a PNG.

    Args:
        descriptor: Of the file that it is in.
        begin: Where it begins.
        size: How many bytes it has.
        max_pixels: Width times height of the picture, at most.
        most: How many bytes are wanted, at most. Default: all that a PNG of its header can need.
        is_last: Whether the file should end where the PNG does. Default: yes.

    Returns:
        Its bytes, fewer where the file is shorter by now, and how many were left unread beyond those.

    Raises:
        PngFault: It is very large, and not the beginning of a PNG; or more bytes follow than there should.
        OSError: It cannot be read.
    """
    if most is None and size > SPARE_BYTES:
        most = check_header(os.pread(descriptor, HEAD_BYTES, begin), max_pixels).largest_file
    wanted = size if most is None else min(size, most)
    spare = is_last and wanted == size
    # In almost every case one call, which asks for a byte more than there is; a file system may give less.
    parts = []
    left = wanted
    while left > 0 and (part := os.pread(descriptor, left + spare, begin + wanted - left)):
        parts.append(part)
        left -= len(part)
    if left < 0:
        raise PngFault("grows while it is read")
    return b"".join(parts), size - wanted
