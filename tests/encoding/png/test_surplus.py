"""Bytes after a picture, in IDAT or after IEND, are ignored, as PNG's text says, and the receipt says so once."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode.errors import FrameError
from tests.encoding.png.corpus import chunks_of, joined
from tests.jobs import encode
from tests.media import decode_gif, moving_square
from tests.pngs import Samples, chunk, png

Change = Callable[[bytes], bytes]

# RGB, grey, palette, grey with alpha, RGBA: handed to ffmpeg in three ways.
COLOURS = [0, 2, 3, 4, 6]


def in_idat(*images: Callable[[bytes], bytes]) -> Change:
    """The file with these IDAT chunks, each made from the image data that there is."""

    def change(data: bytes) -> bytes:
        chunks = chunks_of(data)
        at = [kind for kind, _ in chunks].index(b"IDAT")
        parts = [(b"IDAT", image(chunks[at][1])) for image in images]
        return joined([*chunks[:at], *parts, *chunks[at + 1 :]])

    return change


SURPLUS: dict[str, Change] = {
    "zeros after IEND": lambda data: data + bytes(100),
    "one byte after IEND": lambda data: data + b"\xff",
    "another PNG after IEND": lambda data: data + data,
    "chunks after IEND": lambda data: data + data[8:],
    "a byte after the stream": in_idat(lambda image: image + b"\0"),
    "another stream": in_idat(lambda image: image + zlib.compress(bytes(1000))),
    "a chunk after the stream": in_idat(lambda image: image, lambda image: b"more"),
    "both": lambda data: SURPLUS["a byte after the stream"](data) + b"\n",
}
EMPTY: dict[str, Change] = {
    "an empty IDAT before": in_idat(lambda image: b"", lambda image: image),
    "empty IDATs between and after": in_idat(
        lambda image: image[:7], lambda image: b"", lambda image: image[7:], lambda image: b"", lambda image: b""
    ),
}
BROKEN: dict[str, Change] = {
    "no checksum before it": in_idat(lambda image: image[:-4] + b"more"),
    "a wrong checksum before it": in_idat(lambda image: image[:-1] + bytes((image[-1] ^ 1,)) + b"more"),
    "a stream without its end": in_idat(lambda image: image[: len(image) // 2] + bytes(100)),
    "a wrong CRC": lambda data: SURPLUS["a byte after the stream"](data)[:-13] + b"\0" + data[-12:],
    "instead of IEND": lambda data: data[:-12] + bytes(12),
    "within IEND": lambda data: data[:-8] + b"IENDmore" + data[-4:],
}


def samples(colour: int, index: int) -> Samples:
    frame = moving_square(index + 1, 24, 32)[index].astype(np.int64)
    alpha = np.full((24, 32, 1), 255)
    grey = frame[:, :, :1]
    of: dict[int, Samples] = {0: grey, 2: frame, 3: grey % 8}
    return of[colour] if colour < 4 else np.dstack([grey if colour == 4 else frame, alpha])


def dump(directory: Path, colour: int, change: Change, changed: tuple[int, ...]) -> Path:
    before = chunk(b"PLTE", bytes(range(0, 240, 10))) if colour == 3 else b""
    directory.mkdir()
    for index in range(4):
        data = png(samples(colour, index), 8, colour, before=before)
        (directory / f"{index:06d}.png").write_bytes(change(data) if index in changed else data)
    return directory


@pytest.mark.parametrize("colour", COLOURS)
def test_the_video_is_that_of_the_files_without_it_and_one_line_counts_them(tmp_path: Path, colour: int) -> None:
    encode(dump(tmp_path / "clean", colour, bytes, ()), video="both", fps="30")
    # Which of them it is makes no difference to the pixels; all of them, one after the other, in one job of RGB.
    names = list(SURPLUS) if colour == 2 else ["both"]
    for number, name in enumerate(names):
        job = dump(tmp_path / f"job-{number}", colour, SURPLUS[name], (1, 3))
        result = encode(job, video="both", fps="30")
        for record in result.made:
            assert record.warnings == [
                "2 PNGs have bytes after the picture, which are ignored, as PNG asks for (first: 000001.png)"
            ], name
        assert [record.format for record in result.receipt.outputs] == ["mp4", "gif"]
        for suffix in (".mp4", ".gif"):
            made = job.with_suffix(suffix).read_bytes()
            assert made == (tmp_path / f"clean{suffix}").read_bytes(), name


@pytest.mark.parametrize("name", EMPTY)
def test_empty_image_chunks_are_nothing_worth_a_word(tmp_path: Path, name: str) -> None:
    encode(dump(tmp_path / "clean", 2, bytes, ()))
    (record,) = encode(dump(tmp_path / "job", 2, EMPTY[name], (0, 2)), fps="30").made
    assert record.warnings == []
    assert (tmp_path / "job.mp4").read_bytes() == (tmp_path / "clean.mp4").read_bytes()


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("colour", [2, 6])
def test_what_is_broken_before_it_is_refused(tmp_path: Path, colour: int, name: str) -> None:
    with pytest.raises(FrameError, match=r"000002\.png: "):
        encode(dump(tmp_path / "job", colour, BROKEN[name], (2,)))
    assert not (tmp_path / "job.mp4").exists()


def test_with_gaps_held_such_frames_are_good_ones(tmp_path: Path) -> None:
    job = dump(tmp_path / "job", 2, SURPLUS["both"], (0, 1, 2))
    (job / "000003.png").write_bytes(b"no PNG")
    result = encode(job, gaps="hold", fps="30")
    assert result.receipt.lost.bad_count == 1
    assert result.made[0].warnings[0].startswith("3 PNGs have bytes after the picture")


def test_a_single_one_is_one(tmp_path: Path) -> None:
    (record,) = encode(dump(tmp_path / "job", 2, SURPLUS["both"], (2,)), fps="30").made
    assert record.warnings[0].startswith("1 PNG has bytes after the picture")
    assert record.warnings[0].endswith("(first: 000002.png)")


def test_of_an_apng_the_first_picture_is_shown_and_that_is_said(tmp_path: Path) -> None:
    first, second = (Image.fromarray(frame) for frame in moving_square(2))
    (tmp_path / "job").mkdir()
    first.save(tmp_path / "job" / "0.png", save_all=True, append_images=[second])
    second.save(tmp_path / "job" / "1.png")
    (record,) = encode(tmp_path / "job", fps="30").made
    assert record.warnings == ["1 PNG has further pictures, as APNG has them, which are not shown (first: 0.png)"]


def test_equal_files_one_after_the_other_are_each_counted(tmp_path: Path) -> None:
    job = dump(tmp_path / "job", 2, SURPLUS["both"], (1,))
    for number in (2, 3):
        (job / f"{number:06d}.png").write_bytes((job / "000001.png").read_bytes())
    (record,) = encode(job, video="gif", fps="10").made
    assert record.warnings[0].startswith("3 PNGs have bytes after the picture")
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    with Image.open(job / "000001.png") as image:
        assert all(np.array_equal(picture, np.asarray(image)) for picture in decoded[1:4])
