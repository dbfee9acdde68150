from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter
from daddy_encode.errors import FrameError, ManifestError, SettingsError, SpoolError
from daddy_encode.spool.manifest import read_manifest
from daddy_encode.spool.png import writer as png
from daddy_encode.spool.png.pixels import Pixels
from tests.dump.conftest import SlowDisk
from tests.dump.reading import annotations_of, assert_same, contents, frame_files, manifest_of, pixels_of
from tests.media import noise

pytestmark = pytest.mark.usefixtures("transport")


def test_frames_manifest_and_annotations_are_what_was_written(tmp_path: Path) -> None:
    frames = noise(5)
    with FrameWriter(tmp_path / "job", fps="30000/1001", video="both", meta={"seed": np.int64(3)}) as writer:
        for index, frame in enumerate(frames):
            assert writer.write(frame, step=index, reward=np.float32(0.5), action=np.array([1, 2]))
        writer.meta["return"] = np.float64(2.5)
    assert_same(pixels_of(tmp_path / "job"), list(frames))
    assert [path.name for path in frame_files(tmp_path / "job")] == [f"{index:06d}.png" for index in range(5)]
    assert manifest_of(tmp_path / "job") == {
        "version": 1,
        "frames": 5,
        "width": 32,
        "height": 24,
        "fps": "30000/1001",
        "video": "both",
        "complete": True,
        "error": None,
        "meta": {"seed": 3, "return": 2.5},
    }
    expected = [{"step": index, "reward": 0.5, "action": [1, 2]} for index in range(5)]
    assert annotations_of(tmp_path / "job") == expected
    assert read_manifest(tmp_path / "job") is not None


def test_every_frame_has_a_line_once_one_frame_is_annotated_and_else_there_is_no_file(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "some") as writer:
        for index, frame in enumerate(noise(6)):
            writer.write(frame, **({"note": "here"} if index == 3 else {}))
    assert annotations_of(tmp_path / "some") == [{}, {}, {}, {"note": "here"}, {}, {}]
    with FrameWriter(tmp_path / "none") as writer:
        writer.write(noise(1)[0])
    assert sorted(os.listdir(tmp_path / "none")) == ["000000.png", "manifest.json", "rollout.json"]


def test_many_annotations_keep_their_order_whichever_thread_is_first(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", workers=4) as writer:
        for index in range(300):
            # Large and small frames' work would not finish in order; sizes must be alike, so contents differ.
            frame = np.zeros((64, 64), np.uint8) if index % 3 else noise(1, 64, 64, index)[0, :, :, 0]
            writer.write(frame, index=index, text="x" * 1000)
    assert [line["index"] for line in annotations_of(tmp_path / "job")] == list(range(300))


def test_the_same_frames_give_the_same_files_on_one_thread_and_on_four(tmp_path: Path) -> None:
    # More than 64, so that the filter is chosen again, and of two kinds, so that the choice differs.
    flat = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None], (40, 40, 3))
    frames = [*noise(64, 40, 40), *([flat] * 10), *noise(70, 40, 40, seed=1)]
    for threads in (1, 4):
        with FrameWriter(tmp_path / str(threads), workers=threads) as writer:
            for frame in frames:
                writer.write(frame, brightness=frame.mean())
    assert contents(tmp_path / "1") == contents(tmp_path / "4")


def test_a_renderer_may_reuse_its_buffer_after_write(tmp_path: Path) -> None:
    expected = noise(40, 100, 100)
    layouts: dict[str, Callable[[Pixels], Pixels]] = {
        "plain": lambda frame: frame,
        "flipped": lambda frame: frame[::-1],
        "turned": lambda frame: frame.swapaxes(0, 1),
    }
    for name, layout in layouts.items():
        buffer = np.empty_like(expected[0])
        with FrameWriter(tmp_path / name) as writer:
            for frame in expected:
                buffer[...] = frame
                writer.write(layout(buffer))
            buffer[...] = 0
        assert_same(pixels_of(tmp_path / name), [layout(frame) for frame in expected])


def test_a_rollout_may_change_its_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with FrameWriter("job") as writer:
        writer.write(noise(1)[0])
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        writer.write(noise(1)[0], step=1)
    records = ["annotations.jsonl", "manifest.json", "rollout.json"]
    assert sorted(os.listdir(tmp_path / "job")) == ["000000.png", "000001.png", *records]
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 1), (7, 9, 3), (7, 9, 4)])
def test_grey_rgb_and_rgba_are_kept_as_they_are(shape: tuple[int, ...], tmp_path: Path) -> None:
    frame = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    with FrameWriter(tmp_path / "job") as writer:
        writer.write(frame)
    assert_same(pixels_of(tmp_path / "job"), [frame.reshape(shape[:2]) if shape[2:] == (1,) else frame])


