"""Reading PNG files: every byte is checked for its place and its CRC before it reaches a decoder. Pure.

Chunk layout, colour types and bit depths: PNG specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

try:
    from isal.isal_zlib import crc32
except ImportError:  # no wheel for this machine: slower, the same sums
    from zlib import crc32

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_CHUNK = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


class PngFault(Exception):
    """Why some bytes are no whole, valid PNG; the caller knows which file they came from."""


@dataclass(frozen=True)
class Png:
    """One checked PNG file.

    `data`: the file's bytes with no chunk but IHDR, PLTE, tRNS, IDAT and IEND. `plain`: 8-bit RGB, no transparency,
    not interlaced, so that a decoder's output is its pixels as they are.
    """

    width: int
    height: int
    plain: bool
    data: bytes


def check_png(data: bytes, max_pixels: int) -> Png:
    """`data`, the whole of a file, as a checked PNG; raises PngFault where it is none.

    Checked: signature, IHDR's values, each chunk's length and CRC, order and number of the critical chunks, IEND,
    and that nothing follows it. Not checked: the compressed image data, whose decoder must be told to be strict.
    Colour chunks (gAMA, cHRM, iCCP, sRGB) are dropped: samples are taken as sRGB, as every renderer means them.
    """
    if not data.startswith(SIGNATURE):
        raise PngFault("is not a PNG (wrong signature)" if data else "is empty")
    position = len(SIGNATURE)
    size = len(data)
    view = memoryview(data)
    kinds: list[bytes] = []
    kept: list[memoryview] = [view[:position]]
    dropped = False
    while position < size:
        if kinds and kinds[-1] == b"IEND":
            raise PngFault(f"has {size - position} bytes after its end")
        if size - position < 12:
            raise PngFault("is cut off")
        length, kind = _CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > size:
            raise PngFault(f"is cut off, or a chunk's length is wrong, at byte {position}")
        if crc32(view[position + 4 : end - 4]) != _CRC.unpack_from(data, end - 4)[0]:
            raise PngFault(f"is damaged: wrong CRC in the chunk at byte {position}")
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(view[position:end])
            if kind != b"IDAT" or kinds[-1:] != [b"IDAT"]:
                kinds.append(kind)
        elif not kind[0] & 0x20:
            raise PngFault(f"has an unknown critical chunk at byte {position}")
        else:
            # Breaks a row of IDAT chunks, which must follow one another.
            if kinds[-1:] == [b"IDAT"]:
                kinds.append(b"")
            dropped = True
        position = end
    width, height, depth, colour = _header(data, kinds, max_pixels)
    _check_order(kinds, colour)
    plain = (depth, colour, data[28]) == (8, 2, 0) and b"tRNS" not in kinds
    if dropped or (plain and b"PLTE" in kinds):
        # A suggested palette means nothing for RGB; without it ffmpeg is given the three kinds it needs.
        data = b"".join(part for part in kept if not (plain and bytes(part[4:8]) == b"PLTE"))
    return Png(width, height, plain, data)


def _header(data: bytes, kinds: list[bytes], max_pixels: int) -> tuple[int, int, int, int]:
    if kinds[:1] != [b"IHDR"] or _CHUNK.unpack_from(data, 8)[0] != _HEADER.size:
        raise PngFault("has no valid IHDR chunk at its start")
    if kinds[-1] != b"IEND":
        raise PngFault("is cut off: no IEND chunk")
    width, height, depth, colour, compression, filtering, interlace = _HEADER.unpack_from(data, 16)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise PngFault(f"says a size of {width}x{height}")
    if width * height > max_pixels:
        raise PngFault(f"is {width}x{height}, more than the limit of {max_pixels} pixels")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise PngFault("has an IHDR that no PNG has (colour type, bit depth, or a method)")
    return width, height, depth, colour


def _check_order(kinds: list[bytes], colour: int) -> None:
    row = [kind for kind in kinds if kind]
    if row.count(b"IHDR") != 1 or row.count(b"IDAT") != 1 or max(row.count(b"PLTE"), row.count(b"tRNS")) > 1:
        raise PngFault("has chunks missing, repeated or out of order")
    image = row.index(b"IDAT")
    if any(kind in row[image:] for kind in (b"PLTE", b"tRNS")):
        raise PngFault("has a palette after its image data")
    if (b"PLTE" in row) != (colour == 3) and colour in (0, 3, 4):
        raise PngFault("has a palette where none belongs, or none where one must be")
    if b"tRNS" in row and colour in (4, 6):
        raise PngFault("has both an alpha channel and a tRNS chunk")
