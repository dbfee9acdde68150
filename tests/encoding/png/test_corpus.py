"""Every PNG broken by rule is refused, by name, or read exactly as Pillow and ffmpeg read it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.spool.png.pixels import Pixels
from tests.encoding.png import corpus
from tests.pngs import blended, ffmpeg_rgba, pillow_rgb

NAME = "000003.png"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[JobDirectory]:
    with JobDirectory(tmp_path) as opened:
        yield opened


def read(directory: JobDirectory, data: bytes) -> Pixels | BadFrameError:
    """What the frame source makes of a file."""
    (directory.path / NAME).write_bytes(data)
    try:
        source = DirectorySource(directory, [NAME])
        (frame,) = source.frames(as_pixels=True)
        return np.frombuffer(frame, np.uint8).reshape(source.height, source.width, 3).copy()
    except BadFrameError as error:
        return error


def assert_refused(result: Pixels | BadFrameError, directory: JobDirectory, label: str) -> None:
    assert isinstance(result, BadFrameError), label
    assert str(result).startswith(f"{directory.path / NAME}: "), label
    assert str(result).isprintable(), label


def test_every_cut_and_every_flipped_bit_is_seen(directory: JobDirectory) -> None:
    for label, data in corpus.with_any_checksum():
        assert_refused(read(directory, data), directory, label)


@pytest.mark.soak
def test_what_no_crc_shows_is_refused_or_read_as_everybody_reads_it(directory: JobDirectory) -> None:
    seen: dict[bytes, Pixels] = {}
    refused = 0
    for label, data in corpus.with_right_checksums():
        result = read(directory, data)
        if isinstance(result, BadFrameError):
            assert_refused(result, directory, label)
            refused += 1
            continue
        # Chunks that mean nothing to anybody leave hundreds of files with the same meaning; one reading will do.
        if data[8:33] + result.tobytes() in seen:
            continue
        seen[data[8:33] + result.tobytes()] = result
        height, width = result.shape[:2]
        theirs = ffmpeg_rgba(data, width, height)
        assert theirs is not None, label
        assert (blended(theirs, (0, 0, 0)) == result).all(), label
        if b"tRNS" not in data and data[25] not in (4, 6):
            pillow = pillow_rgb(data)
            assert pillow is not None, label
            assert (pillow == result).all() or data[24:26] == b"\x10\0", label
    assert refused > 1500
    assert len(seen) < 200


def test_a_giant_a_bomb_and_sparse_files_take_little_memory(tmp_path: Path) -> None:
    program = f"""
import struct, sys, zlib
from pathlib import Path
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from tests.pngs import SIGNATURE, chunk, ihdr

def file(width, height, image, depth=8, colour=2, interlaced=False):
    return SIGNATURE + ihdr(width, height, depth, colour, interlaced) + chunk(b"IDAT", image) + chunk(b"IEND", b"")

directory = Path({str(tmp_path)!r})
bomb = zlib.compressobj(9)
bombed = b"".join(bomb.compress(bytes(2**20)) for _ in range(192)) + bomb.flush()
files = {{
    "a header that is too large": file(2**31 - 1, 2**31 - 1, b"x"),
    "a header at the limit, no data": file(8192, 8192, zlib.compress(b"")),
    "16 bit at the limit, little data": file(8192, 8192, zlib.compress(bytes(100_000)), 16, 6, True),
    "a bomb in a small picture": file(4, 4, bombed),
    "a bomb that is short of a large picture": file(8192, 8192, bombed),
    "a text chunk of 60 MB": file(4, 4, b"")[:33] + chunk(b"tEXt", bytes(60_000_000)) + chunk(b"IEND", b""),
}}
for label, data in files.items():
    (directory / "000000.png").write_bytes(data)
    try:
        with JobDirectory(directory) as opened:
            list(DirectorySource(opened, ["000000.png"]).frames(as_pixels=True))
        sys.exit("taken: " + label)
    except BadFrameError as error:
        print(error)
with open(directory / "000000.png", "wb") as stream:
    stream.write(file(4, 4, b"")[:33])
    stream.truncate(10 * 2**30)
try:
    with JobDirectory(directory) as opened:
        DirectorySource(opened, ["000000.png"])
    sys.exit("taken: a sparse file")
except BadFrameError as error:
    print(error)
with open(directory / "000000.png", "wb") as stream:
    stream.write(file(4, 4, zlib.compress(bytes(4 * 13))))
    stream.truncate(2**30)
with JobDirectory(directory) as opened:
    source = DirectorySource(opened, ["000000.png"])
    (pixels,) = source.frames(as_pixels=True)
    print(directory / "000000.png:", source.notes(), len(pixels))
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(int(peak) // 1024)
"""
    completed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=100
    )
    assert completed.returncode == 0, completed.stderr
    *messages, peak = completed.stdout.splitlines()
    expected = [
        "is 2147483647x2147483647, more than the limit of 67108864 pixels",
        "has too little image data (8 bytes) for its size",
        "has too little image data (120 bytes) for its size",
        "has more image data than its size of 4x4 needs",
        "has image data for 201326592 of 201334784 bytes: it is cut off",
        "has chunks missing, repeated or out of order",
        "has 10737418240 bytes, more than the 67108922 that a picture of its size can need",
    ]
    advice = ["make smaller frames", *["write it again"] * (len(expected) - 1)]
    large = "1 PNG has bytes after the picture, which are ignored, as PNG asks for (first: 000000.png)"
    assert messages == [
        *(f"{tmp_path}/000000.png: {reason}; {what}" for reason, what in zip(expected, advice, strict=True)),
        f"{tmp_path}/000000.png: {[large]} 48",
    ]
    assert int(peak) < 500
