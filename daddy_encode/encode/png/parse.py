"""Reading PNG files: every byte is checked for its place and its CRC before it reaches a decoder. Pure.

Chunk layout, colour types and bit depths: PNG specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

try:
    from isal.isal_zlib import crc32
except ImportError:  # no wheel for this machine: slower, the same sums
    from zlib import crc32

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Signature and IHDR: what tells how large a picture is.
HEAD_BYTES = 33
# A file may be this much larger than its rows without compression: text, profiles, the further pictures of an APNG.
SPARE_BYTES = 64 * 2**20

_HEADER = struct.Struct(">IIBBBBB")
_CHUNK = struct.Struct(">I4s")
_CRC = struct.Struct(">I")
END = _CHUNK.pack(0, b"IEND") + _CRC.pack(crc32(b"IEND"))
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_KINDS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7 (section 8.1): first column and row of each pass, and the steps to its next ones.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PngFault(Exception):
    """Why some bytes are no whole, valid PNG; the caller knows which file they came from."""


@dataclass(frozen=True)
class Header:
    """What IHDR says, with values that a PNG can have."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @functools.cached_property
    def passes(self) -> list[tuple[int, int]]:
        """The (rows, bytes of a row with its filter byte) that follow one another in the inflated image data."""
        bits = self.depth * _SAMPLES[self.colour]
        if not self.interlaced:
            return [(self.height, 1 + (self.width * bits + 7) // 8)]
        sizes = ((-(-(self.width - x) // dx), -(-(self.height - y) // dy)) for x, y, dx, dy in _ADAM7)
        return [(rows, 1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0]

    @functools.cached_property
    def image_bytes(self) -> int:
        """How many bytes the image data inflates to, exactly."""
        return sum(rows * stride for rows, stride in self.passes)

    @property
    def largest_file(self) -> int:
        """How many bytes a PNG of this header may have: deflate makes noise one part in a thousand larger."""
        return self.image_bytes + self.image_bytes // 8 + SPARE_BYTES


@dataclass(frozen=True)
class Png:
    """One checked PNG file.

    `data`: the file's bytes with no chunk but IHDR, PLTE, tRNS, IDAT and IEND. `image`: what its IDAT chunks hold, one
    zlib stream. `transparent_colour`: tRNS's samples, as many as the colour has, where there is no palette.
    """

    header: Header
    data: bytes
    image: bytes
    transparent_colour: tuple[int, ...] | None

    @property
    def plain(self) -> bool:
        """8-bit RGB, no transparency, not interlaced: its rows are what ffmpeg is given, as they are."""
        header = self.header
        opaque = self.transparent_colour is None
        return (header.depth, header.colour, header.interlaced, opaque) == (8, 2, False, True)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.header.width, self.header.height


# The frames of a job have all the same.
@functools.lru_cache(maxsize=64)
def check_header(head: bytes, max_pixels: int) -> Header:
    """What `head`, the first bytes of a file, says of its picture; raises PngFault where that is none, or too large."""
    if not head.startswith(SIGNATURE):
        raise PngFault("is not a PNG (wrong signature)" if head else "is empty")
    if len(head) < HEAD_BYTES:
        raise PngFault("is cut off")
    if _CHUNK.unpack_from(head, 8) != (_HEADER.size, b"IHDR"):
        raise PngFault("has no valid IHDR chunk at its start")
    width, height, depth, colour, compression, filtering, interlace = _HEADER.unpack_from(head, 16)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise PngFault(f"says a size of {width}x{height}")
    if width * height > max_pixels:
        raise PngFault(f"is {width}x{height}, more than the limit of {max_pixels} pixels")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise PngFault("has an IHDR that no PNG has (colour type, bit depth, or a method)")
    return Header(width, height, depth, colour, bool(interlace))


def check_png(data: bytes, max_pixels: int) -> Png:
    """`data`, the whole of a file, as a checked PNG; raises PngFault where it is none.

    Checked: signature, IHDR's values, each chunk's length and CRC, order, number and length of the critical chunks,
    IEND, and that nothing follows it. Not checked: what the compressed image data inflates to (`png_image.inflated`).
    Colour chunks (gAMA, cHRM, iCCP, sRGB) are dropped: samples are taken as sRGB, as every renderer means them. So
    are the further pictures of an APNG.
    """
    header = check_header(data[:HEAD_BYTES], max_pixels)
    view = memoryview(data)
    if (image := _only_image(view, header.colour)) is not None:
        return Png(header, data, image, None)
    chunks: list[tuple[bytes, memoryview]] = []
    row: list[bytes] = []
    position, size = len(SIGNATURE), len(data)
    while position < size:
        if row and row[-1] == b"IEND":
            raise PngFault(f"has {size - position} bytes after its end")
        if size - position < 12:
            raise PngFault("is cut off")
        length, kind = _CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > size:
            raise PngFault(f"is cut off, or a chunk's length is wrong, at byte {position}")
        if crc32(view[position + 4 : end - 4]) != _CRC.unpack_from(data, end - 4)[0]:
            raise PngFault(f"is damaged: wrong CRC in the chunk at byte {position}")
        if kind in _KINDS:
            chunks.append((kind, view[position:end]))
            if kind != b"IDAT" or row[-1:] != [b"IDAT"]:
                row.append(kind)
        elif not (kind.isalpha() and kind.isascii()):
            raise PngFault(f"has a chunk without a name at byte {position}")
        elif not kind[0] & 0x20:
            raise PngFault(f"has an unknown critical chunk at byte {position}")
        elif row[-1:] == [b"IDAT"]:
            # IDAT chunks must follow one another; this one parts them.
            row.append(b"")
        position = end
    _check_order([kind for kind in row if kind], header.colour)
    for kind, chunk in chunks:
        _check_length(kind, len(chunk) - 12, header.colour)
    parts = [chunk[8:-4] for kind, chunk in chunks if kind == b"IDAT"]
    whole = sum([len(chunk) for _, chunk in chunks]) + len(SIGNATURE) == size
    kept = data if whole else b"".join((SIGNATURE, *(chunk for _, chunk in chunks)))
    keys = [_samples(chunk[8:-4]) for kind, chunk in chunks if kind == b"tRNS" and header.colour != 3]
    return Png(header, kept, b"".join(parts), keys[0] if keys else None)


def _only_image(view: memoryview, colour: int) -> bytes | None:
    """What the one IDAT chunk holds of a file that has IHDR, IDAT and IEND, as most do, and in which all is right.

    None for every other file: a short way, for small frames, past what takes longer than all else about them.
    """
    start = HEAD_BYTES
    if len(view) < start + 24 or colour == 3:
        return None
    length, kind = _CHUNK.unpack_from(view, start)
    end = start + 8 + length
    if kind != b"IDAT" or end + 4 + len(END) != len(view) or view[end + 4 :] != END:
        return None
    for first, last in ((len(SIGNATURE) + 4, start - 4), (start + 4, end)):
        if crc32(view[first:last]) != _CRC.unpack_from(view, last)[0]:
            return None
    return bytes(view[start + 8 : end])


def _samples(data: memoryview) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _check_order(row: list[bytes], colour: int) -> None:
    if row[-1] != b"IEND":
        raise PngFault("is cut off: no IEND chunk")
    if row.count(b"IHDR") != 1 or row.count(b"IDAT") != 1 or max(row.count(b"PLTE"), row.count(b"tRNS")) > 1:
        raise PngFault("has chunks missing, repeated or out of order")
    before = row[: row.index(b"IDAT")]
    if any(kind in row and kind not in before for kind in (b"PLTE", b"tRNS")):
        raise PngFault("has a palette after its image data")
    if (b"PLTE" in row) != (colour == 3) and colour in (0, 3, 4):
        raise PngFault("has a palette where none belongs, or none where one must be")
    if colour == 3 and before[1:2] != [b"PLTE"]:
        raise PngFault("has transparency before its palette")
    if b"tRNS" in row and colour in (4, 6):
        raise PngFault("has both an alpha channel and a tRNS chunk")


def _check_length(kind: bytes, length: int, colour: int) -> None:
    """Decoders differ in what they make of a palette or a transparent colour of a wrong length."""
    if kind == b"PLTE" and (length % 3 or not 3 <= length <= 768):
        raise PngFault(f"has a palette of {length} bytes")
    if kind == b"tRNS" and not (length == {0: 2, 2: 6}.get(colour) or (colour == 3 and length <= 256)):
        raise PngFault(f"has a tRNS chunk of {length} bytes")
    if kind == b"IEND" and length:
        raise PngFault("has an IEND chunk that is not empty")
