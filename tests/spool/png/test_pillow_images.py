"""Pictures of Pillow's as frames: what is on disk shows what Pillow shows of them, whatever they hold."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from daddy_encode import save_frames_as_png, save_gif, save_mp4
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import FrameError
from tests.media import decode_gif, decode_mp4, moving_square, patches, read_png

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (153, 153, 153)]
PICTURE = Image.fromarray(patches(COLOURS, 8))


def with_palette_of(mode: str) -> Image.Image:
    """Two indices, 1 and 0, of an orange that is half transparent, where the palette has alpha, and a blue."""
    image = Image.new("P", (2, 1))
    image.putdata([1, 0])
    image.putpalette({"RGB": [0, 0, 255, 255, 128, 0], "RGBA": [0, 0, 255, 255, 255, 128, 0, 128]}[mode], mode)
    return image


def keyed(mode: str, key: Any, colours: list[Any]) -> Image.Image:
    """As Pillow reads a PNG with a tRNS key."""
    image = Image.new(mode, (len(colours), 1))
    image.putdata(colours)
    stream = io.BytesIO()
    image.save(stream, "PNG", transparency=key)
    return Image.open(stream)


def of_16_bits(mode: str) -> Image.Image:
    values = np.array([[0, 255, 256, 0x80FF, 0xFFFF]], ">u2" if mode == "I;16B" else "<u2")
    return Image.frombytes(mode, (5, 1), values.tobytes())


GREY_16 = [[0, 0, 1, 0x80, 0xFF]]
ORANGE, BLUE = (255, 128, 0), (0, 0, 255)
# What must be in the file: written down, not computed by the code under test.
RIGHT: dict[str, tuple[Image.Image, Any]] = {
    "1": (Image.frombytes("1", (8, 1), b"\xa5"), [[255, 0, 255, 0, 0, 255, 0, 255]]),
    "L": (Image.frombytes("L", (3, 1), b"\x00\x7f\xff"), [[0, 127, 255]]),
    "P": (with_palette_of("RGB"), [[ORANGE, BLUE]]),
    "P with alpha in its palette": (with_palette_of("RGBA"), [[(*ORANGE, 128), (*BLUE, 255)]]),
    "P with a transparent index": (
        keyed("P", 1, [1, 0]),
        None,  # the palette is Pillow's: compared with its own reading below
    ),
    "CMYK": (Image.frombytes("CMYK", (2, 1), bytes([0, 255, 255, 0, 0, 0, 0, 255])), [[(255, 0, 0), (0, 0, 0)]]),
    "YCbCr": (Image.frombytes("YCbCr", (2, 1), bytes([255, 128, 128, 76, 85, 255])), [[(255, 255, 255), (254, 0, 0)]]),
    "HSV": (Image.frombytes("HSV", (1, 1), bytes([0, 255, 255])), [[(255, 0, 0)]]),
    "LA": (Image.frombytes("LA", (2, 1), bytes([9, 255, 200, 51])), [[(9, 9, 9, 255), (200, 200, 200, 51)]]),
    "RGBA": (Image.frombytes("RGBA", (1, 1), bytes([1, 2, 3, 4])), [[(1, 2, 3, 4)]]),
    "RGBa": (Image.frombytes("RGBa", (1, 1), bytes([51, 102, 0, 102])), [[(127, 255, 0, 102)]]),
    "RGB with a transparent colour": (
        keyed("RGB", (0, 0, 255), [ORANGE, BLUE]),
        [[(*ORANGE, 255), (*BLUE, 0)]],
    ),
    "L with a transparent grey": (keyed("L", 7, [7, 8]), [[(7, 7, 7, 0), (8, 8, 8, 255)]]),
    "I;16": (of_16_bits("I;16"), GREY_16),
    "I;16B": (of_16_bits("I;16B"), GREY_16),
}


@pytest.mark.parametrize("mode", RIGHT)
def test_a_picture_has_its_colours_on_disk(tmp_path: Path, mode: str) -> None:
    image, right = RIGHT[mode]
    (path,) = save_frames_as_png([image], tmp_path / "job")
    expected = np.asarray(image.convert("RGBA")) if right is None else np.array(right, np.uint8)
    assert np.array_equal(read_png(path), expected)
    with FrameWriter(tmp_path / "writer") as writer:
        writer.write(image)
    assert np.array_equal(read_png(tmp_path / "writer" / "000000.png"), expected)


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr"])
def test_and_in_the_videos(tmp_path: Path, mode: str) -> None:
    images = [PICTURE.convert(mode)] * 3
    right = patches(COLOURS, 8).astype(int)
    gif, _, _ = decode_gif(save_gif(images, tmp_path / "clip.gif"))
    assert np.abs(gif.astype(int) - right).max() <= 2
    video = decode_mp4(save_mp4(images, tmp_path / "clip.mp4"), 32, 8)
    assert np.abs(video[:, :, 2::8].astype(int) - right[:, 2::8]).max() < 24


def test_the_frames_of_an_open_gif_may_be_given_as_they_come(tmp_path: Path) -> None:
    frames = moving_square(4, 16, 24)
    save_gif(frames, tmp_path / "clip.gif")
    with Image.open(tmp_path / "clip.gif") as gif:
        paths = save_frames_as_png(ImageSequence.Iterator(gif), tmp_path / "job")
    assert [np.array_equal(read_png(path), frame) for path, frame in zip(paths, frames, strict=True)] == [True] * 4


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_of_32_bits_are_refused_since_nobody_knows_which_is_white(tmp_path: Path, mode: str) -> None:
    with pytest.raises(FrameError, match=r"frame 0: dtype is (int32|float32), expected uint8"):
        save_frames_as_png([Image.new(mode, (2, 2))], tmp_path / "job")


def test_one_picture_is_not_a_sequence(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r"frame 0: a Pillow image is one frame, not a sequence; give \[frame\]"):
        save_mp4(PICTURE, tmp_path / "clip.mp4")  # type: ignore[arg-type]
