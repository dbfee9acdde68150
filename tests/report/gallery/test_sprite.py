"""Sprites show exactly the frames that they say, of any video; and of what is none there is no sprite."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from daddy_encode import save_gif, save_mp4
from daddy_encode.report.gallery import sprite as module
from daddy_encode.report.gallery.sprite import Sprite, cell_size, cells_of, make_sprite
from daddy_encode.report.spacing import evenly_spaced
from daddy_encode.spool.png.pixels import Pixels
from tests.media import ffmpeg
from tests.report.frame_codes import coded_frames, read_code

# Never set.
GO_ON = threading.Event()


def cells(sprite: Sprite) -> list[Pixels]:
    """The cells of a sprite, each (H, W, 3), as Pillow reads it."""
    columns, rows, width, height, count = sprite.layout
    with Image.open(io.BytesIO(sprite.image)) as image:
        assert image.format is not None
        assert sprite.media_type == f"image/{image.format.lower()}"
        picture = np.asarray(image.convert("RGB"))
    assert picture.shape == (rows * height, columns * width, 3)
    places = [(number // columns * height, number % columns * width) for number in range(count)]
    return [picture[top : top + height, left : left + width] for top, left in places]


def saved(folder: Path, frames: Pixels, kind: str = "mp4") -> Path:
    video = folder / f"clip.{kind}"
    if kind == "mp4":
        save_mp4(frames, video, fps=30)
    else:
        save_gif(frames, video, fps=10)
    return video


def key_frames(video: Path) -> list[int]:
    """The key frames of a video of 30 frames per second, as ffmpeg says when it decodes no others."""
    command = [
        ffmpeg(),
        "-nostdin",
        "-skip_frame",
        "nokey",
        "-i",
        f"file:{video}",
        "-vf",
        "showinfo",
        "-f",
        "null",
        "-",
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [round(float(time) * 30) for time in re.findall(r"pts_time:(\S+)", told.stderr)]


@pytest.mark.parametrize("kind", ["mp4", "gif"])
@pytest.mark.parametrize(("count", "height", "width"), [(1, 48, 80), (7, 33, 51), (100, 48, 80), (30, 200, 300)])
def test_every_cell_shows_the_frame_whose_index_it_says(
    tmp_path: Path, kind: str, count: int, height: int, width: int
) -> None:
    video = saved(tmp_path, coded_frames(count, height, width), kind)
    sprite = make_sprite(video, count, width, height, GO_ON)
    assert sprite is not None
    assert [read_code(cell) for cell in cells(sprite)] == sprite.cells
    assert (sprite.cells[0], sprite.cells[-1], len(sprite.cells)) == (0, count - 1, min(24, count))
    assert sprite.layout[2] <= 240 and sprite.layout[3] <= 180
    with Image.open(io.BytesIO(base64.b64decode(sprite.poster_uri.partition(",")[2]))) as image:
        poster = np.asarray(image.convert("RGB"))
    assert poster.shape == (sprite.layout[3], sprite.layout[2], 3)
    assert read_code(poster) == sprite.cells[len(sprite.cells) // 2]


def test_of_a_long_video_only_key_frames_are_decoded_and_their_indices_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = saved(tmp_path, coded_frames(800))
    monkeypatch.setattr(module, "MANY_PIXELS", 0)
    sprite = make_sprite(video, 800, 80, 48, GO_ON)
    assert sprite is not None
    assert [read_code(cell) for cell in cells(sprite)] == sprite.cells
    assert set(sprite.cells) <= set(key_frames(video)) and len(sprite.cells) >= 12
    assert not set(evenly_spaced(24, 800)) <= set(key_frames(video)), "else all would be decoded"


def test_colours_are_those_of_the_frames_and_a_small_clip_of_few_colours_is_exact(tmp_path: Path) -> None:
    frames = coded_frames(30)
    for kind, tolerance, media_type in (("mp4", 8, "image/jpeg"), ("gif", 0, "image/png")):
        sprite = make_sprite(saved(tmp_path, frames, kind), 30, 80, 48, GO_ON)
        assert sprite is not None
        assert (sprite.media_type, sprite.layout[2:4]) == (media_type, (80, 48))
        for index, cell in zip(sprite.cells, cells(sprite), strict=True):
            difference = np.abs(cell.astype(int) - frames[index])
            assert difference[-4:].mean(axis=(0, 1)).max() <= tolerance, "red is red"
            assert difference.mean() <= tolerance
    assert sprite is not None
    assert sprite.data_uri.startswith("data:image/png;base64,iVBORw0KGgo")


def test_reduced_pictures_are_averages_of_what_each_pixel_covers(tmp_path: Path) -> None:
    # Stripes of one pixel: whatever drops pixels shows black or white, not grey.
    frames = np.zeros((3, 720, 960, 3), np.uint8)
    frames[:, :, ::2] = 255
    sprite = make_sprite(saved(tmp_path, frames), 3, 960, 720, GO_ON)
    assert sprite is not None
    assert sprite.layout == (3, 1, 240, 180, 3)
    assert all(abs(float(cell.mean()) - 127.5) < 3 and cell.std() < 8 for cell in cells(sprite))


@pytest.mark.parametrize("is_reduced", [False, True])
def test_a_jpeg_is_as_small_as_its_pixels_allow_also_of_noise(is_reduced: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 960, 3), np.uint8)
    smooth = np.repeat(np.linspace(0, 255, 960, dtype=np.uint8)[None, :, None], 640, axis=0) + noise // 64
    for image in (noise, smooth):
        data, media_type = module._compressed(image, is_reduced=is_reduced)
        plain = io.BytesIO()
        Image.fromarray(image).save(plain, "JPEG", quality=80, subsampling=2 if is_reduced else 0)
        assert media_type == "image/jpeg"
        assert len(data) < plain.tell()
        with Image.open(io.BytesIO(data)) as ours, Image.open(plain) as theirs:
            assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_the_same_video_gives_the_same_bytes(tmp_path: Path) -> None:
    video = saved(tmp_path, coded_frames(40, 200, 300))
    assert make_sprite(video, 40, 300, 200, GO_ON) == make_sprite(video, 40, 300, 200, GO_ON) is not None


def test_of_what_cannot_be_decoded_there_is_no_sprite_and_no_exception(tmp_path: Path) -> None:
    video = saved(tmp_path, coded_frames(40))
    data = video.read_bytes()
    samples = data.index(b"mdat") + 4
    for name, content in {
        "empty.mp4": b"",
        "text.mp4": b"#EXTM3U\nfile:///etc/passwd\n",
        "cut.mp4": data[: len(data) // 2],
        "noise.mp4": data[:samples] + os.urandom(len(data) - samples),
        "mp4.gif": data,
        "noise.gif": os.urandom(1000),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert make_sprite(tmp_path / name, 40, 80, 48, GO_ON) is None, name
    (tmp_path / "link.mp4").symlink_to(video)
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name in ("link.mp4", "pipe.mp4", "folder.mp4", "nothing.mp4", "nul\0.mp4", "n" * 300):
        assert make_sprite(tmp_path / name, 40, 80, 48, GO_ON) is None, name


def test_a_video_that_is_not_what_its_receipt_says_has_none(tmp_path: Path) -> None:
    video = saved(tmp_path, coded_frames(40))
    assert make_sprite(video, 41, 80, 48, GO_ON) is None, "fewer frames"
    assert make_sprite(video, 10**18, 80, 48, GO_ON) is None
    assert make_sprite(video, 40, 16, 16, GO_ON) is None or make_sprite(video, 40, 16, 16, GO_ON), (
        "whatever its size, no exception"
    )
    for frames, width, height in ((0, 80, 48), (40, 0, 48), (40, 2**40, 2**40), (-1, -1, -1)):
        assert make_sprite(video, frames, width, height, GO_ON) is None


def test_it_is_given_up_when_it_should_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    video = saved(tmp_path, coded_frames(5))
    assert make_sprite(video, 5, 80, 48, stop) is not None
    stop.set()
    assert make_sprite(video, 5, 80, 48, stop) is None


def test_a_picture_of_16384_pixels_a_side_becomes_one_of_240(tmp_path: Path) -> None:
    sprite = make_sprite(saved(tmp_path, coded_frames(2, 16, 16_384)), 2, 16_384, 16, GO_ON)
    assert sprite is not None
    assert sprite.layout == (2, 1, 240, 1, 2)


@settings(max_examples=40)
@given(st.integers(1, 2**14), st.integers(1, 2**14))
def test_a_cell_is_never_larger_than_its_video_nor_than_a_card(width: int, height: int) -> None:
    wide, high = cell_size(width, height)
    assert 1 <= wide <= width and 1 <= high <= height
    assert wide * high <= 240 * 180 and max(wide, high) <= 320


@settings(max_examples=40)
@given(st.integers(1, 100), st.integers(1, 10**7))
def test_evenly_spaced_numbers_are_the_ends_and_differ_by_at_most_one_in_their_distances(
    count: int, total: int
) -> None:
    numbers = evenly_spaced(count, total)
    assert len(numbers) == min(count, total)
    assert numbers[0] == 0 and (len(numbers) == 1 or numbers[-1] == total - 1)
    distances = {after - before for before, after in pairwise(numbers)}
    assert not distances or (min(distances) >= 1 and max(distances) - min(distances) <= 1)


@settings(max_examples=40)
@given(st.integers(1, 5000), st.sets(st.integers(0, 4999), max_size=200))
def test_the_frames_of_a_sprite_are_ascending_frames_of_the_video(frames: int, keys: set[int]) -> None:
    key_frames = sorted(key for key in {0, *keys} if key < frames)
    shown, places = cells_of(frames, 2**20, key_frames)
    assert shown == sorted(set(shown)) and len(shown) <= 24 and shown[0] >= 0 and shown[-1] < frames
    if places is not None:
        assert [key_frames[place] for place in places] == shown
