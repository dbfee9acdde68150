"""The short way to a plain PNG's pixels gives what Pillow gives."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.png.parse import Png, PngFault, check_png
from daddy_encode.encoding.png.unfilter import PlainPixels
from daddy_encode.errors import FrameError
from daddy_encode.spool.png.format import NONE, SUB, UP
from daddy_encode.spool.png.writer import Filter, encode_png
from tests.jobs import encode
from tests.media import Frames, moving_square
from tests.pngs import SIGNATURE, chunk, ihdr

MANY = 10**6
FRAME = np.random.default_rng(3).integers(0, 256, (13, 17, 3), np.uint8)


def plain_pixels(png: Png) -> bytes:
    return bytes(PlainPixels(*png.size).of(png))


def png(rows: bytes, *, parts: int = 1, width: int = 17, height: int = 13, extra: bytes = b"") -> bytes:
    data = zlib.compress(rows) + extra
    size = -(-len(data) // parts)
    images = [chunk(b"IDAT", data[start : start + size]) for start in range(0, len(data), size)]
    return b"".join([SIGNATURE, ihdr(width, height), *images, chunk(b"IEND", b"")])


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
    assert plain_pixels(check_png(data, MANY)) == FRAME.tobytes()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), FRAME)


@pytest.mark.parametrize("options", [{}, {"compress_level": 0}, {"optimize": True}])
def test_pillows_own_files_come_back(options: dict[str, Any]) -> None:
    for frame in (FRAME, *moving_square(2), FRAME[:1], FRAME[:, :1]):
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "PNG", **options)
        assert plain_pixels(check_png(stream.getvalue(), MANY)) == frame.tobytes()


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
    parts = [SIGNATURE, ihdr(17, 13), chunk(b"IDAT", bytes(stream)), chunk(b"IEND", b"")]
    with pytest.raises(PngFault, match=r"damaged image data|without its end or checksum"):
        plain_pixels(check_png(b"".join(parts), MANY))


def written(directory: Path, row_filters: Sequence[Filter | None]) -> Frames:
    """A frame for each of `row_filters`, as a job in `directory`; None: as Pillow filters it."""
    frames = np.random.default_rng(5).integers(0, 256, (len(row_filters), 32, 48, 3), np.uint8)
    directory.mkdir()
    for index, (frame, row_filter) in enumerate(zip(frames, row_filters, strict=True)):
        path = directory / f"{index:06d}.png"
        if row_filter is None:
            # Random walks: so that every row has a filter.
            Image.fromarray(np.add.accumulate(frame % 3, axis=1, dtype=np.uint8)).save(path)
            frames[index] = np.asarray(Image.open(path))
        else:
            path.write_bytes(encode_png(frame, row_filter))
    return frames


@pytest.mark.parametrize(
    ("row_filters", "pixels"),
    [
        ([NONE] * 5, True),
        ([NONE, SUB, UP, None, NONE], True),
        ([NONE] * 4 + [UP], False),
        ([UP] * 4 + [NONE], False),
        ([None] * 5, False),
    ],
)
def test_whatever_the_filters_are_the_video_is_the_same(
    tmp_path: Path, row_filters: Sequence[Filter | None], pixels: bool
) -> None:
    frames = written(tmp_path / "job", row_filters)
    with JobDirectory(tmp_path / "job") as directory:
        source = DirectorySource(directory, [f"{index:06d}.png" for index in range(5)])
        assert (source.png_bytes is None) == pixels
    encode(tmp_path / "job", video="both")
    save_mp4(frames, tmp_path / "from memory.mp4", fps=30)
    save_frames_as_png(frames, tmp_path / "again", fps=30, video="gif")
    encode(tmp_path / "again")
    assert (tmp_path / "job.mp4").read_bytes() == (tmp_path / "from memory.mp4").read_bytes()
    assert (tmp_path / "job.gif").read_bytes() == (tmp_path / "again.gif").read_bytes()


def test_a_bad_last_frame_changes_nothing_about_which_one_is_named_first(tmp_path: Path) -> None:
    written(tmp_path / "job", [NONE] * 4)
    for name in ("000001.png", "000003.png"):
        (tmp_path / "job" / name).write_bytes(b"no PNG")
    with pytest.raises(FrameError, match=r"000001\.png"):
        encode(tmp_path / "job")
