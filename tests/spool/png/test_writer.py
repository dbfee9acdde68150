from __future__ import annotations

import io
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ale_py
import cv2
import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from daddy_encode.spool.png.format import NONE, SUB, UP
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import Filter, choose_filter, encode_png
from tests.dump.reading import with_ffmpeg, with_pillow

SHAPES = st.tuples(st.integers(1, 64), st.integers(1, 64), st.sampled_from([(), (3,), (4,)])).map(
    lambda shape: (*shape[:2], *shape[2])
)
FRAMES = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape))


def _pillow(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def _opencv(data: bytes) -> Pixels:
    pixels = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
    if pixels.ndim == 2:
        return pixels
    order = [2, 1, 0] if pixels.shape[2] == 3 else [2, 1, 0, 3]
    return pixels[:, :, order]


@pytest.fixture(scope="module")
def rollouts() -> dict[str, list[Pixels]]:
    """Eight real frames each."""
    gymnasium.register_envs(ale_py)
    found = {}
    for name in ("CartPole-v1", "ALE/Breakout-v5"):
        env = gymnasium.make(name, render_mode="rgb_array")
        env.reset(seed=1)
        env.action_space.seed(1)
        frames: list[Pixels] = []
        for _ in range(8):
            env.step(env.action_space.sample())
            frames.append(np.array(env.render(), np.uint8))
        env.close()
        found[name.split("/")[-1]] = frames
    return found


@settings(deadline=None)
@given(frame=FRAMES, row_filter=st.sampled_from([None, NONE, SUB, UP]))
def test_any_pixels_of_any_small_size_come_back_in_pillow_and_opencv(frame: Pixels, row_filter: Filter | None) -> None:
    data = encode_png(frame, row_filter)
    assert np.array_equal(_pillow(data), frame)
    assert np.array_equal(_opencv(data), frame)


def _views(frame: Pixels) -> Iterator[Pixels]:
    yield frame[::-1]
    yield frame[:, ::-1]
    yield frame.swapaxes(0, 1)
    yield np.asfortranarray(frame)
    yield frame[::2, ::3]
    if frame.ndim == 3:
        yield frame[:, :, ::-1]
        yield frame[:, :, 0]


@settings(deadline=None)
@given(frame=FRAMES, row_filter=st.sampled_from([NONE, SUB, UP]))
def test_a_reversed_transposed_or_strided_view_gives_the_bytes_of_its_copy(frame: Pixels, row_filter: Filter) -> None:
    for view in _views(frame):
        assert encode_png(view, row_filter) == encode_png(np.ascontiguousarray(view), row_filter)


@pytest.mark.parametrize("most", [32, pytest.param(64, marks=pytest.mark.soak)])
def test_every_size_from_1x1_passes_pngcheck_pillow_opencv_and_strict_ffmpeg(
    tmp_path: Path, pngcheck: Callable[[list[Path]], None], most: int
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (most, most, 4), np.uint8)
    kinds: list[tuple[str, Callable[[Pixels], Pixels]]] = [
        ("grey", lambda f: f[:, :, 0]),
        ("rgb", lambda f: f[:, :, :3]),
        ("rgba", lambda f: f),
    ]
    paths = []
    for index, (height, width) in enumerate(itertools.product(range(1, most + 1), repeat=2)):
        # Every colour type meets every filter in turn, with all sizes.
        kind, view = kinds[index % 3]
        frame = view(noise[:height, :width])
        data = encode_png(frame, (NONE, SUB, UP)[index // 3 % 3])
        assert np.array_equal(_pillow(data), frame)
        assert np.array_equal(_opencv(data), frame)
        paths.append(tmp_path / f"{index:06d}-{kind}.png")
        paths[-1].write_bytes(data)
    pngcheck(paths)
    command = [get_ffmpeg_exe(), "-v", "error", "-xerror", "-err_detect", "explode"]
    for kind, _ in kinds:
        stream = b"".join(path.read_bytes() for path in paths if path.stem.endswith(f"-{kind}"))
        reading = [*command, "-f", "image2pipe", "-c:v", "png", "-i", "-", "-f", "null", "-"]
        done = subprocess.run(reading, input=stream, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("row_filter", [NONE, SUB, UP, None])
@pytest.mark.parametrize("name", ["CartPole-v1", "Breakout-v5"])
def test_real_rollouts_pass_every_reader_pixel_for_pixel(
    name: str,
    row_filter: Filter | None,
    rollouts: dict[str, list[Pixels]],
    tmp_path: Path,
    pngcheck: Callable[[list[Path]], None],
) -> None:
    frames = rollouts[name]
    for index, frame in enumerate(frames):
        data = encode_png(frame, row_filter)
        (tmp_path / f"{index:06d}.png").write_bytes(data)
        assert np.array_equal(_pillow(data), frame)
        assert np.array_equal(_opencv(data), frame)
    pngcheck(sorted(tmp_path.iterdir()))
    assert np.array_equal(with_ffmpeg(tmp_path, frames[0].shape), np.stack(frames))


def test_grey_and_rgba_pass_strict_ffmpeg_pixel_for_pixel(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (30, 50, 4), np.uint8)
    for kind, frame in (("grey", noise[:, :, 1]), ("rgba", noise)):
        (tmp_path / kind).mkdir()
        filters: tuple[Filter, ...] = (NONE, SUB, UP)
        for index, row_filter in enumerate(filters):
            (tmp_path / kind / f"{index:06d}.png").write_bytes(encode_png(frame, row_filter))
        assert np.array_equal(with_ffmpeg(tmp_path / kind, frame.shape), np.stack([frame] * 3))


def test_without_isal_zlib_writes_the_same_pixels(tmp_path: Path) -> None:
    frame = np.random.default_rng(3).integers(0, 256, (40, 30, 3), np.uint8)
    np.save(tmp_path / "frame.npy", frame)
    script = (
        "import sys; sys.modules['isal'] = None\n"
        "import numpy, zlib\n"
        "from daddy_encode.spool.png import writer as png\n"
        "assert png.deflate.compress is zlib.compress\n"
        "open('out.png', 'wb').write(png.encode_png(numpy.load('frame.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert np.array_equal(with_pillow(tmp_path / "out.png"), frame)


def test_the_filter_follows_the_content() -> None:
    columns = np.random.default_rng(4).integers(0, 256, (1, 200, 3), np.uint8)
    assert choose_filter(np.broadcast_to(columns, (200, 200, 3))) in (NONE, UP)
    # A slope: its bytes all differ, its differences are all alike.
    across = (np.arange(200)[None, :, None] * 7 + np.arange(200)[:, None, None] ** 2 + np.zeros(3)).astype(np.uint8)
    assert choose_filter(across) == SUB
    assert choose_filter(across.swapaxes(0, 1)) == UP
    assert choose_filter(np.zeros((200, 200, 3), np.uint8)) == NONE


@pytest.mark.parametrize("name", ["CartPole-v1", "Breakout-v5"])
def test_real_frames_are_at_most_a_seventh_larger_than_pillows_level_1(
    name: str, rollouts: dict[str, list[Pixels]]
) -> None:
    ours = theirs = 0
    for frame in rollouts[name]:
        ours += len(encode_png(frame))
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "png", compress_level=1)
        theirs += buffer.tell()
    assert ours <= 1.15 * theirs
