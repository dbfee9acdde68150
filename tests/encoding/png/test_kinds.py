"""Every kind of PNG becomes the 8-bit RGB that Pillow and ffmpeg make of it."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.png.decode import to_rgb
from daddy_encode.spool.png.pixels import Pixels
from tests.jobs import encode
from tests.media import decode_mp4, moving_square
from tests.pngs import blended, chunk, every_kind, ffmpeg_rgba, pillow_rgb, png, random_samples, rgb

KINDS = dict(every_kind())


def read(directory: Path, data: bytes, background: tuple[int, int, int] = (0, 0, 0)) -> Pixels:
    """The pixels that would go to ffmpeg."""
    (directory / "000000.png").write_bytes(data)
    with JobDirectory(directory) as opened:
        source = DirectorySource(opened, ["000000.png"], look=Look(background))
        (frame,) = source.frames(as_pixels=True)
        return np.frombuffer(frame, np.uint8).reshape(source.height, source.width, 3).copy()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_read_as_ffmpeg_and_pillow_read_it(tmp_path: Path, name: str) -> None:
    data = KINDS[name]
    theirs = ffmpeg_rgba(data, 19, 13)
    assert theirs is not None
    if "trns" in name and (depth := data[24]) < 8 and data[25] == 0:
        # ffmpeg does not know tRNS in 1-bit grey, and compares it unscaled in 2-bit and 4-bit grey.
        theirs = theirs.copy()
        key = data[data.index(b"tRNS") + 5]
        theirs[..., 3] = np.where(theirs[..., 0].astype(int) * ((1 << depth) - 1) // 255 == key, 0, 255)
    for background in ((0, 0, 0), (10, 200, 77)):
        assert (read(tmp_path, data, background) == blended(theirs, background)).all()
    transparent = "trns" in name or name.startswith(("colour4", "colour6"))
    grey16 = name.startswith("colour0-depth16")
    if not transparent and not grey16:
        assert (read(tmp_path, data) == pillow_rgb(data)).all()


@pytest.mark.parametrize("row_filter", [1, 2, 3, 4])
def test_every_row_filter_arrives_as_it_was_meant(tmp_path: Path, row_filter: int) -> None:
    samples = random_samples(13, 19, 8, 2)
    rows = bytearray(b"".join(bytes([row_filter]) + bytes(row.reshape(-1).tolist()) for row in samples))
    data = rgb(np.zeros((13, 19, 3), np.uint8))
    start = data.index(b"IDAT") - 4
    data = data[:start] + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert (read(tmp_path, data) == pillow_rgb(data)).all()


def test_colour_chunks_change_no_pixel(tmp_path: Path) -> None:
    pixels = moving_square(1)[0]
    profile = b"icc\0\0" + zlib.compress(b"no profile at all")
    before = b"".join(
        [
            chunk(b"gAMA", struct.pack(">I", 220_000)),
            chunk(b"cHRM", bytes(32)),
            chunk(b"sRGB", b"\x03"),
            chunk(b"iCCP", profile),
            chunk(b"sBIT", b"\x05\x06\x05"),
            chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
            chunk(b"tEXt", b"Comment\0%06d.png; -i concat:/etc/passwd"),
        ]
    )
    assert (read(tmp_path, rgb(pixels, before)) == pixels).all()


@pytest.mark.parametrize("first_is_part", [True, False])
def test_of_an_animated_png_the_first_picture_is_taken(tmp_path: Path, first_is_part: bool) -> None:
    pixels = moving_square(1)[0]
    height, width = pixels.shape[:2]

    def control(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0))

    before = chunk(b"acTL", struct.pack(">II", 2, 0)) + (control(0) if first_is_part else b"")
    other = zlib.compress(bytes(height * (1 + 3 * width)))
    after = control(1) + chunk(b"fdAT", struct.pack(">I", 2) + other)
    assert (read(tmp_path, rgb(pixels, before, after)) == pixels).all()


def test_a_palette_that_is_only_suggested_changes_nothing(tmp_path: Path) -> None:
    pixels = moving_square(1)[0]
    assert (read(tmp_path, rgb(pixels, chunk(b"PLTE", bytes(range(30))))) == pixels).all()


@pytest.mark.parametrize("first", ["colour2-depth8", "colour6-depth16-interlaced", "colour3-depth1-trns"])
def test_kinds_mix_within_a_job_in_any_order(tmp_path: Path, first: str) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    files = [KINDS[first], *(data for name, data in KINDS.items() if name != first)]
    for index, data in enumerate(files):
        (directory / f"{index:06d}.png").write_bytes(data)
    result = encode(directory, crf=0)
    assert [record.frames for record in result.made] == [len(files)]
    with JobDirectory(directory) as opened:
        source = DirectorySource(opened, [f"{index:06d}.png" for index in range(len(files))])
        stored = [pillow_rgb(bytes(frame)) for frame in source.frames(as_pixels=False)]
        raw = [np.frombuffer(frame, np.uint8).reshape(13, 19, 3).copy() for frame in source.frames(as_pixels=True)]
    assert all(one is not None and (one == other).all() for one, other in zip(stored, raw, strict=True))


def test_the_background_shows_through_and_is_part_of_what_is_done(tmp_path: Path) -> None:
    directory = tmp_path / "job"
    directory.mkdir()
    half = np.zeros((48, 64, 4), np.uint8)
    half[:, 32:] = (255, 255, 255, 255)
    for index in range(3):
        Image.fromarray(half).save(directory / f"{index:06d}.png")
    assert encode(directory).made
    assert decode_mp4(tmp_path / "job.mp4", 64, 48)[0, 20, 10].max() < 10
    (record,) = encode(directory, background="FF0000").made
    assert record.settings["background"] == "ff0000"
    shown = decode_mp4(tmp_path / "job.mp4", 64, 48)[0, 20]
    assert np.abs(shown[10].astype(int) - (255, 0, 0)).max() < 12
    assert shown[50].min() > 245
    assert encode(directory, background="ff0000").made == []


def test_imageio_is_loaded_for_what_is_not_rgb_and_nothing_is_for_rgb(tmp_path: Path) -> None:
    (tmp_path / "000000.png").write_bytes(KINDS["colour2-depth8"])
    (tmp_path / "000001.png").write_bytes(KINDS["colour3-depth4-trns"])
    program = f"""
