"""Streams that are not compressed, and sums of parts, are those of zlib."""

from __future__ import annotations

import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from daddy_encode.spool.png.deflate import adler32_of_both, stored


def test_a_stored_stream_is_whole_and_as_short_as_zlibs() -> None:
    for size in (1, 65_534, 65_535, 65_536, 131_070, 200_000):
        data = bytes(range(251)) * (size // 251) + bytes(size % 251)
        stream = zlib.decompressobj()
        assert stream.decompress(stored(data)) == data
        assert stream.eof and not stream.unused_data
        assert len(stored(data)) == size + 6 + 5 * -(-size // 65_535)


@settings(max_examples=25)
@given(st.binary(), st.binary(), st.integers(1, 2000))
def test_the_sum_of_two_parts_is_that_of_all(first: bytes, second: bytes, times: int) -> None:
    parts = first, second * (times if len(second) < 100 else 1)
    of_first, of_second = map(zlib.adler32, parts)
    assert adler32_of_both(of_first, of_second, len(parts[1])) == zlib.adler32(b"".join(parts))
