"""tRNS in every kind of PNG that may have it, against the specification's own words, in thousands of tiny pictures.

The expected values are computed here from the samples, not decoded by another program: Pillow and ffmpeg compare a
transparent colour with the wrong values in some kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from daddy_encode.encoding.png.decode import decode_png
from daddy_encode.encoding.png.parse import check_png
from daddy_encode.spool.png.pixels import Pixels
from tests.pngs import DEPTHS, Samples, chunk, png

MAX_PIXELS = 2**20


def expected(samples: Samples, depth: int, key: tuple[int, ...]) -> Pixels:
    """RGBA. Specification, third edition, 11.3.1.1: pixels of that value are transparent, all others opaque; of a key
    of a depth below 16 the least significant bits are used. 13.12: a sample is scaled by its depth's maximum."""
    wanted = [value % 2**depth for value in key]
    colours = samples // 256 if depth == 16 else samples * 255 // (2**depth - 1)
    alphas = np.where((samples == wanted).all(axis=2), 0, 255)
    return np.dstack([np.broadcast_to(colours, (*alphas.shape, 3)), alphas]).astype(np.uint8)


def trns(key: Iterable[int]) -> bytes:
    return chunk(b"tRNS", np.array(list(key), ">u2").tobytes())


def assert_read(samples: Samples, depth: int, colour: int, key: tuple[int, ...], wanted: Pixels) -> None:
    for interlaced in (False, True):
        read = decode_png(check_png(png(samples, depth, colour, interlaced, trns(key)), MAX_PIXELS))
        assert (read == wanted).all(), (depth, colour, key, interlaced)


def every_grey(depth: int) -> Samples:
    """Every value of a sample of up to 8 bits, in a picture in which Adam7 has all its passes."""
    values: Samples = np.arange(max(64, 2**depth)).reshape(8, -1, 1) % 2**depth
    return values


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_in_grey_of_up_to_8_bits_exactly_the_key_is_transparent_whichever_it_is(depth: int) -> None:
    samples = every_grey(depth)
    for value in range(2**depth):
        # Alone, and with bits set that are to be masked out.
        for key in (value, value + 2**depth, value | 0xFF00 | (0xFF << depth & 0xFF)):
            if depth < 8 or key == value or value % 16 == 5:
                assert_read(samples, depth, 0, (key,), expected(samples, depth, (value,)))


def one_bit_away(value: int, bits: int) -> list[int]:
    return [value ^ 1 << bit for bit in range(bits)]


@pytest.mark.parametrize("value", [0, 1, 0x00FF, 0x0100, 0x1234, 0x3412, 0x8000, 0xFFFE, 0xFFFF])
def test_in_grey_of_16_bits_the_key_is_compared_in_both_bytes(value: int) -> None:
    swapped = value >> 8 | value % 256 << 8
    values = [value, *one_bit_away(value, 16), swapped, value & 0xFF00, value & 0x00FF, value >> 8, 0, 0xFFFF]
    samples = np.array((values * 3)[:64]).reshape(8, 8, 1)
    assert_read(samples, 16, 0, (value,), expected(samples, 16, (value,)))


def colour_keys(depth: int) -> Iterator[tuple[int, ...]]:
    some = {8: (0, 1, 254, 255), 16: (0, 0x00FF, 0xFF00, 0xABCD)}[depth]
    yield from itertools.product(some, repeat=3)


@pytest.mark.parametrize("depth", [8, 16])
def test_in_rgb_only_a_pixel_with_all_three_samples_of_the_key_is_transparent(depth: int) -> None:
    for key in colour_keys(depth):
        pixels = [key, key[::-1], (0, 0, 0), *itertools.permutations(key)]
        # One bit away from it, in each of its samples.
        for place, value in enumerate(key):
            pixels += [(*key[:place], other, *key[place + 1 :]) for other in one_bit_away(value, depth)]
        samples = np.array((pixels * 3)[:80]).reshape(8, 10, 3)
        wanted = expected(samples, depth, key)
        assert_read(samples, depth, 2, key, wanted)
        if depth == 8:
            assert_read(samples, depth, 2, tuple(value | 0xA500 for value in key), wanted)


@pytest.mark.parametrize("depth", DEPTHS[3])
def test_a_palette_of_any_length_has_the_alphas_that_there_are_and_is_opaque_beyond_them(depth: int) -> None:
    samples = every_grey(depth)
    random = np.random.default_rng(depth)
    for length in range(2**depth + 1) if depth < 8 else (0, 1, 2, 100, 255, 256):
        colours = random.integers(0, 256, (2**depth, 3))
        alphas = random.integers(0, 256, length)
        palette = chunk(b"PLTE", bytes(colours.flatten().tolist())) + chunk(b"tRNS", bytes(alphas.tolist()))
        full = np.concatenate([alphas, np.full(2**depth - length, 255)])
        wanted = np.dstack([colours[samples[:, :, 0]], full[samples[:, :, 0]]])
        for interlaced in (False, True):
            read = decode_png(check_png(png(samples, depth, 3, interlaced, palette), MAX_PIXELS))
            assert (read == wanted[:, :, : 4 if length else 3]).all(), (length, interlaced)
