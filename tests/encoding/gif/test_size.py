"""Lighter previews: exact averages where they can be, said where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.gif.size import reduce
from daddy_encode.errors import EncodeError
from tests.jobs import encode
from tests.media import Frames, decode_gif, moving_square, run_command, shaded


def average(frames: Frames, factor: int) -> Frames:
    """The mean of each square, half rounded up, in whole numbers."""
    count, height, width, _ = frames.shape
    squares = frames.reshape(count, height // factor, factor, width // factor, factor, 3).astype(int)
    mean: Frames = ((2 * squares.sum(axis=(2, 4)) + factor**2) // (2 * factor**2)).astype(np.uint8)
    return mean


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_a_whole_number_of_pixels_becomes_their_exact_average(tmp_path: Path, factor: int) -> None:
    frames = moving_square(4, 48, 72)
    save_frames_as_png(frames, tmp_path / "job", fps=10)
    (record,) = encode(tmp_path / "job", video="gif", gif_width=72 // factor).made
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, average(frames, factor))
    assert (record.width, record.height) == (72 // factor, 48 // factor)
    assert record.warnings == [f"reduced from 72x48 to {72 // factor}x{48 // factor} by the average of each square"]


@pytest.mark.parametrize("factor", [2, 3, 5, 7, 10])
def test_the_average_is_exact_for_every_sum(factor: int) -> None:
    frames = np.random.default_rng(factor).integers(0, 256, (1, factor * 40, factor * 50, 3), np.uint8)
    assert np.array_equal(reduce(frames[0], (50, 40)), average(frames, factor)[0])


def test_another_size_is_filtered_and_the_log_says_so(tmp_path: Path) -> None:
    frames = shaded(3, 90, 120)
    save_frames_as_png(frames, tmp_path / "job", fps=10)
    completed = run_command("encode", tmp_path / "job", "--video", "gif", "--gif-width", "50")
    assert completed.returncode == 0
    assert "reduced from 120x90 to 50x38 by Lanczos filtering" in completed.stderr
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert decoded.shape == (3, 38, 50, 3)
    assert np.abs(decoded.mean(axis=(1, 2)) - frames.mean(axis=(1, 2))).max() < 3


def test_narrower_frames_stay_as_they_are_and_scale_is_for_the_mp4(tmp_path: Path) -> None:
    frames = moving_square(2, 10, 20)
    save_frames_as_png(frames, tmp_path / "job", fps=10)
    mp4, gif = encode(tmp_path / "job", video="both", gif_width=40, scale=4).made
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, frames)
    assert gif.warnings == ["20 pixels wide, as its frames are: a GIF width of 40 does not enlarge"]
    assert (mp4.width, mp4.height) == (80, 40)


def test_a_gif_of_one_pixel_can_be_asked_for(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(2, 10, 200), tmp_path / "job", fps=10)
    encode(tmp_path / "job", video="gif", gif_width=1)
    assert decode_gif(tmp_path / "job.gif")[0].shape == (2, 1, 1, 3)


def test_a_gif_that_would_be_too_large_is_refused(tmp_path: Path) -> None:
    save_frames_as_png(np.zeros((2, 1, 9000, 3), np.uint8), tmp_path / "job")
    with pytest.raises(EncodeError, match="a GIF is at most 65535 pixels wide and high, this one would be 144000x16"):
        encode(tmp_path / "job", video="gif", scale=16)
    assert [path.name for path in tmp_path.iterdir()] == ["job"]
