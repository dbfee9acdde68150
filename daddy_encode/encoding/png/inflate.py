"""The image data of a checked PNG, inflated in bounded memory.

It is one zlib stream, exactly as long as IHDR says, each row has a real filter, and the checksum is right. ffmpeg alone
does not check that: 9.0.2 and 7.0.2 leave a row as it was in memory where its filter is not one of the five, and ignore
data beyond the picture and a missing checksum. Pillow accepts data that is too short. What follows the stream is
ignored, as the PNG specification (11.2.3) says.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator

from daddy_encode.encoding.png.parse import Header, Png, PngFault
from daddy_encode.spool.png.deflate import DeflateError, decompressor
from daddy_encode.spool.png.format import LAST_FILTER

# How much inflated data is held at a time, and how much compressed data goes in at once: on every call a decoder
# copies what it has not consumed yet. Both below what malloc gives back to the system at once (128 KiB), which takes
# longer than to inflate into it.
PIECE_BYTES = 120_000
INPUT_BYTES = 2**16
_WORD = 8
# Deflate's best (RFC 1951: a length of 258 in two bits), so that a small file cannot claim a large picture.
MOST_EXPANSION = 1032


def inflated(png: Png, most: int = PIECE_BYTES, unit: int = _WORD) -> Iterator[bytes]:
    """Inflate the image data of `png`; after the last piece its `has_surplus` is known.

    Args:
        png: The file.
        most: How many bytes a piece has at most.
        unit: They end at multiples of so many bytes, but for those where the decoder ends one earlier. Default: of a
            word, since whoever compares pieces does so by words.

    Returns:
        Its rows with their filter bytes, in pieces, together `header.image_bytes`.

    Raises:
        PngFault: The data is anything else; at the latest after the last piece, but at once where it cannot be as much.
    """
    expected = png.header.image_bytes
    _check_wrapper(png.image, expected)
    return _pieces(png, expected, most, unit)


def _pieces(png: Png, expected: int, most: int, unit: int) -> Iterator[bytes]:
    filters = _Filters(png.header)
    decoder = decompressor()
    source = memoryview(png.image)
    given = produced = 0
    try:
        while produced < expected:
            more = source[given : given + INPUT_BYTES] if decoder.needs_input else b""
            given += len(more)
            most_now = min(most - produced % unit, expected - produced)
            piece = b"" if decoder.eof else decoder.decompress(more, most_now)
            if not piece and not more:
                raise PngFault(f"has image data for {produced} of {expected} bytes: it is cut off")
            filters.check(piece)
            produced += len(piece)
            yield piece
        # What is left must be the checksum alone; a decoder notices only when it is asked for one byte more.
        left, surplus = source[given:], b""
        if not decoder.eof:
            left, surplus = memoryview(b""), decoder.decompress(left, 1)
    except DeflateError as error:
        raise PngFault(f"has damaged image data ({error})") from error
    if surplus:
        raise PngFault(f"has more image data than its size of {png.header.width}x{png.header.height} needs")
    if not decoder.eof:
        raise PngFault("has image data without its end or checksum")
    png.has_surplus = png.has_surplus or bool(decoder.unused_data or left)


def all_rows(png: Png) -> bytearray:
    """As `inflated`, in one piece."""
    pieces = inflated(png)
    rows = bytearray(png.header.image_bytes)
    _join(pieces, memoryview(rows))
    return rows


def inflate_into(png: Png, rows: memoryview) -> None:
    """As `inflated`, into the beginning of `rows`; what is there after a PngFault is no picture."""
    _join(inflated(png), rows)


def _join(pieces: Iterator[bytes], rows: memoryview) -> None:
    at = 0
    for piece in pieces:
        rows[at : at + len(piece)] = piece
        at += len(piece)


def check_image_data(png: Png) -> None:
    """Inflate the image data of `png` and let it go.

    Raises:
        PngFault: It is not exactly what it should be.
    """
    collections.deque(inflated(png), maxlen=0)


def _check_wrapper(image: bytes, expected: int) -> None:
    """Check zlib's two bytes (RFC 1950), which decoders read with more or less care."""
    if len(image) < 2 or image[0] & 15 != 8 or image[0] >> 4 > 7 or image[1] & 0x20 or (image[0] * 256 + image[1]) % 31:
        raise PngFault("has image data that is not a zlib stream")
    if expected > len(image) * MOST_EXPANSION:
        raise PngFault(f"has too little image data ({len(image)} bytes) for its size")


class _Filters:
    """Checks the filter byte of each row, wherever pieces begin and end."""

    def __init__(self, header: Header) -> None:
        self._passes = [(rows * stride, stride) for rows, stride in header.passes]
        self._into = 0

    def check(self, piece: bytes) -> None:
        position = 0
        while position < len(piece):
            length, stride = self._passes[0]
            end = min(len(piece), position + length - self._into)
            filters = piece[position + -self._into % stride : end : stride]
            if filters and max(filters) > LAST_FILTER:
                raise PngFault(f"has a row with filter {max(filters)}, which no PNG has")
            self._into += end - position
            position = end
            if self._into == length:
                del self._passes[0]
                self._into = 0
