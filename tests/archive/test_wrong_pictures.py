"""Videos of right and of wrong pictures, behind receipts that have their bytes: which are told apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from daddy_encode import save_frames_as_png
from daddy_encode.archive.verify.verdict import judge_beside_anew
from daddy_encode.encoding.decoding.apart import Apart
from daddy_encode.encoding.decoding.nearness import compare, psnr, shown_by_mp4
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.frames.frame_source import frame_input
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.settings import Mp4Settings
from tests.archive.jobs import beside, faults, limits, output, sign
from tests.jobs import encode
from tests.media import Frames, moving_square, noise, shaded

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
DEFAULT = ("bt601", "half_stale")


def assert_found(job: Path, other: Path, kind: str) -> None:
    """The video of another job is a fault, behind a receipt that has its bytes."""
    shutil.copy(output(other, kind), output(job, kind))
    sign(job, kind)
    result = beside(job)
    assert len(result.videos[0].faults) == 1
    assert result.proof is None


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
    assert_found(job, tmp_path / "wrong", kind)


def score(count: int, text: str = "0068") -> Frames:
    """Digits as small as Atari's, at the top of a picture of its size."""
    picture = Image.new("RGB", (160, 210), (20, 40, 20))
    ImageDraw.Draw(picture).text((60, 4), text, (200, 200, 60), ImageFont.load_default(10))
    frames = np.asarray(picture)[None].repeat(count, 0).copy()
    for index, frame in enumerate(frames):
        frame[190:194, 20 + 3 * index : 36 + 3 * index] = (200, 72, 72)
    return frames


def ball(count: int, aside: int = 0) -> Frames:
    """A ball of 2 x 4 pixels that flies over bricks, as Breakout's."""
    frames = np.zeros((count, 210, 160, 3), np.uint8)
    frames[:, 57:93] = np.repeat([(200, 72, 72), (180, 122, 48), (66, 72, 200)], 12, 0)[:, None]
    for index, frame in enumerate(frames):
        left, top = 40 + 2 * index + aside, 110 + 3 * index
        frame[top : top + 4, left : left + 2] = (200, 72, 72)
    return frames


def slow(count: int) -> Frames:
    """A gradient that moves by half a pixel from frame to frame."""
    rows, columns = np.mgrid[:120, :160]
    frames = [
        np.stack([128 + 100 * np.sin((columns + index / 2) / 25), 128 + 90 * np.cos((rows + columns) / 30), rows], 2)
        for index in range(count)
    ]
    return np.array(frames).round().astype(np.uint8)


def stale(frames: Frames) -> Frames:
    """Every second one is the one before it."""
    return frames[np.arange(len(frames)) // 2 * 2]


SMALL: dict[str, Callable[[int], tuple[Frames, Frames]]] = {
    "score": lambda count: (score(count), score(count, "0089")),
    "next_score": lambda count: (score(count), score(count, "0069")),
    "ball": lambda count: (ball(count), ball(count, 1)),
    "slow_swapped": lambda count: (slow(count), swapped(slow(count))),
    "slow_stale": lambda count: (slow(count), stale(slow(count))),
    "slow_last": lambda count: (slow(count), np.concatenate([slow(count)[:-1], slow(count)[-2:-1]])),
}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(pytest.param(name, {}, marks=() if name in ("score", "slow_swapped") else soak) for name in SMALL),
        *(pytest.param(name, {"crf": crf}, marks=soak) for name in SMALL for crf in (15, 26)),
        *(pytest.param(name, {"video": "gif", "fps": "15"}, marks=soak) for name in SMALL),
    ],
)
def test_what_is_small_is_a_fault(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    """Another rollout's video, behind a receipt that has its bytes."""
    right, wrong = SMALL[name](12)
    assert (right != wrong).any()
    job = tmp_path / "job"
    for directory, frames in ((job, right), (tmp_path / "wrong", wrong)):
        save_frames_as_png(frames, directory)
        encode(directory, **settings)
    kind = settings.get("video", "mp4")
    assert faults(beside(job)) == ""
    assert_found(job, tmp_path / "wrong", kind)


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


def test_frames_that_come_converted_are_as_near(tmp_path: Path) -> None:
    """The comparison takes them as they are: they were off by one where they did not say what they are."""
    save_frames_as_png(moving_square(16, 128, 512), tmp_path / "job")
    encode(tmp_path / "job")
    settings = Mp4Settings(fps="30")
    names = [path.name for path in sorted((tmp_path / "job").glob("*.png"))]
    with JobDirectory(tmp_path / "job") as directory, output(tmp_path / "job", "mp4").open("rb") as video:
        plain, converted = (
            frame_input(DirectorySource(directory, names), may_be_yuv=may_be_yuv) for may_be_yuv in (False, True)
        )
        assert (plain.pixel_format, converted.pixel_format) == ("rgb24", "yuv420p")
        one, other = (
            compare(FfmpegExecutable(), shown_by_mp4(frames, settings), 16, video.fileno(), limits())
            for frames in (plain, converted)
        )
    assert one == other
    assert psnr(max(one.error)) > 40


def apart(**values: Any) -> Apart:
    usual: dict[str, Any] = {"error": (4.0, 2.0, 2.0), "anew": (4.0, 2.0, 2.0), "offset": (0.1, 0.0, 0.0)}
    return Apart(**{**usual, "offset_anew": (0.1, 0.0, 0.0), "local": 0.5, "step": 0.0, "is_same": False, **values})


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (apart(), ""),
        (apart(error=(6.2, 2.0, 2.0)), ""),
        (apart(error=(4.0, 3.4, 2.0)), "its frame 6 is not that of its source: 42.8 dB, 45.1 when it is made anew"),
        (apart(local=2.4), ""),
        (apart(local=2.6), "a part of its frame 6 is not as in its source"),
        (apart(offset=(0.1, 0.0, 0.9)), "the colours of its frame 6 are not those of its source"),
        (apart(step=0.29), ""),
        (apart(step=0.31), "its frame 6 shows the frame before or after it"),
    ],
)
def test_a_picture_is_judged_beside_the_one_made_anew(picture: Apart, said: str) -> None:
    found = judge_beside_anew([*[apart()] * 3, picture, *[apart()] * 8], 2, is_same_ffmpeg=False)
    assert len(found) == bool(said)
    assert "".join(found).startswith(said)


def test_many_wrong_pictures_are_other_frames() -> None:
    for wrong in (apart(step=1.0), apart(error=(9.0, 2.0, 2.0))):
        (said,) = judge_beside_anew([apart(), *[wrong] * 4], 1, is_same_ffmpeg=True)
        assert said == "shows other frames than its source has there (first: frame 1)"
    (said,) = judge_beside_anew([apart(offset=(0.1, 0.3, 0.0))] * 5, 1, is_same_ffmpeg=False)
    assert said == "its colours are not those of its source: off by 0.3 of 255"


def test_the_same_ffmpeg_makes_the_same_pictures() -> None:
    same, other = apart(is_same=True), apart()
    assert judge_beside_anew([same] * 5, 2, is_same_ffmpeg=True) == []
    assert judge_beside_anew([same, other, other], 2, is_same_ffmpeg=False) == []
    (said,) = judge_beside_anew([same, other, other], 2, is_same_ffmpeg=True)
    assert said == "its frame 2 is not what the same ffmpeg makes of its source"