class Tensor:
    """As torch and JAX do it: an object that gives a numpy array when asked."""

    def __init__(self, pixels: Pixels | None) -> None:
        self.pixels = pixels

    def __array__(self, dtype: Any = None, copy: Any = None) -> Pixels:
        if self.pixels is None:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        return self.pixels


def test_a_tensor_in_cpu_memory_is_a_frame_and_one_on_a_gpu_is_refused_with_its_own_words(tmp_path: Path) -> None:
    frame = noise(1)[0]
    with FrameWriter(tmp_path / "job") as writer:
        writer.write(Tensor(frame))
        with pytest.raises(FrameError, match=r"frame 1: .*Use Tensor\.cpu\(\) first"):
            writer.write(Tensor(None))
    assert_same(pixels_of(tmp_path / "job"), [frame])


def test_a_bad_frame_is_refused_and_the_writer_can_go_on(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job") as writer:
        with pytest.raises(FrameError, match="frame 0: dtype is float64"):
            writer.write(np.zeros((4, 4, 3)))
        assert not (tmp_path / "job").exists()
        writer.write(noise(1)[0])
        with pytest.raises(FrameError, match=r"frame 1: shape is \(9, 9\), but frame 0 has \(24, 32, 3\)"):
            writer.write(np.zeros((9, 9), np.uint8))
        with pytest.raises(ManifestError, match="cannot be written as JSON"):
            writer.write(noise(1)[0], thing=object())
        writer.write(noise(1)[0])
    assert (manifest_of(tmp_path / "job")["frames"], len(frame_files(tmp_path / "job"))) == (2, 2)


def test_leaving_by_an_exception_keeps_the_frames_and_says_so_in_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(KeyError), FrameWriter(tmp_path / "job", meta={"seed": 1}) as writer:
        for frame in noise(3):
            writer.write(frame)
        raise KeyError("reward\nterm")
    manifest = manifest_of(tmp_path / "job")
    assert (manifest["complete"], manifest["error"]) == (False, "KeyError: 'reward\\nterm'")
    assert (manifest["frames"], manifest["meta"]) == (3, {"seed": 1})
    assert len(pixels_of(tmp_path / "job")) == 3


def test_an_exception_before_the_first_frame_is_told_too_but_never_at_the_cost_of_an_old_dump(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), FrameWriter(tmp_path / "new"):
        raise RuntimeError("no environment")
    manifest = manifest_of(tmp_path / "new")
    assert (manifest["frames"], manifest["complete"], manifest["error"]) == (0, False, "RuntimeError: no environment")
    with FrameWriter(tmp_path / "old") as writer:
        writer.write(noise(1)[0])
    before = contents(tmp_path / "old")
    with pytest.raises(RuntimeError), FrameWriter(tmp_path / "old", overwrite=True):
        raise RuntimeError("no environment")
    assert contents(tmp_path / "old") == before


def test_no_frame_at_all_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "job")
    with pytest.raises(FrameError, match="there are no frames"):
        writer.close()
    assert not (tmp_path / "job").exists()


