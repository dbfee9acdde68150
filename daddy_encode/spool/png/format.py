"""PNG's constants and chunks, for whoever writes or reads such files (PNG specification, third edition)."""

from __future__ import annotations

import struct
from typing import Final

from daddy_encode.spool.png.deflate import crc32

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Chunk names (section 11).
IHDR = b"IHDR"
PLTE = b"PLTE"
TRNS = b"tRNS"
IDAT = b"IDAT"
IEND = b"IEND"

# Colour types (11.2.1).
GREY = 0
RGB = 2
PALETTE = 3
GREY_ALPHA = 4
RGBA = 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
"""Samples of a pixel, by colour type."""

# Filter types (9.2): the byte itself; minus that of the pixel to the left; minus that of the pixel above; minus the
# mean of both; minus that of the pixel to the left, above, or above that to the left, whichever is most likely like it.
NONE: Final = 0
SUB: Final = 1
UP: Final = 2
AVERAGE: Final = 3
PAETH: Final = 4
LAST_FILTER = PAETH

CHUNK_HEAD = struct.Struct(">I4s")
"""Length of the data, and name."""
CHUNK_CRC = struct.Struct(">I")
"""Of name and data."""
HEADER = struct.Struct(">IIBBBBB")
"""IHDR's data: width, height, bit depth, colour type, compression, filter method, interlace method."""


def chunk_parts(kind: bytes, *data: bytes) -> tuple[bytes, ...]:
    """One chunk of a PNG file as (length and name, its data as it came, CRC), so that large data need not be copied."""
    crc = crc32(kind)
    for part in data:
        crc = crc32(part, crc)
    return CHUNK_HEAD.pack(sum(map(len, data)), kind), *data, CHUNK_CRC.pack(crc)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return b"".join(chunk_parts(kind, data))


def beginning(width: int, height: int, depth: int = 8, colour: int = RGB, *, interlaced: bool = False) -> bytes:
    """Signature and IHDR: what comes before everything else in a file of that size and kind."""
    return SIGNATURE + chunk(IHDR, HEADER.pack(width, height, depth, colour, 0, 0, interlaced))


END = chunk(IEND, b"")
