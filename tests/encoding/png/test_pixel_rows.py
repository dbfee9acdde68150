"""The rows of plain PNGs, some at a time, are those that Pillow reads."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encoding.png.parse import PngFault, check_png
from daddy_encode.encoding.png.pixel_rows import pixel_rows
from daddy_encode.spool.png.pixels import Pixels
from tests.pngs import SIGNATURE, chunk, ihdr

HEIGHT, WIDTH = 37, 23
RANDOM = np.random.default_rng(7)


def png(rows: bytes, parts: int = 1) -> bytes:
    data = zlib.compress(rows)
    size = -(-len(data) // parts)
    images = [chunk(b"IDAT", data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join([SIGNATURE, ihdr(WIDTH, HEIGHT), *images, chunk(b"IEND", b"")])


def filtered(filters: Pixels) -> bytes:
    """Random bytes as rows with these filters: each is some picture."""
    rows = RANDOM.integers(0, 256, (HEIGHT, 1 + 3 * WIDTH), np.uint8)
    rows[:, 0] = filters
    return rows.tobytes()


def read(data: bytes, count: int) -> tuple[list[int], bytes]:
    """How many rows came each time, and all of them."""
    some = [list(map(bytes, rows)) for rows in pixel_rows(check_png(data, 10**6), count)]
    assert all(len(row) == 3 * WIDTH for rows in some for row in rows)
    return [len(rows) for rows in some], b"".join(row for rows in some for row in rows)


@pytest.mark.parametrize("count", [1, 7, HEIGHT, 100])
@pytest.mark.parametrize("filters", [0, 1, 2, 3, 4, None], ids=["none", "sub", "up", "average", "paeth", "any"])
def test_rows_come_so_many_at_a_time_as_pillow_reads_them(filters: int | None, count: int) -> None:
    chosen = np.full(HEIGHT, filters) if filters is not None else RANDOM.integers(0, 5, HEIGHT)
    if filters is None:
        # In the middle some pieces without a filter, whose last row the next one depends on.
        chosen[10:22] = 0
    data = png(filtered(chosen.astype(np.uint8)), parts=3)
    counts, pixels = read(data, count)
    assert pixels == Image.open(io.BytesIO(data)).tobytes()
    assert counts == [count] * (HEIGHT // count) + [HEIGHT % count] * (HEIGHT % count > 0)


def test_rows_that_are_longer_than_a_stored_block_and_than_a_piece_are_read() -> None:
    picture = np.add.accumulate(RANDOM.integers(0, 3, (3, 22_000, 3), np.uint8), axis=1, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    for count in (1, 2):
        rows = [row for some in pixel_rows(check_png(file.getvalue(), 10**6), count) for row in some]
        assert b"".join(rows) == picture.tobytes()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (filtered(np.zeros(HEIGHT, np.uint8))[:-1], "cut off"),
        (filtered(np.zeros(HEIGHT, np.uint8)) + b"\0", "more image data"),
        (filtered(np.full(HEIGHT, 5, np.uint8)), "a row with filter 5"),
    ],
)
def test_what_is_not_exactly_as_long_or_has_no_real_filter_is_a_fault(rows: bytes, said: str) -> None:
    with pytest.raises(PngFault, match=said):
        read(png(rows), 7)