def test_a_second_close_does_nothing_and_writing_after_it_is_an_error(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job") as writer:
        writer.write(noise(1)[0])
        writer.close()
        before = contents(tmp_path / "job")
        writer.close()
        writer.close("too late to fail")
        with pytest.raises(SpoolError, match="closed"):
            writer.write(noise(1)[0])
    assert contents(tmp_path / "job") == before
    assert manifest_of(tmp_path / "job")["complete"] is True


def test_close_without_waiting_is_completed_by_another_close(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "job")
    for frame in noise(50, 200, 200):
        writer.write(frame)
    writer.close(wait=False)
    writer.close()
    assert writer.closed
    assert manifest_of(tmp_path / "job")["frames"] == 50


def test_discard_removes_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for name in ("mine", "new"):
        writer = FrameWriter(tmp_path / name)
        for frame in noise(20):
            writer.write(frame, step=1)
        writer.discard()
    assert contents(tmp_path / "mine") == {"notes.txt": b"keep"}
    assert not (tmp_path / "new").exists()


def test_discard_after_close_removes_the_recording(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "job")
    writer.write(noise(1)[0], step=1)
    writer.close()
    writer.discard()
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("name", ["000004.png", "manifest.json", "annotations.jsonl", "rollout.json"])
def test_a_directory_with_a_dump_in_it_is_refused_at_once_and_stays_as_it_is(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"old")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    before = contents(tmp_path)
    with pytest.raises(SpoolError, match=f"already holds {name}; choose another directory, or overwrite=True"):
        FrameWriter(tmp_path)
    assert contents(tmp_path) == before
    with FrameWriter(tmp_path, overwrite=True) as writer:
        assert contents(tmp_path) == before
        writer.write(noise(1)[0])
    assert sorted(contents(tmp_path)) == ["000000.png", "manifest.json", "notes.txt", "rollout.json"]


def test_two_writers_in_one_directory_never_mix(tmp_path: Path) -> None:
    first, second = FrameWriter(tmp_path / "job"), FrameWriter(tmp_path / "job")
    frames = noise(2)
    first.write(frames[0])
    first.close()
    before = contents(tmp_path / "job")
    with pytest.raises(SpoolError, match=r"already holds manifest\.json"):
        second.write(frames[1])
    second.close()
    assert contents(tmp_path / "job") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0}, "fps 0 is outside"),
        ({"video": "avi"}, "video is 'avi': give None, 'mp4', 'gif', 'both'"),
        ({"when_full": "wait"}, "when_full is 'wait'"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
        ({"workers": 0}, "workers is 0: give 1 or more"),
        ({"max_bytes": 0}, "max_bytes is 0"),
        ({"min_free": -1}, "min_free is -1: give 0 or more"),
    ],
)
def test_arguments_that_cannot_work_are_refused_before_anything_is_on_disk(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        FrameWriter(tmp_path / "job", **options)
    with pytest.raises(ManifestError):
        FrameWriter(tmp_path / "job", meta={"env": object()})
    assert not (tmp_path / "job").exists()


def test_a_frame_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", max_bytes=noise(1).nbytes) as writer:
        writer.write(noise(1)[0])
    with FrameWriter(tmp_path / "small", max_bytes=100) as writer:
        with pytest.raises(SettingsError, match="max_bytes is 100, but one frame has 2304: give more"):
            writer.write(noise(1)[0])
        writer.write(np.zeros((5, 5), np.uint8))


def test_meta_that_became_no_json_is_an_error_and_no_manifest_calls_it_complete(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "job")
    writer.write(noise(1)[0])
    writer.meta["env"] = object()
    with pytest.raises(ManifestError, match="object is not a JSON value"):
        writer.close()
    assert manifest_of(tmp_path / "job")["complete"] is False
    writer.close()


def test_dropped_frames_are_counted_annotated_and_warned_of(
    tmp_path: Path, slow_disk: Callable[[int], SlowDisk]
) -> None:
    frames = noise(60, 64, 64)
    # Two frames in flight, on a disk that takes some 20 a second: most of these must be dropped.
    writer = FrameWriter(
        slow_disk(250_000).path / "job", when_full="drop", max_bytes=2 * frames[0].nbytes, workers=1, min_free=0
    )
    taken = [index for index, frame in enumerate(frames) if writer.write(frame, index=index)]
    assert 0 < len(taken) < 60
    assert (writer.frames, writer.dropped) == (len(taken), 60 - len(taken))
    with pytest.warns(RuntimeWarning, match=f"{60 - len(taken)} of 60 frames were dropped"):
        writer.close()
    assert_same(pixels_of(writer.directory), [frames[index] for index in taken])
    manifest = manifest_of(writer.directory)
    assert (manifest["complete"], manifest["meta"]) == (True, {"dropped_frames": 60 - len(taken)})
    before = 0
    for line, index in zip(annotations_of(writer.directory), taken, strict=True):
        assert line["index"] == index
        assert line.get("dropped_before", 0) == index - before
        before = index + 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer.close()


def test_the_rollouts_own_thread_compresses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    threads = set()

    class Deflate:
        def __getattr__(self, name: str) -> Any:
            threads.add(threading.get_ident())
            return getattr(deflate, name)

    deflate = vars(png)["deflate"]
    monkeypatch.setattr(png, "deflate", Deflate())
    # More than one block of frames with a filter of its own, of a shape that no other test has.
    with FrameWriter(tmp_path / "job") as writer:
        for frame in noise(130, 25, 33):
            writer.write(frame, step=1)
    assert len(frame_files(tmp_path / "job")) == 130
    assert threading.get_ident() not in threads
    assert bool(threads) is (transport == "threads")
