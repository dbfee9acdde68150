"""The lines of a sheet, as PNG deflates them, and their compressed bytes.

No row has a filter, which costs nothing; and numpy, which takes as long to load as all the rest, is not needed. Lines
are made from those of the pictures, a few at a time, and compressed while they are in the processor's cache.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from daddy_encode.report.sheet.file import MADE_BY
from daddy_encode.report.sheet.glyphs import TextPicture
from daddy_encode.report.sheet.layout import Cell
from daddy_encode.spool.png import deflate
from daddy_encode.spool.png.format import END, IDAT, beginning, chunk_parts

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.rows import Rows

_Part: TypeAlias = "bytes | Sequence[memoryview | bytes]"

# The grey of the line around a picture.
_BORDER = 200
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
    compressor = deflate.compressobj(deflate.REPEATABLE, zlib.DEFLATED, -zlib.MAX_WBITS)
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
    data = [deflate.ZLIB_HEAD]
    for part in parts:
        data += part.data
        adler32 = deflate.adler32_of_both(adler32, part.adler32, part.size)
    data += (_LAST_BLOCK, adler32.to_bytes(4, "big"))
    return b"".join((beginning(width, height), MADE_BY, *chunk_parts(IDAT, *data), END))


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
    between = side + _grey(255, cell.gap - 2 * cell.border) + side
    used = left + len(pictures) * (cell.width + cell.gap) - cell.gap + cell.border
    ends = b"\0" + _grey(255, left - cell.border) + side, side + _grey(255, width - used)
    edge = _beside([[_grey(_BORDER, cell.width)] * cell.border] * len(pictures), between, *ends)
    yield edge
    # To the end of each: what is wrong there is noticed then.
    for some in zip(*pictures, strict=True):
        yield _beside(some, between, *ends)
    yield edge


def text_lines(texts: Sequence[TextPicture], left: int, advance: int, width: int) -> bytes:
    """The lines of texts beside one another, from `left` on, each `advance` after the one before and no longer."""
    parts: list[_Part] = [b"\0" + _grey(255, left)]
    for text in texts:
        if text.width <= advance:
            parts += (text.rows, _grey(255, advance - text.width))
        else:
            parts.append([row[: 3 * advance] for row in text.rows])
    return _joined([*parts, _grey(255, width - left - len(texts) * advance)])


def _beside(columns: Iterable[Sequence[memoryview | bytes]], between: bytes, first: bytes, last: bytes) -> bytes:
    parts: list[_Part] = []
    for column in columns:
        parts += (between, column)
    return _joined([first, *parts[1:], last])


def _joined(parts: Iterable[_Part]) -> bytes:
    """Lines of parts; of each there is one for all lines, or one for each line."""
    columns = [itertools.repeat(part) if isinstance(part, bytes) else part for part in parts]
    return b"".join(itertools.chain.from_iterable(zip(*columns, strict=False)))


def _grey(value: int, width: int) -> bytes:
    return bytes((value,)) * (3 * width)
