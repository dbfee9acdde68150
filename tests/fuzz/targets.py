"""What must hold for any bytes at all: one function for each reader. Each raises AssertionError where it does not."""

from __future__ import annotations

import io
import os
import tarfile
import zlib

import numpy as np

from daddy_encode.encoding.png.decode import decode_png, to_rgb
from daddy_encode.encoding.png.inflate import inflated
from daddy_encode.encoding.png.opaque import is_opaque
from daddy_encode.encoding.png.parse import Header, PngFault, check_png
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.errors import ManifestError
from daddy_encode.spool.manifest import Manifest
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.recording.rollout import Rollout
from daddy_encode.spool.records import parse_record
from daddy_encode.spool.stored.tar import BLOCK, ZEROS, TarFault, padded
from daddy_encode.spool.stored.tar_index import count_stored, read_index
from tests.encoding.stored.tars import signed
from tests.pngs import SIGNATURE, chunk, ihdr, pillow_rgb

# Larger pictures only take longer.
MAX_PIXELS = 65_536


def one_png(data: bytes) -> str:
    """Read `data` as a frame; return "taken", or why it was refused.

    Nothing but PngFault may come out. What is taken inflates, by Python's own zlib as well, to exactly the rows that
    the header asks for, is decoded by Pillow, and says the same wrapped as a stored PNG.
    """
    try:
        png = check_png(data, MAX_PIXELS)
        rows = b"".join(inflated(png))
    except PngFault as fault:
        assert str(fault).isprintable()
        return str(fault)
    decoder = zlib.decompressobj()
    assert decoder.decompress(png.image) == rows
    assert decoder.eof
    assert png.has_surplus >= bool(decoder.unused_data)
    assert len(rows) == png.header.image_bytes
    pixels = to_rgb(decode_png(png), (1, 2, 3))
    assert pixels.shape == (png.header.height, png.header.width, 3)
    assert pixels.dtype == np.uint8
    if png.header.colour == 2 and png.header.depth == 8 and png.transparent_colour is None:
        pillow = pillow_rgb(data)
        assert pillow is not None
        assert (pillow == pixels).all()
    stored = StoredPng(Header(*png.size))
    wrapped = pillow_rgb(bytes(stored.fill_pixels(pixels.data.cast("B"))))
    assert wrapped is not None
    assert (wrapped == pixels).all()
    if png.plain:
        again = pillow_rgb(bytes(stored.fill(inflated(png))))
        assert again is not None
        assert (again == pixels).all()
    if png.rgba:
        assert is_opaque(rows, png.header) == (decode_png(png)[:, :, 3] == 255).all()
    return "taken"


def one_png_with_right_sums(data: bytes) -> str:
    """As `one_png`, with the chunks' CRCs made right and the signature there, so that a fuzzer gets further in."""
    return one_png(mended(data))


def one_png_of_rows(data: bytes) -> str:
    """As `one_png`, of a file whose header, palette and rows are taken from `data`, and whose sums are all right."""
    if len(data) < 8:
        return "too short"
    width, height, kind, shape, palette, alphas = data[0] % 40 + 1, data[1] % 40 + 1, *data[2:6]
    colour, depth = (0, 2, 3, 4, 6)[kind % 5], (1, 2, 4, 8, 16)[shape % 5]
    parts = [SIGNATURE, ihdr(width, height, depth, colour, bool(shape & 128))]
    rest = data[6:]
    if palette & 1:
        parts.append(chunk(b"PLTE", rest[: palette & 63]))
    if alphas & 1:
        parts.append(chunk(b"tRNS", rest[: alphas & 15]))
    # As long as it must be more often than not, so that there is something to decode.
    wanted = Header(width, height, depth, colour, bool(shape & 128)).image_bytes
    rows = rest if alphas & 128 else (rest * (wanted // len(rest) + 1))[:wanted]
    return one_png(b"".join([*parts, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]))


def mended(data: bytes) -> bytes:
    """`data` cut into chunks by the lengths in it, each with a right CRC, after a signature."""
    parts = [SIGNATURE]
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length = min(int.from_bytes(data[position : position + 4], "big"), len(data) - position - 12)
        body = data[position + 4 : position + 8 + length]
        parts.append(length.to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big"))
        position += 12 + length
    return b"".join(parts)


def one_record(data: bytes) -> str:
    """Read `data` as each kind of record: nothing but ManifestError, in one printable line, may come out."""
    completed = []
    for kind in (Manifest, Rollout, Receipt):
        try:
            parse_record(data, kind, "name")
            completed.append("taken")
        except ManifestError as error:
            assert str(error).startswith("name: ")
            assert str(error).isprintable()
            completed.append(str(error))
    return " | ".join(completed)


def one_tar(data: bytes) -> str:
    """Index `data` as an archive of frames; return "taken", or why it was refused.

    Nothing but TarFault may come out. Entries of what is taken are PNGs by name alone, none within another, and have
    the bytes that Python's tarfile finds.
    """
    descriptor = os.memfd_create("archive")
    try:
        os.write(descriptor, data)
        assert count_stored(descriptor, len(data))[0] >= 0
        index = read_index(descriptor, len(data))
    except TarFault as fault:
        return str(fault)
    finally:
        os.close(descriptor)
    end = 0
    for name, (begin, size) in sorted(index.entries.items(), key=lambda entry: entry[1]):
        assert name[-4:].lower() == ".png" and "/" not in name
        assert begin >= end + BLOCK or (name == index.cut and size == 0)
        end = begin + size
        assert end <= len(data) or name == index.cut
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isreg() else None
                found[member.name.rpartition("/")[2]] = b"" if stream is None else stream.read()
                assert not (member.issym() or member.islnk() or member.isdev())
    except (tarfile.TarError, UnicodeError, ValueError):
        pass
    for name, body in found.items():
        if name[-4:].lower() == ".png" and name in index.entries and name != index.cut:
            begin, size = index.entries[name]
            assert data[begin : begin + size] == body
    return "taken"


def one_tar_with_right_sums(data: bytes) -> str:
    """As `one_tar`, with the headers' checksums made right, so that a fuzzer gets further in."""
    parts, position = [], 0
    while position + BLOCK <= len(data) and data[position : position + BLOCK] != ZEROS:
        header = signed(data[position : position + BLOCK])
        digits = header[124:135]
        size = int(digits, 8) if digits.strip(b"01234567") == b"" else 0
        end = position + BLOCK + min(padded(size), len(data))
        parts += [header, data[position + BLOCK : end]]
        position = end
    return one_tar(b"".join([*parts, data[position:]]))


TARGETS = {
    "tar": one_tar,
    "tar-mended": one_tar_with_right_sums,
    "png": one_png,
    "png-mended": one_png_with_right_sums,
    "png-rows": one_png_of_rows,
    "record": one_record,
}
