"""Videos of right and of wrong pictures, behind receipts that have their bytes: which are told apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from daddy_encode import save_frames_as_png
from tests.archive.jobs import beside, faults, output, sign
from tests.jobs import encode
from tests.media import moving_square, noise, shaded

Frames = npt.NDArray[np.uint8]
soak = pytest.mark.soak


def checkerboard(side: int, height: int = 64, width: int = 80) -> npt.NDArray[np.float64]:
    rows, columns = np.mgrid[:height, :width]
    board: npt.NDArray[np.float64] = ((rows // side + columns // side) % 2 * 255.0)[..., None].repeat(3, 2)
    return board


def fade(count: int, to: npt.NDArray[np.float64], since: npt.NDArray[np.float64] | float = 0) -> Frames:
    """A fade, or a dissolve: x264 makes its pictures nearer to their neighbours than to their own frames."""
    weights = np.linspace(0, 1, count)[:, None, None, None]
    return (since * (1 - weights) + to * weights).astype(np.uint8)


def dot(count: int) -> Frames:
    """One pixel, somewhere else in each frame."""
    frames = np.full((count, 64, 80, 3), 30, np.uint8)
    for index, frame in enumerate(frames):
        frame[3 * index % 64, 7 * index % 80] = 230
    return frames


def scrolling(count: int) -> Frames:
    """Lines as dense as text."""
    rows = np.random.default_rng(3).integers(0, 2, (64 + count, 80, 1), np.uint8) * 255
    return np.stack([np.broadcast_to(rows[index : index + 64], (64, 80, 3)) for index in range(count)])


RIGHT: dict[str, Callable[[], Frames]] = {
    "checkerboard": lambda: fade(90, checkerboard(2)),
    "single": lambda: fade(40, checkerboard(1)),
    "coarse": lambda: fade(40, checkerboard(5)),
    "texture": lambda: fade(40, noise(1)[0].repeat(2, 0).repeat(2, 1).astype(float)),
    "dissolve": lambda: fade(40, checkerboard(2), checkerboard(3)),
    "noise": lambda: noise(12, 64, 80),
    "still": lambda: noise(1, 64, 80).repeat(12, 0),
    "flashing": lambda: np.array([0, 255] * 6, np.uint8).repeat(64 * 80 * 3).reshape(12, 64, 80, 3),
    "scrolling": lambda: scrolling(20),
    "dot": lambda: dot(20),
    "tiny": lambda: noise(12, 2, 3),
    "odd": lambda: moving_square(12, 47, 63),
    "square": lambda: moving_square(12),
    "shaded": lambda: shaded(12),
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("checkerboard", {}),
        *(pytest.param(name, {}, marks=soak) for name in RIGHT if name != "checkerboard"),
        *(pytest.param(name, {"crf": crf}, marks=soak) for name in RIGHT for crf in (0, 9, 30, 51)),
        *(pytest.param(name, {"crf": 24, "preset": "slow"}, marks=soak) for name in ("texture", "dissolve", "square")),
        *(pytest.param(name, {"scale": 2}, marks=soak) for name in ("texture", "tiny", "odd")),
        *(
            pytest.param(name, {"video": "gif", "dither": dither}, marks=soak)
            for name in ("texture", "shaded", "square", "odd")
            for dither in ("none", "bayer", "sierra2_4a")
        ),
        *(pytest.param("shaded", {"video": "gif", "gif_width": width}, marks=soak) for width in (24, 33)),
    ],
)
def test_right_pictures_are_no_fault(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    save_frames_as_png(RIGHT[name](), tmp_path / "job")
    encode(tmp_path / "job", **settings)
    result = beside(tmp_path / "job")
    assert faults(result) == ""
    assert result.proof is not None


def erased(frames: Frames) -> Frames:
    """The disc, in one frame."""
    rows, columns = np.mgrid[:90, :120]
    wrong = frames.copy()
    wrong[6] = np.stack([rows * 255 // 90, columns * 255 // 120, (rows + columns) // 2], axis=2)
    return wrong


def swapped(frames: Frames) -> Frames:
    wrong = frames.copy()
    wrong[[5, 6]] = wrong[[6, 5]]
    return wrong


def doubled(frames: Frames) -> Frames:
    """One twice, and the last one left out."""
    return np.concatenate([frames[:6], frames[5:-1]])


def left_out(frames: Frames) -> Frames:
    """One, and the last one twice."""
    return np.concatenate([frames[:5], frames[6:], frames[-1:]])


def half_stale(frames: Frames) -> Frames:
    wrong = frames.copy()
    wrong[6, :45] = wrong[5, :45]
    return wrong


def last_wrong(frames: Frames) -> Frames:
    return np.concatenate([frames[:-1], frames[4:5]])


def grey(frames: Frames) -> Frames:
    luma = (frames @ np.array([0.2126, 0.7152, 0.0722])).round()
    return np.stack([luma] * 3, -1).astype(np.uint8)


def full_range(frames: Frames) -> Frames:
    """What samples of full range show that are tagged as limited: darker and brighter."""
    return ((frames.astype(float) - 16) * 255 / 219).clip(0, 255).round().astype(np.uint8)


def bt601(frames: Frames) -> Frames:
    """What samples by BT.601's matrix show that are tagged as BT.709."""
    red, green, blue = np.moveaxis(frames.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    by_red, by_blue = (red - luma) / 1.402, (blue - luma) / 1.772
    red, blue = luma + 1.5748 * by_red, luma + 1.8556 * by_blue
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    return np.stack([red, green, blue], -1).clip(0, 255).round().astype(np.uint8)


WRONG: dict[str, Callable[[Frames], Frames]] = {
    "red_for_blue": lambda frames: frames[..., ::-1].copy(),
    "grey": grey,
    "full_range": full_range,
    "bt601": bt601,
    "gamma": lambda frames: (255 * (frames / 255.0) ** 1.1).round().astype(np.uint8),
    "brighter": lambda frames: (frames.astype(int) + 3).clip(0, 255).astype(np.uint8),
    "shifted": lambda frames: np.roll(frames, 2, 2),
    "erased": erased,
    "swapped": swapped,
    "doubled": doubled,
    "left_out": left_out,
    "late": lambda frames: np.concatenate([frames[:1], frames[:-1]]),
    "early": lambda frames: np.concatenate([frames[1:], frames[-1:]]),
    "backwards": lambda frames: frames[::-1].copy(),
    "half_stale": half_stale,
    "last_wrong": last_wrong,
}
DEFAULT = ("gamma", "bt601", "erased", "half_stale")


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    job = tmp_path_factory.mktemp("right") / "job"
    save_frames_as_png(shaded(12), job)
    return job


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(pytest.param(name, {}, marks=() if name in DEFAULT else soak) for name in WRONG),
        *(pytest.param(name, {"crf": crf}, marks=soak) for name in WRONG for crf in (10, 28)),
        *(pytest.param(name, {"video": "gif", "fps": "15"}, marks=soak) for name in WRONG),
    ],
)
def test_wrong_pictures_are_a_fault(tmp_path: Path, right: Path, name: str, settings: dict[str, Any]) -> None:
    frames = shaded(12)
    wrong = WRONG[name](frames)
    assert wrong.shape == frames.shape and (wrong != frames).any()
    job = tmp_path / "job"
    shutil.copytree(right, job)
    save_frames_as_png(wrong, tmp_path / "wrong")
    kind = settings.get("video", "mp4")
    for directory in (job, tmp_path / "wrong"):
        encode(directory, **settings)
    shutil.copy(output(tmp_path / "wrong", kind), output(job, kind))
    sign(job, kind)
    result = beside(job)
    assert len(result.videos[0].faults) == 1
    assert result.proof is None


def test_another_version_of_x264_is_no_fault(tmp_path: Path) -> None:
    """It writes its number into the video, and the same pictures."""
    job = tmp_path / "job"
    save_frames_as_png(RIGHT["checkerboard"]()[:24], job)
    encode(job)
    video = output(job, "mp4")
    data = video.read_bytes()
    before, name, after = data.partition(b"x264 - core ")
    assert name
    video.write_bytes(before + name + b"9" + after[1:])
    sign(job, "mp4")
    assert video.read_bytes() != data
    result = beside(job)
    assert faults(result) == ""
    assert result.proof is not None
