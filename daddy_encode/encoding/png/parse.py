"""Reading PNG files: every byte is checked for its place and its CRC before it reaches a decoder. Pure.

Chunk layout, colour types and bit depths: PNG specification, third edition, sections 5 and 11.
"""

from __future__ import annotations

import functools
import struct

from msgspec import Struct

from daddy_encode.encoding.option_values import MAX_PIXELS
from daddy_encode.spool.png.deflate import crc32
from daddy_encode.spool.png.format import (
    CHUNK_CRC,
    CHUNK_HEAD,
    END,
    GREY,
    GREY_ALPHA,
    HEADER,
    IDAT,
    IEND,
    IHDR,
    PALETTE,
    PLTE,
    RGB,
    RGBA,
    SAMPLES,
    SIGNATURE,
    TRNS,
)

# Signature and IHDR, which holds the size of the picture.
HEAD_BYTES = 33
# A file may be this much larger than its rows without compression: text, profiles, the further pictures of an APNG.
SPARE_BYTES = 64 * 2**20

_DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
_KEPT = frozenset((IHDR, PLTE, TRNS, IDAT, IEND))
# Adam7 (section 8.1): first column and row of each pass, and the steps to its next ones.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class PngFault(Exception):
    """Why some bytes are not a whole, valid PNG; the caller knows which file they came from.

    Attributes:
        advice: What to do about it.
    """

    advice = "write it again"


