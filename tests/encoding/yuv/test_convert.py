"""What is converted here is, to the byte, what ffmpeg converts; and so are the videos."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.mp4.encode import filters
from daddy_encode.encoding.png.parse import Png
from daddy_encode.encoding.yuv import worth
from daddy_encode.encoding.yuv.picture import YuvPicture
from tests.jobs import encode
from tests.media import Frames, ffmpeg, moving_square, noise, shaded


def by_ffmpeg(frames: Frames) -> Frames:
    """The planes (count, H * W * 3 / 2) that ffmpeg makes of RGB frames for an MP4."""
    count, height, width, _ = frames.shape
    command = [
        *(ffmpeg(), "-v", "error", "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"),
        *("-i", "-", "-vf", filters(width, height, 1), "-f", "rawvideo", "-"),
    ]
    made = subprocess.run(command, input=frames.tobytes(), capture_output=True, check=True, timeout=60).stdout
    return np.frombuffer(made, np.uint8).reshape(count, -1)


def converted(frames: Frames) -> Frames:
    """The same planes by `YuvPicture`, frame after frame, in rows as a PNG without filters has them."""
    count, height, width, _ = frames.shape
    picture = YuvPicture(width, height)
    rows = np.zeros((count, height, 1 + 3 * width), np.uint8)
    rows[:, :, 1:] = frames.reshape(count, height, -1)
    made = []
    for row in rows:
        data = row.tobytes()
        assert picture.fill([data[:1000], data[1000:]])
        made.append(np.frombuffer(picture.convert(), np.uint8).copy())
    # The last ones are fewer.
    together = YuvPicture(width, height).convert_all((frame.tobytes() for frame in frames), 7)
    several = [bytes(frame) for frame in together]
    assert several == [frame.tobytes() for frame in made]
    return np.stack(made)


def extremes(height: int, width: int) -> Frames:
    """One frame of only the corners of the RGB cube, in every neighbourhood."""
    return np.random.default_rng(1).choice(np.array([0, 255], np.uint8), (1, height, width, 3))


@pytest.mark.parametrize("size", [(4, 16), (6, 18), (36, 46), (240, 320)], ids=str)
def test_samples_are_those_that_ffmpeg_makes(size: tuple[int, int]) -> None:
    frames = np.concatenate([noise(2, *size), extremes(*size), shaded(3, *size), moving_square(3, *size)])
    assert np.array_equal(converted(frames), by_ffmpeg(frames))


def test_pictures_that_stand_still_are_made_as_well() -> None:
    frames = np.repeat(noise(2, 20, 42), 15, axis=0)
    assert np.array_equal(converted(frames), by_ffmpeg(frames))


def test_every_grey_and_every_primary_is_what_ffmpeg_makes_of_it() -> None:
    ramp = np.repeat(np.repeat(np.arange(256, dtype=np.uint8), 2)[np.newaxis], 4, axis=0)
    frames = np.stack([ramp[..., np.newaxis] * np.array(mask, np.uint8) for mask in np.ndindex(2, 2, 2)])
    assert np.array_equal(converted(frames), by_ffmpeg(frames))


# The last block of a row has 2 to 16 pixels that are not of the one before.
@pytest.mark.parametrize("width", [16, 18, 34, 42, 210])
def test_only_a_few_pixels_change_anywhere(width: int) -> None:
    """Each change is seen, wherever words, rows and blocks of the picture begin and end."""
    random = np.random.default_rng(3)
    frames = np.repeat(noise(1, 20, width), 300, axis=0)
    for index in range(1, len(frames)):
        frames[index] = frames[index - 1]
        row, column, channel = (random.integers(extent) for extent in frames.shape[1:])
        frames[index, row, column, channel] ^= 1 << random.integers(8)
    # Corners and the last bytes as well.
    for index, place in enumerate([(0, 0), (0, width - 1), (19, 0), (19, width - 1)]):
        frames[(slice(200 + index, None), *place)] ^= 255
    assert np.array_equal(converted(frames), by_ffmpeg(frames))


def test_a_frame_is_compared_with_the_one_before_also_where_that_was_converted_earlier() -> None:
    frames = noise(15, 20, 34)
    # The first of those that are converted together with it.
    frames[7] = 0
    assert np.array_equal(converted(frames), by_ffmpeg(frames))


def _dump(folder: Path, frames: Frames, filtered: tuple[int, ...] = ()) -> Path:
    save_frames_as_png(frames, folder)
    for index in filtered:
        path = folder / f"{index:06d}.png"
        Image.fromarray(frames[index]).save(path)
    return folder


@pytest.mark.parametrize(
    "filtered",
    [(), (9, 10, 17), tuple(range(30)), (0, 9, 10, 17)],
    ids=["no filters", "some", "all", "some and the first"],
)
def test_the_video_has_the_same_bytes_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filtered: tuple[int, ...]
) -> None:
    # Noise that stays, of which no filter makes less, and a square that crosses it.
    frames = np.repeat(noise(1, 130, 170), 30, axis=0)
    for index, frame in enumerate(frames):
        frame[40:60, 3 * index : 3 * index + 20] = (220, 30, 40)
    folder = _dump(tmp_path / "job", frames, filtered)
    if filtered:
        # Of another kind, and what it shows the same.
        Image.fromarray(frames[25]).convert("RGBA").save(folder / "000025.png")
    made = []
    for most in (1.0, -1.0):
        for limit in ("MOST_CHANGED", "MOST_CHANGED_FILTERED"):
            monkeypatch.setattr(worth, limit, most)
        with JobDirectory(folder) as directory:
            source = DirectorySource(directory, sorted(path.name for path in folder.glob("*.png")))
            assert (source.yuv_frames() is not None) == (most > 0)
        encode(folder, force=True)
        made.append(hashlib.sha256(folder.with_suffix(".mp4").read_bytes()).hexdigest())
    assert made[0] == made[1]


def test_numpy_is_loaded_once_all_clips_together_have_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worth.can_convert((256, 256), 16)
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.setattr(worth, "_pixels_seen", 0)
    # 2^25 pixels are two clips of these, and none of those.
    assert [worth.can_convert((84, 84), 10_000) for _ in range(3)] == [False] * 3
    assert [worth.can_convert((480, 480), 75) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize(("count", "read"), [(20, 2), (127, 2), (128, 4), (300, 8)])
def test_the_shorter_a_clip_the_fewer_frames_are_read_to_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, read: int
) -> None:
    monkeypatch.setattr(worth, "LEAST_FRAME", 0)
    save_frames_as_png(noise(1, 16, 16), tmp_path / "job")
    names = ["000000.png"] * count
    with JobDirectory(tmp_path / "job") as directory:
        seen: list[str] = []
        reading = directory.read

        def counted(name: str) -> tuple[Png, bytes]:
            seen.append(name)
            return reading(name)

        monkeypatch.setattr(directory, "read", counted)
        assert worth.changes_little(directory, names, (16, 16), is_filtered=False)
        assert len(seen) == read


@pytest.mark.parametrize(("rows", "is_worth_it"), [(4, True), (30, False)])
def test_where_rows_have_filters_less_may_change(tmp_path: Path, rows: int, is_worth_it: bool) -> None:
    frames = np.repeat(shaded(1, 256, 256), 20, axis=0)
    frames[1::2, :rows] ^= 128
    with JobDirectory(_dump(tmp_path / "job", frames, tuple(range(20)))) as directory:
        names = sorted(path.name for path in (tmp_path / "job").glob("*.png"))
        source = DirectorySource(directory, names)
        assert (source.yuv_frames() is not None) == is_worth_it
        assert source.yuv_frames(are_pixels=True) is not None
