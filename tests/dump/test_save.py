from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode.errors import FrameError, ManifestError, SettingsError, SpoolError
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.video_utils import save_frames_as_png
from tests.dump.reading import assert_same, contents, manifest_of, pixels_of

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 20, 30, 3), np.uint8)


def reusing_its_buffer() -> Iterator[Pixels]:
    buffer = np.empty_like(FRAMES[0])
    for frame in FRAMES:
        buffer[...] = frame
        yield buffer


@pytest.mark.parametrize("kind", [list, tuple, np.asarray, iter, lambda _: reusing_its_buffer()])
def test_a_list_an_array_and_a_generator_give_the_same_dump(kind: Any, tmp_path: Path) -> None:
    paths = save_frames_as_png(kind(FRAMES), tmp_path / "deep" / "job", fps=12.5, video="mp4", meta={"seed": 1})
    assert paths == [tmp_path / "deep" / "job" / f"{index:06d}.png" for index in range(5)]
    assert_same(pixels_of(tmp_path / "deep" / "job"), list(FRAMES))
    manifest = manifest_of(tmp_path / "deep" / "job")
    assert (manifest["frames"], manifest["fps"], manifest["video"], manifest["meta"]) == (5, 12.5, "mp4", {"seed": 1})


class Broken:
    def __iter__(self) -> Iterator[Pixels]:
        yield from FRAMES
        raise KeyError("the simulator died")


@pytest.mark.parametrize(
    ("frames", "options", "kind"),
    [
        ([], {}, FrameError),
        ([FRAMES[0], FRAMES[1][:-1]], {}, FrameError),
        ([FRAMES[0].astype(np.float32)], {}, FrameError),
        (FRAMES[0], {}, FrameError),
        (FRAMES[0, 0], {}, FrameError),
        (Broken(), {}, KeyError),
        (FRAMES, {"fps": "fast"}, SettingsError),
        (FRAMES, {"video": "avi"}, SettingsError),
        (FRAMES, {"meta": {"env": object()}}, ManifestError),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_after_any_failure_nothing_it_wrote_is_left(
    there: bool, frames: Any, options: dict[str, Any], kind: type[Exception], tmp_path: Path
) -> None:
    if there:
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "notes.txt").write_text("mine")
    with pytest.raises(kind):
        save_frames_as_png(frames, tmp_path / "job", **options)
    if there:
        assert contents(tmp_path / "job") == {"notes.txt": b"mine"}
    else:
        assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("size", [20, 400])
def test_an_interrupt_at_any_moment_leaves_nothing(size: int, tmp_path: Path) -> None:
    code = f"""
import itertools, os, random, signal
import numpy as np
from daddy_encode import save_frames_as_png
from daddy_encode.dump import save  # an interrupt may be lost in an import
# Without an end: where Python loses an interrupt, the next one comes before the last frame.
frames = itertools.repeat(np.random.default_rng(0).integers(0, 256, ({size}, {size}, 3), np.uint8))
chance = random.Random(3)
signal.signal(signal.SIGALRM, signal.default_int_handler)
interrupted = 0
for number in range(15):
    try:
        # Again after a while, should Python lose one.
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.001, 0.03), 5)
        save_frames_as_png(frames, "job", overwrite=True)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
        interrupted += 1
        assert not os.path.exists("job") or not os.listdir("job"), os.listdir("job")
print(interrupted)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "15\n"), done.stderr


def test_one_frame_in_place_of_a_row_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match=r"shape \(20, 30, 3\) is one frame, .*; give \[frame\]"):
        save_frames_as_png(FRAMES[0], tmp_path / "job")


def test_a_taken_directory_is_refused_and_overwrite_replaces_the_dump_only(tmp_path: Path) -> None:
    save_frames_as_png(FRAMES, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(SpoolError, match=r"already holds manifest\.json and 6 more"):
        save_frames_as_png(FRAMES[:2], tmp_path)
    with pytest.raises(FrameError):
        save_frames_as_png([], tmp_path, overwrite=True)
    assert contents(tmp_path) == before
    save_frames_as_png(FRAMES[:2], tmp_path, overwrite=True)
    assert sorted(contents(tmp_path)) == ["000000.png", "000001.png", "manifest.json", "notes.txt", "rollout.json"]
    assert manifest_of(tmp_path)["frames"] == 2


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    frame = np.zeros((1000, 1000, 3), np.uint8)
    tracemalloc.start()
    try:
        save_frames_as_png((frame for _ in range(150)), tmp_path / "job")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 150 frames are 429 MiB; in flight are 128 MiB at most, and what two threads compress.
    assert peak < 160 * 2**20
