"""The three functions: what they take, what they refuse, what they leave."""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import daddy_encode
from daddy_encode import save_frames_as_png, save_gif, save_mp4, video_utils
from daddy_encode.dump import FrameWriter
from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.errors import FrameError, SettingsError, SpoolError
from tests.media import decode_gif, decode_mp4, moving_square, noise, read_png

Save = Callable[..., Any]


def test_the_signatures_are_the_specification_s() -> None:
    def signature(function: Save) -> str:
        return ", ".join(
            f"{'*' if p.kind is p.KEYWORD_ONLY else ''}{p.name}{'' if p.default is p.empty else f'={p.default}'}"
            for p in inspect.signature(function).parameters.values()
        )

    added = "*fps=30, *video=None, *meta=None, *overwrite=False, *container=png"
    assert signature(save_frames_as_png) == f"frames, output_dir, {added}"
    assert signature(save_mp4) == "frames, path, fps=30"
    assert signature(save_gif) == "frames, path, fps=15"
    for name in ("save_frames_as_png", "save_mp4", "save_gif"):
        assert getattr(daddy_encode, name) is getattr(video_utils, name)


def test_frames_are_numbered_pngs_and_the_manifest_comes_last(tmp_path: Path) -> None:
    frames = moving_square(12)
    paths = save_frames_as_png(frames, tmp_path / "a" / "job", fps=12.5, video="both", meta={"seed": 3})
    assert paths == [tmp_path / "a" / "job" / f"{i:06d}.png" for i in range(12)]
    for path, frame in zip(paths, frames, strict=True):
        assert np.array_equal(read_png(path), frame)
    manifest = tmp_path / "a" / "job" / "manifest.json"
    assert json.loads(manifest.read_text()) == {
        "version": 1,
        "frames": 12,
        "width": 64,
        "height": 48,
        "fps": 12.5,
        "video": "both",
        "complete": True,
        "error": None,
        "meta": {"seed": 3},
    }
    assert manifest.stat().st_mtime_ns >= max(path.stat().st_mtime_ns for path in paths)
    assert len(os.listdir(tmp_path / "a" / "job")) == 14


def kinds_of_frames() -> dict[str, Any]:
    frames = moving_square(5)
    return {
        "array": frames,
        "list": list(frames),
        "tuple": tuple(frames),
        "generator": (frame for frame in frames),
        "reversed view": [frame[::-1, ::-1] for frame in frames],
        "strided view": np.repeat(frames, 2, axis=2)[:, :, ::2],
        "Fortran order": [np.asfortranarray(frame) for frame in frames],
        "read-only": [np.frombuffer(frame.tobytes(), np.uint8).reshape(frame.shape) for frame in frames],
        "nested lists": [np.asarray(frame).astype(np.uint8) for frame in frames.tolist()],
        "grey": frames[..., 1],
        "grey with an axis": frames[..., 1:2],
        "RGBA": np.concatenate([frames, np.full((5, 48, 64, 1), 255, np.uint8)], axis=3),
    }


@pytest.mark.parametrize("kind", kinds_of_frames())
def test_every_kind_of_frames_gives_its_pixels(tmp_path: Path, kind: str) -> None:
    expected = moving_square(5)
    if kind == "reversed view":
        expected = expected[:, ::-1, ::-1]
    if kind.startswith("grey"):
        expected = expected[..., 1:2].repeat(3, axis=3)
    video = decode_mp4(save_mp4(kinds_of_frames()[kind], tmp_path / "clip.mp4"), 64, 48)
    assert np.abs(video.astype(int) - expected).mean() < 4
    gif, _, _ = decode_gif(save_gif(kinds_of_frames()[kind], tmp_path / "clip.gif"))
    assert np.array_equal(gif, expected)
    for path, frame in zip(save_frames_as_png(kinds_of_frames()[kind], tmp_path / "job"), expected, strict=True):
        picture = read_png(path)
        assert np.array_equal(
            picture if picture.ndim == 2 else picture[..., :3], frame[..., 0] if picture.ndim == 2 else frame
        )


