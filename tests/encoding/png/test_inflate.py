"""Image data is inflated to the same bytes, and the same faults are found, by isal's decoder and by zlib's."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest

from daddy_encode.encoding.png import inflate
from daddy_encode.encoding.png.inflate import INPUT_BYTES, inflated
from daddy_encode.encoding.png.parse import Png, PngFault, check_png
from daddy_encode.spool.png import deflate
from tests.pngs import SIGNATURE, chunk, ihdr

MANY = 10**6
WIDTH, HEIGHT = 300, 500
STRIDE = 1 + 3 * WIDTH


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "zlib":
        monkeypatch.setattr(inflate, "decompressor", deflate._Zlib)
        monkeypatch.setattr(inflate, "DeflateError", zlib.error)
    elif not deflate._HAS_ISAL:
        pytest.skip("isal has no wheel for this machine")
    return str(request.param)


def rows(*, noise: bool) -> bytes:
    """Rows without filters, of noise or of one value."""
    values = np.zeros((HEIGHT, STRIDE), np.uint8)
    if noise:
        values[:, 1:] = np.random.default_rng(0).integers(0, 256, (HEIGHT, STRIDE - 1))
    return values.tobytes()


def png_of(stream: bytes) -> Png:
    file = b"".join([SIGNATURE, ihdr(WIDTH, HEIGHT), chunk(b"IDAT", stream), chunk(b"IEND", b"")])
    return check_png(file, MANY)


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(("most", "unit"), [(120_000, 8), (STRIDE, STRIDE), (100, 1), (10 * STRIDE, STRIDE)])
def test_pieces_together_are_all_rows(noise: bool, most: int, unit: int) -> None:
    data = rows(noise=noise)
    stream = zlib.compress(data, 1)
    assert noise == (len(stream) > 2 * INPUT_BYTES)
    pieces = list(inflated(png_of(stream), most, unit))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= most


def outcome(stream: bytes) -> tuple[bytes, bool] | str:
    png = png_of(stream)
    try:
        return b"".join(inflated(png)), png.has_surplus
    except PngFault as fault:
        return str(fault)


DATA = rows(noise=True)
STREAM = zlib.compress(DATA, 1)


def with_empty_blocks() -> bytes:
    """A stream with blocks that hold nothing, before and behind all."""
    compressor = zlib.compressobj(1)
    parts = [compressor.flush(zlib.Z_FULL_FLUSH) for _ in range(3)]
    parts += [compressor.compress(DATA)]
    parts += [compressor.flush(zlib.Z_FULL_FLUSH) for _ in range(3)]
    return b"".join((*parts, compressor.flush()))


@pytest.mark.parametrize("surplus", [b"", b"\0", b"x" * 9, bytes(2 * INPUT_BYTES), STREAM])
@pytest.mark.parametrize("stream", [lambda: STREAM, with_empty_blocks], ids=["plain", "empty blocks"])
def test_what_is_behind_the_stream_is_surplus(stream: Callable[[], bytes], surplus: bytes) -> None:
    assert outcome(stream() + surplus) == (DATA, bool(surplus))


def test_a_stream_that_is_cut_off_anywhere_is_a_fault() -> None:
    ends = [2, 3, 100, INPUT_BYTES - 1, INPUT_BYTES, INPUT_BYTES + 1, 2 * INPUT_BYTES, len(STREAM) // 2]
    for end in [*ends, *range(len(STREAM) - 12, len(STREAM))]:
        assert isinstance(found := outcome(STREAM[:end]), str), end
        assert "image data" in found


@pytest.mark.parametrize("change", [-100_000, -STRIDE, -1, 1, STRIDE, 100_000])
def test_data_of_another_length_is_a_fault(change: int) -> None:
    data = DATA[:change] if change < 0 else DATA + bytes(change)
    found = outcome(zlib.compress(data, 1))
    assert found == (
        f"has image data for {len(data)} of {len(DATA)} bytes: it is cut off"
        if change < 0
        else f"has more image data than its size of {WIDTH}x{HEIGHT} needs"
    )


def test_a_wrong_checksum_is_a_fault_and_so_is_a_damaged_block() -> None:
    for at in (len(STREAM) - 1, len(STREAM) - 4, 2, len(STREAM) // 2):
        damaged = bytearray(STREAM)
        damaged[at] ^= 0x7F
        assert isinstance(outcome(bytes(damaged)), str), at


def test_a_stream_that_ends_behind_the_picture_without_its_end_is_a_fault() -> None:
    compressor = zlib.compressobj(1)
    stream = compressor.compress(DATA) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert outcome(stream) == "has image data without its end or checksum"
