"""Whether a picture of RGBA is opaque is told from its filtered rows; ffmpeg is then given them, and drops alpha."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import Look
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.png.inflate import inflated
from daddy_encode.encoding.png.opaque import is_opaque
from daddy_encode.encoding.png.parse import Header, check_png
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import encode_png
from tests.jobs import encode
from tests.media import decode_yuv, moving_square
from tests.pngs import every_kind

RANDOM = np.random.default_rng(11)


def filtered(pixels: Pixels, kinds: list[int]) -> bytes:
    """The rows of (H, W, 4), each with its filter, by the specification's formulas (9.2 to 9.4), byte by byte."""
    rows = pixels.reshape(len(pixels), -1).astype(int).tolist()
    above = [0] * len(rows[0])
    parts = []
    for kind, row in zip(kinds, rows, strict=True):
        line = [kind]
        for at, value in enumerate(row):
            a, c = (row[at - 4], above[at - 4]) if at >= 4 else (0, 0)
            b = above[at]
            _, _, nearest = min((abs(a + b - c - one), place, one) for place, one in enumerate((a, b, c)))
            line.append((value - [0, a, b, (a + b) // 2, nearest][kind]) % 256)
        parts.append(bytes(line))
        above = row
    return b"".join(parts)


@pytest.mark.parametrize(("height", "width"), [(6, 5), (1, 1), (1, 4), (5, 1)])
def test_every_mixture_of_filters_tells_it_and_one_alpha_of_254_anywhere_is_seen(height: int, width: int) -> None:
    header = Header(width, height, colour=6)
    pixels = RANDOM.integers(0, 256, (height, width, 4), np.uint8)
    pixels[:, :, 3] = 255
    for kinds in [[kind] * height for kind in range(5)] + RANDOM.integers(0, 5, (25, height)).tolist():
        assert is_opaque(filtered(pixels, kinds), header), kinds
        for at in np.ndindex(height, width):
            for alpha in (254, 0, 127):
                pixels[at][3] = alpha
                assert not is_opaque(filtered(pixels, kinds), header), (kinds, at, alpha)
            pixels[at][3] = 255


@pytest.mark.parametrize("alpha", [0, 1, 127, 254])
@pytest.mark.parametrize("kind", range(5))
def test_one_alpha_for_all_but_255_is_not_opaque(kind: int, alpha: int) -> None:
    pixels = np.full((4, 5, 4), alpha, np.uint8)
    assert not is_opaque(filtered(pixels, [kind] * 4), Header(5, 4, colour=6))


def by_pillow(frame: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "PNG")
    return stream.getvalue()


def rgba(frames: Pixels) -> Pixels:
    return np.concatenate([frames, np.full((*frames.shape[:3], 1), 255, np.uint8)], axis=3)


@pytest.mark.parametrize("written", [by_pillow, encode_png])
@pytest.mark.parametrize("size", [(48, 64), (27, 33)])
def test_an_opaque_dump_gives_the_bytes_of_the_same_pictures_without_alpha(
    tmp_path: Path, written: Callable[[Pixels], bytes], size: tuple[int, int]
) -> None:
    frames = moving_square(6, *size)
    # Many colours, so that the GIF has a palette.
    frames += RANDOM.integers(0, 9, frames.shape, np.uint8)
    for name, pictures in (("rgb", frames), ("rgba", rgba(frames))):
        (tmp_path / name).mkdir()
        for index, picture in enumerate(pictures):
            (tmp_path / name / f"{index:06d}.png").write_bytes(written(picture))
        encode(tmp_path / name, video="both", scale=2)
    assert (tmp_path / "rgb.mp4").read_bytes() == (tmp_path / "rgba.mp4").read_bytes()
    assert (tmp_path / "rgb.gif").read_bytes() == (tmp_path / "rgba.gif").read_bytes()
    with JobDirectory(tmp_path / "rgba") as directory:
        assert DirectorySource(directory, ["000000.png"]).png_bytes is not None, "undone here, not by ffmpeg"


def test_an_opaque_first_frame_promises_nothing_about_the_others(tmp_path: Path) -> None:
    first = rgba(moving_square(1, 13, 19))[0]
    clear = first.copy()
    clear[:, :, 3] = 0
    (tmp_path / "job").mkdir()
    files = [by_pillow(first), by_pillow(clear), *(data for _, data in every_kind())]
    names = [f"{index:06d}.png" for index in range(len(files))]
    for name, data in zip(names, files, strict=True):
        (tmp_path / "job" / name).write_bytes(data)
    with JobDirectory(tmp_path / "job") as directory:
        source = DirectorySource(directory, names, look=Look(background=(10, 200, 77)))
        given = [bytes(frame) for frame in source.frames(as_pixels=False)]
        pixels = [bytes(frame) for frame in source.frames(as_pixels=True)]
    assert len({len(frame) for frame in given}) == 1
    for frame, wanted in zip(given, pixels, strict=True):
        with Image.open(io.BytesIO(frame), formats=["PNG"]) as image:
            assert image.mode == "RGBA"
            shown = np.asarray(image)
        assert shown[:, :, :3].tobytes() == wanted
        assert (shown[:, :, 3] == 255).all()
    encode(tmp_path / "job", background="000000")
    assert decode_yuv(tmp_path / "job.mp4", 20, 14)[1, 5:9, 5:9].max() <= 17, "it is clear: black is seen"


def test_it_is_told_of_files_that_others_wrote() -> None:
    for frame in rgba(moving_square(3)):
        for alpha in (255, 254):
            frame[20, 30, 3] = alpha
            png = check_png(by_pillow(frame), 10**6)
            assert is_opaque(b"".join(inflated(png)), png.header) == (alpha == 255)
