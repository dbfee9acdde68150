"""PNGs broken by rule, from our own valid files: what is broken, and the bytes."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from daddy_encode.spool.png.writer import encode_png
from tests.media import moving_square
from tests.pngs import SIGNATURE, chunk, ihdr, image_rows, png, random_samples

Case = tuple[str, bytes]
Chunks = list[tuple[bytes, bytes]]


def small_file() -> bytes:
    """Our own dump of a small picture."""
    return encode_png(moving_square(1, 5, 7)[0])


def palette_file() -> bytes:
    samples = random_samples(5, 7, 1, 3)
    palette = chunk(b"PLTE", bytes(range(40, 100, 10))) + chunk(b"tRNS", b"\x80")
    return png(samples, 1, 3, interlaced=True, before=palette)


def chunks_of(data: bytes) -> Chunks:
    found = []
    position = len(SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def joined(chunks: Chunks) -> bytes:
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in chunks)


def truncations(data: bytes) -> Iterator[Case]:
    for length in range(len(data)):
        yield f"cut to {length} bytes", data[:length]


def bit_flips(data: bytes) -> Iterator[Case]:
    for position, bit in itertools.product(range(len(data)), range(8)):
        changed = bytearray(data)
        changed[position] ^= 1 << bit
        yield f"bit {bit} of byte {position}", bytes(changed)


def chunk_flips(data: bytes) -> Iterator[Case]:
    """Every bit of every chunk's name and data, with a CRC that is right again: what no checksum of PNG's shows."""
    chunks = chunks_of(data)
    for index, (kind, content) in enumerate(chunks):
        for label, flipped in bit_flips(kind + content):
            changed = [*chunks[:index], (flipped[:4], flipped[4:]), *chunks[index + 1 :]]
            yield f"{kind!r} with a right CRC, {label}", joined(changed)


def chunk_faults(data: bytes) -> Iterator[Case]:
    """Each chunk left out, twice, moved, emptied, longer, with a wrong length."""
    chunks = chunks_of(data)
    for index, (kind, content) in enumerate(chunks):
        rest = chunks[:index] + chunks[index + 1 :]
        yield f"without {kind!r}", joined(rest)
        yield f"{kind!r} twice", joined([*chunks[: index + 1], (kind, content), *chunks[index + 1 :]])
        for place in range(len(chunks)):
            if place != index:
                yield f"{kind!r} moved to {place}", joined([*rest[:place], (kind, content), *rest[place:]])
        yield f"{kind!r} empty", joined([*chunks[:index], (kind, b""), *chunks[index + 1 :]])
        yield f"{kind!r} a byte short", joined([*chunks[:index], (kind, content[:-1]), *chunks[index + 1 :]])
        yield f"{kind!r} a byte long", joined([*chunks[:index], (kind, content + b"\0"), *chunks[index + 1 :]])
        start = len(joined(chunks[:index]))
        for length in (0, 1, len(content) + 1, 2**31 - 1, 2**31, 2**32 - 1):
            wrong = data[:start] + struct.pack(">I", length) + data[start + 4 :]
            if length != len(content):
                yield f"{kind!r} of length {length}", wrong
    yield "bytes after the end", data + b"\0"
    yield "two files in one", data + data


def header_values(data: bytes) -> Iterator[Case]:
    """Each field of IHDR with each value that could trip a reader."""
    chunks = chunks_of(data)
    fields = struct.unpack(">IIBBBBB", chunks[0][1])
    sizes = (0, 1, 2, 4, 6, 8, 255, 65_535, 8192, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
    for index in range(7):
        for value in sizes if index < 2 else range(256) if index == 3 else (*range(20), 32, 64, 128, 255):
            if value != fields[index]:
                changed = [*fields[:index], value, *fields[index + 1 :]]
                content = struct.pack(">IIBBBBB", *changed)
                yield f"IHDR field {index} is {value}", joined([(b"IHDR", content), *chunks[1:]])


def image_faults() -> Iterator[Case]:
    """Image data that is not what IHDR says, each file whole and its CRCs right."""
    samples = random_samples(20, 32, 8, 2)
    rows = image_rows(samples, 8)
    stride = 1 + 32 * 3
    good = zlib.compress(rows)

    def file(*image: bytes) -> bytes:
        parts = b"".join(chunk(b"IDAT", part) for part in image)
        return SIGNATURE + ihdr(32, 20) + parts + chunk(b"IEND", b"")

    for more in (1, stride, 100_000, 50_000_000):
        yield f"inflates to {more} bytes more", file(zlib.compress(rows + bytes(more), 9))
    for less in (1, stride, len(rows) // 2, len(rows)):
        yield f"inflates to {less} bytes less", file(zlib.compress(rows[: len(rows) - less]))
    for cut in (1, 4, 5, 20, len(good) // 2, len(good) - 2, len(good)):
        yield f"its stream cut by {cut}", file(good[: len(good) - cut])
    unfinished = zlib.compressobj()
    yield "a stream without its end", file(unfinished.compress(rows) + unfinished.flush(zlib.Z_SYNC_FLUSH))
    yield "bytes after the stream", file(good + b"more")
    yield "a second stream", file(good + good)
    yield "a chunk after the stream", file(good, b"\0" * 10)
    yield "a stream without its checksum, and other pixels", file(zlib.compress(bytes(len(rows)))[:-4])
    yield "a wrong checksum", file(good[:-1] + bytes([good[-1] ^ 1]))
    for row, value in itertools.product((0, 7, 19), (5, 6, 128, 255)):
        changed = bytearray(rows)
        changed[row * stride] = value
        yield f"filter {value} in row {row}", file(zlib.compress(changed))
    for head in (b"\x78\xbb", b"\x77\x85", b"\x88\x1c", b"\x79\x9c", b"\x1f\x8b"):
        yield f"a stream that begins {head!r}", file(head + good[2:])
    yield "raw deflate", file(good[2:-4])


def transparency_faults() -> Iterator[Case]:
    """Palettes and transparent colours of wrong lengths and in wrong places."""
    for colour, depth in ((0, 8), (2, 8), (0, 16), (2, 16), (4, 8), (6, 8)):
        samples = random_samples(5, 7, depth, colour)
        for length in (0, 1, 2, 3, 5, 6, 7, 256):
            yield (
                f"tRNS of {length} in colour {colour}, depth {depth}",
                png(samples, depth, colour, before=chunk(b"tRNS", bytes(length))),
            )
        yield f"PLTE in colour {colour}", png(samples, depth, colour, before=chunk(b"PLTE", bytes(6)))
    samples = random_samples(5, 7, 8, 3)
    for length in (0, 1, 3, 4, 9, 768, 771, 3000):
        yield f"PLTE of {length} bytes", png(samples, 8, 3, before=chunk(b"PLTE", bytes(length)))
    palette = chunk(b"PLTE", np.arange(768).astype(np.uint8).tobytes())
    for length in (0, 1, 255, 256, 257, 300):
        yield f"{length} alphas", png(samples, 8, 3, before=palette + chunk(b"tRNS", bytes(length)))
    yield "alphas before the palette", png(samples, 8, 3, before=chunk(b"tRNS", bytes(9)) + palette)


def with_any_checksum() -> Iterator[Case]:
    """Files whose checksums are all as they were: each fault must be seen."""
    for data in (small_file(), palette_file()):
        yield from truncations(data)
        yield from bit_flips(data)


def with_right_checksums() -> Iterator[Case]:
    """Files whose CRCs are right: each is refused, or read as everybody reads it."""
    for data in (small_file(), palette_file()):
        yield from chunk_flips(data)
        yield from chunk_faults(data)
        yield from header_values(data)
    yield from image_faults()
    yield from transparency_faults()
