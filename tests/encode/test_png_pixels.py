"""The short way to a plain PNG's pixels gives what Pillow gives."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encode.png import PngFault, check_png
from daddy_encode.encode.png_pixels import plain_pixels
from tests.media import moving_square

MANY = 10**6
FRAME = np.random.default_rng(3).integers(0, 256, (13, 17, 3), np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows: bytes, *, parts: int = 1, width: int = 17, height: int = 13, extra: bytes = b"") -> bytes:
    data = zlib.compress(rows) + extra
    size = -(-len(data) // parts)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    images = [chunk(b"IDAT", data[start : start + size]) for start in range(0, len(data), size)]
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *images, chunk(b"IEND", b"")])


def filtered(kind: int) -> bytes:
    """FRAME's rows, filtered (PNG specification, 9.2) by none, Sub or Up."""
    pixels = FRAME.astype(int)
    before = np.zeros_like(pixels)
    if kind == 1:
        before[:, 1:] = pixels[:, :-1]
    elif kind == 2:
        before[1:] = pixels[:-1]
    rows = ((pixels - before) % 256).astype(np.uint8).reshape(13, -1)
    return b"".join(bytes((kind,)) + row.tobytes() for row in rows)


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_one_filter_for_all_rows_is_undone(kind: int, parts: int) -> None:
    data = png(filtered(kind), parts=parts)
    pixels = plain_pixels(check_png(data, MANY))
    assert np.array_equal(pixels, FRAME)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), FRAME)
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("options", [{}, {"compress_level": 0}, {"optimize": True}])
def test_pillows_own_files_come_back(options: dict[str, Any]) -> None:
    for frame in (FRAME, *moving_square(2), FRAME[:1], FRAME[:, :1]):
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "PNG", **options)
        assert np.array_equal(plain_pixels(check_png(stream.getvalue(), MANY)), frame)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "LA", "I;16"])
def test_other_kinds_are_not_plain(mode: str) -> None:
    stream = io.BytesIO()
    image = Image.new("I;16", (4, 4)) if mode == "I;16" else Image.fromarray(FRAME).convert(mode)
    image.save(stream, "PNG")
    assert not check_png(stream.getvalue(), MANY).plain


def test_a_transparent_colour_is_not_plain() -> None:
    stream = io.BytesIO()
    Image.fromarray(FRAME).save(stream, "PNG", transparency=(1, 2, 3))
    assert not check_png(stream.getvalue(), MANY).plain


@pytest.mark.parametrize(
    "data",
    [
        png(filtered(0)[:-1]),
        png(filtered(0) + b"\0"),
        png(filtered(0), height=14),
        png(filtered(0)[:-1] + b"\7", extra=b"")[:-40] + png(filtered(0))[-12:],
        png(bytes(10**6), width=1, height=1),
    ],
    ids=["too short", "too long", "too few rows", "cut off", "a bomb"],
)
def test_image_data_that_does_not_fit_is_a_fault(data: bytes) -> None:
    with pytest.raises(PngFault):
        plain_pixels(check_png(data, MANY))


def test_damaged_image_data_is_a_fault() -> None:
    stream = bytearray(zlib.compress(filtered(0)))
    stream[-1] ^= 1  # its checksum
    header = struct.pack(">IIBBBBB", 17, 13, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", bytes(stream)), chunk(b"IEND", b"")]
    with pytest.raises(PngFault, match=r"damaged image data|without its end or checksum"):
        plain_pixels(check_png(b"".join(parts), MANY))
