"""GIFs as the main job promises them: every frame, exact time, read by Pillow."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode import save_frames_as_png, save_gif
from tests.jobs import encode
from tests.media import decode_gif, moving_square

RATES = [1, 7, 12.5, 15, "30000/1001", 30, 50]
COUNTS = [1, 2, 29, 301]


@pytest.mark.parametrize(("count", "fps"), [*((30, fps) for fps in RATES), *((count, 12.5) for count in COUNTS)])
def test_every_frame_is_in_the_gif_and_nothing_drifts(tmp_path: Path, count: int, fps: Any) -> None:
    frames = moving_square(count)
    decoded, delays, loop = decode_gif(save_gif(frames, tmp_path / "clip.gif", fps))
    assert decoded.shape == frames.shape
    assert np.array_equal(decoded, frames)
    assert loop == 0
    assert min(delays) >= 20
    begins = np.cumsum([0, *delays])
    expected = np.arange(count + 1) * 1000 / float(Fraction(str(fps)))
    assert np.abs(begins - expected).max() <= 5.001


@pytest.mark.parametrize(("fps", "step"), [(60, 2), (100, 2), (120, 3), (1000, 20)])
def test_above_50_fps_a_gif_keeps_its_speed_with_fewer_frames_and_warns(tmp_path: Path, fps: int, step: int) -> None:
    frames = moving_square(61)
    with pytest.warns(UserWarning, match=f"shows one frame of every {step}"):
        path = save_gif(frames, tmp_path / "clip.gif", fps)
    decoded, delays, _ = decode_gif(path)
    assert np.array_equal(decoded, frames[::step])
    assert min(delays) >= 20
    # The last picture may stand for a single frame, 1 ms at 1000 fps, and is shown for 20.
    assert abs(sum(delays) - 61 * 1000 / fps) <= (10 if fps <= 120 else 20)


def test_equal_consecutive_frames_stay(tmp_path: Path) -> None:
    frames = np.repeat(moving_square(4), 5, axis=0)
    decoded, delays, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif", 10))
    assert np.array_equal(decoded, frames)
    assert delays == [100] * 20


def test_a_dump_at_30_fps_becomes_a_gif_of_15_with_every_second_frame(tmp_path: Path) -> None:
    frames = moving_square(31)
    save_frames_as_png(frames, tmp_path / "job", video="gif")
    (record,) = encode(tmp_path / "job").made
    assert (record.frames, record.fps, record.type) == (16, 15, "GIF")
    decoded, delays, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, frames[::2])
    assert abs(sum(delays) - 31000 / 30) <= 10


def test_a_recording_at_12_fps_keeps_all_frames(tmp_path: Path) -> None:
    frames = moving_square(31)
    save_frames_as_png(frames, tmp_path / "job", video="gif")
    (record,) = encode(tmp_path / "job", fps="12").made
    assert (record.frames, record.fps) == (31, 12)


@pytest.mark.parametrize(("width", "height"), [(83, 81), (1, 1)])
def test_a_gif_keeps_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    frames = moving_square(3, height, width)
    decoded, _, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif"))
    assert np.array_equal(decoded, frames)


def test_scale_enlarges_a_gif_in_squares(tmp_path: Path) -> None:
    frames = moving_square(3, 10, 11)
    save_frames_as_png(frames, tmp_path / "job", fps=10)
    encode(tmp_path / "job", video="gif", scale=3)
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, frames.repeat(3, axis=1).repeat(3, axis=2))