class TooLargeFault(PngFault):
    """The picture is larger than allowed."""

    def __init__(self, width: int, height: int, max_pixels: int) -> None:
        super().__init__(f"is {width}x{height}, more than the limit of {max_pixels} pixels")
        units = -(-width * height // 2**20)
        self.advice = f"--max-pixels {units} allows it" if units <= MAX_PIXELS.greatest else "make smaller frames"


class Header(Struct, frozen=True, dict=True):
    """What IHDR says, with values that a PNG can have.

    Attributes:
        width: In pixels.
        height: In pixels.
        depth: Bits of a sample: 1, 2, 4, 8 or 16. Default: 8.
        colour: The colour type. Default: RGB.
        interlaced: Whether its rows come in Adam7's seven passes. Default: no.
    """

    width: int
    height: int
    depth: int = 8
    colour: int = RGB
    interlaced: bool = False

    @functools.cached_property
    def passes(self) -> list[tuple[int, int]]:
        """The (rows, bytes of a row with its filter byte) that follow one another in the inflated image data."""
        bits = self.depth * SAMPLES[self.colour]
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


class Png(Struct):
    """One checked PNG file.

    Attributes:
        header: What IHDR says.
        image: What its IDAT chunks hold: one zlib stream, and what may follow it.
        palette: What PLTE holds, of a palette picture; else empty.
        alphas: What tRNS holds, of a palette picture; else empty.
        transparent_colour: tRNS's samples, as many as the colour has; None where there is no tRNS, or a palette.
        has_surplus: Whether bytes follow IEND or, which is known once the image data has been inflated, its stream.
        is_animated: Whether it is an APNG, whose first picture this is.
    """

    header: Header
    image: bytes
    palette: bytes = b""
    alphas: bytes = b""
    transparent_colour: tuple[int, ...] | None = None
    has_surplus: bool = False
    is_animated: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is 8-bit RGB, opaque, not interlaced: ffmpeg is given its rows as they are."""
        return self._is(RGB) and self.transparent_colour is None

    @property
    def rgba(self) -> bool:
        """Whether it is 8-bit RGBA, not interlaced: where it is opaque, ffmpeg is given its rows as they are."""
        return self._is(RGBA)

    def _is(self, colour: int) -> bool:
        header = self.header
        return (header.depth, header.colour, header.interlaced) == (8, colour, False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.header.width, self.header.height


# All frames of a job have the same header.
@functools.lru_cache(maxsize=64)
def check_header(head: bytes, max_pixels: int) -> Header:
    """What the beginning of a file says of its picture.

    Args:
        head: The first HEAD_BYTES of the file.
        max_pixels: Width times height, at most.

    Raises:
        PngFault: It is not the beginning of a PNG, or the picture is too large.
    """
    if not head.startswith(SIGNATURE):
        raise PngFault("is not a PNG (wrong signature)" if head else "is empty")
    if len(head) < HEAD_BYTES:
        raise PngFault("is cut off")
    if CHUNK_HEAD.unpack_from(head, 8) != (HEADER.size, IHDR):
        raise PngFault("has no valid IHDR chunk at its start")
    width, height, depth, colour, compression, filtering, interlace = HEADER.unpack_from(head, 16)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise PngFault(f"claims a size of {width}x{height}")
    if width * height > max_pixels:
        raise TooLargeFault(width, height, max_pixels)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise PngFault("has an IHDR that no PNG has (colour type, bit depth, or a method)")
    return Header(width, height, depth, colour, bool(interlace))


def check_png(data: bytes, max_pixels: int) -> Png:
    """Check the whole of a file, but for what its image data inflates to (`inflate.inflated` does that).

    Checked: signature, IHDR's values, each chunk's length and CRC, order, number and length of the critical chunks,
    IEND. Colour chunks (gAMA, cHRM, iCCP, sRGB) are dropped: samples are taken as sRGB, as every renderer means them.
    So are the further pictures of an APNG, and what follows IEND.

    Args:
        data: The file's bytes.
        max_pixels: Width times height, at most.

    Raises:
        PngFault: It is not a whole, valid PNG, or the picture is too large.
    """
    header = check_header(data[:HEAD_BYTES], max_pixels)
    view = memoryview(data)
    if (image := _only_image(view, header.colour)) is not None:
        return Png(header, image)
    chunks: list[tuple[bytes, memoryview]] = []
    order: list[bytes] = []
    position, size = len(SIGNATURE), len(data)
    is_animated = False
    while position < size and order[-1:] != [IEND]:
        if size - position < 12:
            raise PngFault("is cut off")
        length, kind = CHUNK_HEAD.unpack_from(data, position)
        end = position + 12 + length
        if end > size:
            raise PngFault(f"is cut off, or a chunk's length is wrong, at byte {position}")
        if crc32(view[position + 4 : end - 4]) != CHUNK_CRC.unpack_from(data, end - 4)[0]:
            raise PngFault(f"is damaged: wrong CRC in the chunk at byte {position}")
        is_animated = is_animated or kind == b"acTL"
        if kind in _KEPT:
            chunks.append((kind, view[position:end]))
            if kind != IDAT or order[-1:] != [IDAT]:
                order.append(kind)
        elif not (kind.isalpha() and kind.isascii()):
            raise PngFault(f"has a chunk without a name at byte {position}")
        elif not kind[0] & 0x20:
            raise PngFault(f"has an unknown critical chunk at byte {position}")
        elif order[-1:] == [IDAT]:
            # IDAT chunks must follow one another; this one parts them.
            order.append(b"")
        position = end
    _check_order([kind for kind in order if kind], header.colour)
    for kind, chunk in chunks:
        _check_length(kind, len(chunk) - 12, header.colour)
    found: dict[bytes, list[memoryview]] = {kind: [] for kind in _KEPT}
    for kind, chunk in chunks:
        found[kind].append(chunk[8:-4])
    png = Png(header, b"".join(found[IDAT]), has_surplus=position < size, is_animated=is_animated)
    if header.colour == PALETTE:
        png.palette, png.alphas = b"".join(found[PLTE]), b"".join(found[TRNS])
    elif found[TRNS]:
        png.transparent_colour = _samples(found[TRNS][0])
    return png


def _only_image(view: memoryview, colour: int) -> bytes | None:
    """The one IDAT chunk's data of a valid file that has IHDR, IDAT and IEND alone, as most do; None for all others.

    A short way for small frames, of which the long one takes more time than everything else about them.
    """
    start = HEAD_BYTES
    if len(view) < start + 24 or colour == PALETTE:
        return None
    length, kind = CHUNK_HEAD.unpack_from(view, start)
    end = start + 8 + length
    if kind != IDAT or end + 4 + len(END) != len(view) or view[end + 4 :] != END:
        return None
    for first, last in ((len(SIGNATURE) + 4, start - 4), (start + 4, end)):
        if crc32(view[first:last]) != CHUNK_CRC.unpack_from(view, last)[0]:
            return None
    return bytes(view[start + 8 : end])


def _samples(data: memoryview) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _check_order(kinds: list[bytes], colour: int) -> None:
    if kinds[-1] != IEND:
        raise PngFault("is cut off: no IEND chunk")
    if kinds.count(IHDR) != 1 or kinds.count(IDAT) != 1 or max(kinds.count(PLTE), kinds.count(TRNS)) > 1:
        raise PngFault("has chunks missing, repeated or out of order")
    before = kinds[: kinds.index(IDAT)]
    if any(kind in kinds and kind not in before for kind in (PLTE, TRNS)):
        raise PngFault("has a palette after its image data")
    if (PLTE in kinds) != (colour == PALETTE) and colour in (GREY, PALETTE, GREY_ALPHA):
        raise PngFault("has a palette where none belongs, or none where one must be")
    if colour == PALETTE and before[1:2] != [PLTE]:
        raise PngFault("has transparency before its palette")
    if TRNS in kinds and colour in (GREY_ALPHA, RGBA):
        raise PngFault("has both an alpha channel and a tRNS chunk")


def _check_length(kind: bytes, length: int, colour: int) -> None:
    """Decoders differ in what they make of a palette or a transparent colour of a wrong length."""
    if kind == PLTE and (length % 3 or not 3 <= length <= 768):
        raise PngFault(f"has a palette of {length} bytes")
    if kind == TRNS and not (length == {GREY: 2, RGB: 6}.get(colour) or (colour == PALETTE and length <= 256)):
        raise PngFault(f"has a tRNS chunk of {length} bytes")
    if kind == IEND and length:
        raise PngFault("has an IEND chunk that is not empty")
