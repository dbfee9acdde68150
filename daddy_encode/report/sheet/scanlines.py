"""The lines of a sheet, as PNG deflates them, and their compressed bytes.

No row has a filter, which costs nothing; and numpy, which takes as long to load as all the rest, is not needed. Lines
are made from those of the pictures, a few at a time, and compressed while they are in the processor's cache.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from daddy_encode.report.sheet.glyphs import TextPicture
from daddy_encode.report.sheet.layout import Cell
from daddy_encode.spool.png import deflate
from daddy_encode.spool.png.format import END, IDAT, beginning, chunk_parts

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.rows import Rows

_LEVEL = 1
# The grey of the line around a picture.
_BORDER = 200
_ZLIB_HEAD = b"\x78\x01"
# An empty block, of all that there is the last one.
_LAST_BLOCK = b"\x03\x00"


class Compressed(Struct):
    """Lines that were compressed by themselves: in any thread, and always to the same bytes.

    Attributes:
        data: Blocks of deflate, in pieces; they end at a byte.
        adler32: The sum of the lines.
        size: How many bytes these have.
    """

    data: list[bytes]
    adler32: int
    size: int


def compressed(lines: Iterable[bytes]) -> Compressed:
    """Compress lines, each time as many as there are."""
    compressor = deflate.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    data, adler32, size = list[bytes](), 1, 0
    for some in lines:
        data.append(compressor.compress(some))
        adler32 = deflate.adler32(some, adler32)
        size += len(some)
    data.append(compressor.flush(zlib.Z_SYNC_FLUSH))
    return Compressed(data, adler32, size)


def png_of(width: int, height: int, parts: Iterable[Compressed]) -> bytes:
    """The PNG of a picture whose lines are in `parts`, one after another."""
    adler32 = 1
    data = [_ZLIB_HEAD]
    for part in parts:
        data += part.data
        adler32 = deflate.adler32_of_both(adler32, part.adler32, part.size)
    data += (_LAST_BLOCK, adler32.to_bytes(4, "big"))
    return b"".join((beginning(width, height), *chunk_parts(IDAT, *data), END))


def white(width: int, height: int) -> bytes:
    """So many empty lines."""
    return (b"\0" + _grey(255, width)) * height


def picture_lines(pictures: Sequence[Rows], cell: Cell, left: int, width: int) -> Iterator[bytes]:
    """The lines of pictures beside one another, each with a border around it.

    Args:
        pictures: Rows of all of them, as many at a time of each.
        cell: Of each.
        left: Where the first one begins.
        width: Of all the line.
    """
    side = _grey(_BORDER, cell.border)
    first = b"\0" + _grey(255, left - cell.border) + side
    between = side + _grey(255, cell.gap - 2 * cell.border) + side
    used = left + len(pictures) * (cell.width + cell.gap) - cell.gap + cell.border
    last = side + _grey(255, width - used)
    edge = [[_grey(_BORDER, cell.width)] * cell.border] * len(pictures)
    yield _joined(first, edge, between, last)
    # To the end of each: what is wrong there is noticed then.
    for some in zip(*pictures, strict=True):
        yield _joined(first, some, between, last)
    yield _joined(first, edge, between, last)


def text_lines(texts: Sequence[TextPicture], left: int, advance: int, width: int) -> bytes:
    """The lines of texts beside one another, from `left` on, each `advance` after the one before and no longer."""
    columns = [[row.ljust(3 * advance, b"\xff")[: 3 * advance] for row in text.rows] for text in texts]
    return _joined(b"\0" + _grey(255, left), columns, b"", _grey(255, width - left - len(texts) * advance))


def _joined(first: bytes, columns: Sequence[Sequence[bytes | memoryview]], between: bytes, last: bytes) -> bytes:
    """Lines of what is in `columns`, each of which has a part of every line."""
    parts: list[Iterable[bytes | memoryview]] = [itertools.repeat(first)]
    for column in columns:
        parts += (column, itertools.repeat(between))
    parts[-1] = itertools.repeat(last)
    return b"".join(itertools.chain.from_iterable(zip(*parts, strict=False)))


def _grey(value: int, width: int) -> bytes:
    return bytes((value,)) * (3 * width)