def targets(tmp_path: Path) -> list[tuple[Save, Path]]:
    return [
        (save_frames_as_png, tmp_path / "new" / "job"),
        (save_mp4, tmp_path / "new" / "clip.mp4"),
        (save_gif, tmp_path / "new" / "clip.gif"),
    ]


def bad_frames() -> dict[str, tuple[Any, str]]:
    good = moving_square(3)
    return {
        "none at all": ([], "there are no frames"),
        "an empty generator": (iter(()), "there are no frames"),
        "float": ([good[0] / 255], r"frame 0: dtype is float64, expected uint8; scale to 0\.\.255"),
        "int64": ([good[0].astype(int)], "frame 0: dtype is int64"),
        "later dtype": ([good[0], good[1].astype(np.float32)], "frame 1: dtype is float32"),
        "one frame instead of many": (good[0], r"\(48, 64, 3\) is one frame, not a sequence; give \[frame\]"),
        "two channels": ([np.zeros((4, 4, 2), np.uint8)], r"frame 0: shape is \(4, 4, 2\)"),
        "another size": ([good[0], good[1], good[2][:-1]], r"frame 2: shape is \(47, 64, 3\), but frame 0 has"),
        "another kind": ([good[0], good[1][..., 0]], "frame 1: shape is"),
        "no pixels": ([np.zeros((0, 4, 3), np.uint8)], "frame 0: size 4x0 is empty"),
        "too wide": ([np.zeros((1, 65_536, 3), np.uint8)], "frame 0: size 65536x1 is above 65535 pixels wide or high"),
        "not an array": (["frame"], "frame 0: dtype is"),
        "ragged": ([[[1, 2], [3]]], "frame 0: cannot be made a numpy array"),
    }


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("fault", bad_frames())
def test_bad_frames_are_named_and_nothing_is_left_behind(tmp_path: Path, fault: str, which: int) -> None:
    save, path = targets(tmp_path)[which]
    frames, words = bad_frames()[fault]
    with pytest.raises(FrameError, match=words) as caught:
        save(frames, path)
    assert isinstance(caught.value, ValueError)
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), "0", "fast", None])
def test_a_bad_rate_is_refused_and_nothing_is_left_behind(tmp_path: Path, which: int, fps: object) -> None:
    save, path = targets(tmp_path)[which]
    with pytest.raises(ValueError, match="fps"):
        save(moving_square(2), path, fps=fps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("which", [1, 2])
def test_a_video_replaces_the_old_one_only_when_it_is_whole(tmp_path: Path, which: int) -> None:
    save, path = targets(tmp_path)[which]
    path.parent.mkdir()
    path.write_bytes(b"old")

    def frames() -> Iterator[Any]:
        yield from moving_square(3)
        assert path.read_bytes() == b"old"
        yield np.zeros((1, 1, 3), np.uint8)

    with pytest.raises(FrameError, match="frame 3"):
        save(frames(), path)
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == b"old"
    save(moving_square(3), path)
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() != b"old"


def test_a_directory_that_is_taken_is_refused_whatever_holds_it(tmp_path: Path) -> None:
    for name in ("000000.png", "frame_7.png", "manifest.json"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_bytes(b"mine")
        with pytest.raises(SpoolError, match=f"already holds {name}"):
            save_frames_as_png(moving_square(2), folder)
        assert (folder / name).read_bytes() == b"mine"
        assert os.listdir(folder) == [name]


def test_overwrite_removes_exactly_the_old_dump(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    save_frames_as_png(moving_square(9), folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "poster.png").write_text("mine")
    save_frames_as_png(moving_square(3), folder, overwrite=True)
    assert sorted(os.listdir(folder)) == [
        "000000.png",
        "000001.png",
        "000002.png",
        "manifest.json",
        "notes.txt",
        "poster.png",
        "rollout.json",
    ]
    assert json.loads((folder / "manifest.json").read_text())["frames"] == 3


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert len(save_frames_as_png(moving_square(2), tmp_path)) == 2


@pytest.mark.parametrize("which", [0, 1, 2])
def test_frames_are_streamed(tmp_path: Path, which: int) -> None:
    save, path = targets(tmp_path)[which]
    alive: list[weakref.ref[Any]] = []
    most = 0

    def frames() -> Iterator[Any]:
        nonlocal most
        for index in range(100):
            frame = np.full((8, 8, 3), index, np.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            most = max(most, sum(reference() is not None for reference in alive))

    save(frames(), path)
    assert len(alive) == 100
    # The one at work, the first (its shape), and what a pipe holds.
    assert most <= 5


@pytest.mark.parametrize(
    ("which", "name", "says"),
    [(1, "a.gif", "GIF"), (1, "a.WebM", "WEBM"), (1, "a.mov", "MOV"), (2, "a.mp4", "MP4"), (2, "a.png", "PNG")],
)
def test_a_suffix_that_says_another_format_is_refused_before_anything_is_done(
    tmp_path: Path, which: int, name: str, says: str
) -> None:
    save, _ = targets(tmp_path)[which]
    made = ("MP4", "GIF")[which - 1]
    with pytest.raises(
        SettingsError, match=rf"{name}: the suffix of this {made} says {says}; name it \.{made.lower()}"
    ):
        save(iter(()), tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_that_says_nothing_or_the_right_format_is_kept(tmp_path: Path) -> None:
    for name in ("clip", "run-1.5", "clip.part", "clip.M4V", "clip.MP4"):
        assert save_mp4(moving_square(1, 16, 16), tmp_path / name) == tmp_path / name
    assert save_gif(moving_square(1, 16, 16), tmp_path / "clip.GIF") == tmp_path / "clip.GIF"
    assert sorted(os.listdir(tmp_path)) == ["clip", "clip.GIF", "clip.M4V", "clip.MP4", "clip.part", "run-1.5"]


def test_a_tilde_is_the_home_directory_wherever_frames_and_videos_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    frames = moving_square(2, 16, 16)
    home = tmp_path / "home"
    assert save_frames_as_png(frames, "~/job")[1] == home / "job" / "000001.png"
    assert (save_mp4(frames, "~/a.mp4"), save_gif(frames, Path("~/a.gif"))) == (home / "a.mp4", home / "a.gif")
    with FrameWriter("~/writer") as writer:
        writer.write(frames[0])
    env = RecordFrames(gymnasium.make("CartPole-v1", render_mode="rgb_array"), "~/videos")
    env.close()
    assert sorted(os.listdir(home)) == ["a.gif", "a.mp4", "job", "videos", "writer"]
    assert os.listdir(tmp_path) == ["home"]


@pytest.mark.parametrize(("which", "kind", "fps"), [(1, "MP4", 12.5), (2, "GIF", 10)])
def test_the_six_values_of_a_video_are_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int, kind: str, fps: float
) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", records.append)
    monkeypatch.chdir(tmp_path)
    save, _ = targets(tmp_path)[which]
    logger = logging.getLogger("daddy_encode")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        path = save(moving_square(5, 17, 16), f"clip.{kind.lower()}", fps=fps)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    size = path.stat().st_size
    shown = f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB"
    first = records[0].getMessage()
    assert re.fullmatch(rf"saved {re.escape(str(path))}: 5 frames, {fps} fps, took \d+\.\d\d s, {shown}, {kind}", first)
    assert {(record.levelname, record.name) for record in records} == {("INFO", "daddy_encode")}
    # And what a viewer should know, as the command says it.
    assert len(records) == (2 if kind == "MP4" else 1)
    assert kind == "GIF" or records[1].getMessage().startswith(f"{path}: padded from 16x17 to 16x18")


def test_a_full_temporary_folder_is_an_error_that_names_the_variable(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(SpoolError, match=r"cannot write .*small/daddy-encode-.*; or set TMPDIR to another folder"):
        save_gif(noise(20, 200, 200), tmp_path / "clip.gif")
    assert list(small_disk.iterdir()) == []
    assert not (tmp_path / "clip.gif").exists()