import sys
from pathlib import Path
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.png.decode import to_rgb
with JobDirectory(Path({str(tmp_path)!r})) as directory:
    for name in ("000000.png", "000001.png"):
        list(DirectorySource(directory, [name]).frames(as_pixels=True))
        print(*(module in sys.modules for module in ("numpy", "PIL", "imageio", "imageio.plugins.pillow")))
"""
    command = [sys.executable, "-c", program]
    completed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert completed.stdout.split("\n") == ["False False False False", "True True True True", ""]


@pytest.mark.parametrize("behind", [0, 1, 77, 128, 254, 255])
def test_every_value_with_every_alpha_is_blended_to_the_nearest(behind: int) -> None:
    values = np.arange(256)
    picture = np.empty((256, 256, 4), np.uint8)
    picture[:, :, :3] = values[:, np.newaxis, np.newaxis]
    picture[:, :, 3] = values
    twice = 2 * (values[:, np.newaxis] * values + behind * (255 - values))
    assert (to_rgb(picture, (behind, behind, behind)) == ((twice + 255) // 510)[:, :, np.newaxis]).all()


def test_samples_of_sixteen_bits_keep_their_high_byte(tmp_path: Path) -> None:
    ramp = np.arange(0, 65_536, 97)[np.newaxis, :, np.newaxis]
    assert (read(tmp_path, png(ramp, 16, 0))[0, :, 0] == ramp[0, :, 0] >> 8).all()
