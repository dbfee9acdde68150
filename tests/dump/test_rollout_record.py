"""`rollout.json`: a directory says from its first frame on what will be known of it, and who writes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter
from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.errors import ManifestError, SpoolError
from daddy_encode.spool.recording.rollout import read_rollout
from daddy_encode.spool.records import MAX_RECORD_BYTES
from tests.dump.reading import contents, frame_files, manifest_of
from tests.media import noise

FRAME = np.zeros((4, 4, 3), np.uint8)
# Of a worker process as well, before that can write a manifest.
KILLED = """
import os, signal, sys
from daddy_encode.dump import FrameWriter
from daddy_encode.dump.worker import process
from tests.media import noise
writer = FrameWriter(sys.argv[1], fps=50, video="both", meta={"seed": 3}, processes=sys.argv[2] == "processes")
for frame in noise(60, 16, 16):
    writer.write(frame)
last = sys.argv[1] + "/000059.png"
while not (os.path.exists(last) and b"IEND" in open(last, "rb").read()):
    pass
if process._worker is not None:
    os.kill(process._worker._process.pid, signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


def record_in(directory: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((directory / "rollout.json").read_text())
    return record


def kill_a_rollout(directory: Path, transport: str = "processes") -> None:
    """Leave 60 frames at 50 fps, for both videos, of a rollout that was killed with its worker process."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(directory), transport], timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert len(frame_files(directory)) == 60
    assert not (directory / "manifest.json").exists()


def test_it_is_there_before_the_first_frame_and_says_what_is_known(
    tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with FrameWriter(tmp_path / "job", "30000/1001", "both", {"seed": np.int64(3)}) as frames:
        assert not (tmp_path / "job").exists()
        frames.meta["episode"] = 7
        frames.write(FRAME)
        assert record_in(tmp_path / "job") == {
            "version": 1,
            "fps": "30000/1001",
            "video": "both",
            "meta": {"seed": 3, "episode": 7},
            "host": os.uname().nodename,
            "pid": os.getpid(),
            "slurm_job_id": None,
        }
        frames.write(FRAME)
        frames.meta["return"] = 1.5
    assert manifest_of(tmp_path / "job")["meta"] == {"seed": 3, "episode": 7, "return": 1.5}
    # Nothing but the first frame writes it.
    times = [(tmp_path / "job" / name).stat().st_mtime_ns for name in ("rollout.json", "000000.png")]
    assert times == sorted(times)


def test_frames_that_are_at_hand_have_one_before_the_first_file(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def frames() -> Any:
        for _ in range(2):
            yield FRAME
            seen.append(sorted(os.listdir(tmp_path / "job")))

    save_frames_as_png(frames(), tmp_path / "job", fps=12.5, video="gif", meta={"seed": 3})
    assert seen == [["000000.png", "rollout.json"], ["000000.png", "000001.png", "rollout.json"]]
    record = record_in(tmp_path / "job")
    assert (record["fps"], record["video"], record["meta"]) == (12.5, "gif", {"seed": 3})


@pytest.mark.parametrize(("identifier", "kept"), [("4711", "4711"), ("", None), ("4711; rm", None), ("٤", None)])
def test_under_slurm_it_names_the_slurm_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identifier: str, kept: str | None
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", identifier)
    save_frames_as_png([FRAME], tmp_path / "job")
    assert record_in(tmp_path / "job")["slurm_job_id"] == kept


@pytest.mark.parametrize("odd", [None, 5, ["x"], "x" * 300])
def test_who_wrote_it_serves_no_video_and_may_be_anything(odd: Any, tmp_path: Path) -> None:
    save_frames_as_png([FRAME], tmp_path, fps=50, video="both")
    record = {**record_in(tmp_path), "host": odd, "pid": odd and str(odd), "slurm_job_id": odd or "x"}
    (tmp_path / "rollout.json").write_text(json.dumps(record))
    found = read_rollout(tmp_path, ["000000.png"])
    assert found is not None
    assert (found.fps, found.video, found.pid, found.slurm_job_id) == (50, "both", 0, None)
    assert found.host == ""


def test_a_rollout_that_is_killed_where_no_process_can_be_leaves_it(tmp_path: Path) -> None:
    kill_a_rollout(tmp_path / "job", "threads")
    record = record_in(tmp_path / "job")
    assert (record["fps"], record["video"], record["meta"]) == (50, "both", {"seed": 3})


def test_an_episode_that_nobody_has_finished_says_of_which_environment_it_is(tmp_path: Path) -> None:
    env = RecordFrames(gymnasium.make("CartPole-v1", render_mode="rgb_array"), tmp_path, episode_trigger=lambda _: True)
    env.reset(seed=3)
    record = record_in(tmp_path / "rl-video-episode-0")
    assert record["fps"] == 50
    known = {"environment": "CartPole-v1", "seed": 3, "episode": 0, "start_step": 0}
    assert known.items() <= record["meta"].items()
    assert not {"return", "length"} & record["meta"].keys()
    env.close()


def test_overwriting_replaces_it_and_discarding_removes_it(tmp_path: Path) -> None:
    save_frames_as_png([FRAME], tmp_path / "job", fps=50, video="both")
    writer = FrameWriter(tmp_path / "job", fps=10, overwrite=True)
    writer.write(FRAME)
    assert (record_in(tmp_path / "job")["fps"], record_in(tmp_path / "job")["video"]) == (10, None)
    writer.discard()
    assert os.listdir(tmp_path / "job") == []
    with FrameWriter(tmp_path / "other") as frames:
        frames.write(FRAME)
        frames.discard()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("fault", ["too large", "nested", "not JSON"])
def test_meta_that_no_reader_takes_is_left_out_and_the_manifest_says_why(tmp_path: Path, fault: str) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    writer = FrameWriter(tmp_path / "job", fps=50, video="gif")
    writer.meta["x"] = {"too large": "y" * MAX_RECORD_BYTES, "nested": deep, "not JSON": object()}[fault]
    writer.write(FRAME)
    with pytest.raises((ManifestError, SpoolError), match=r"larger than|nested|cannot be written as JSON"):
        writer.close()
    record = record_in(tmp_path / "job")
    assert (record["fps"], record["video"], record["meta"]) == (50, "gif", {})
    assert not manifest_of(tmp_path / "job")["complete"]


def test_of_two_writers_that_begin_in_one_directory_one_has_it_and_the_other_is_told(
    tmp_path: Path, transport: str
) -> None:
    first, second = FrameWriter(tmp_path / "job", fps=50), FrameWriter(tmp_path / "job", fps=50)
    first.write(FRAME)
    with pytest.raises(SpoolError, match=r"job: already holds (000000\.png and 1 more|rollout\.json); choose another"):
        second.write(FRAME)
    second.close()
    first.write(FRAME)
    first.close()
    assert record_in(tmp_path / "job")["fps"] == 50
    assert manifest_of(tmp_path / "job")["frames"] == 2
    assert sorted(contents(tmp_path / "job")) == ["000000.png", "000001.png", "manifest.json", "rollout.json"]


def test_writers_that_begin_at_the_same_moment_never_mix(tmp_path: Path) -> None:
    def record(writer: FrameWriter, start: threading.Barrier) -> str:
        start.wait()
        try:
            with writer:
                for frame in noise(2, 4, 4):
                    writer.write(frame)
        except SpoolError as error:
            return str(error)
        return ""

    # Which of the two looks finds the other differs from try to try.
    for number in range(20):
        writers = [FrameWriter(tmp_path / f"{number}", fps=10 + own, processes=False) for own in range(4)]
        start = threading.Barrier(len(writers))
        with ThreadPoolExecutor(len(writers)) as pool:
            errors = list(filter(None, pool.map(record, writers, [start] * len(writers))))
        assert len(errors) == 3
        for error in errors:
            assert "already holds" in error or "another recording has just begun here" in error
        (winner,) = (writer for writer in writers if writer.frames)
        record_fps, manifest = record_in(winner.directory)["fps"], manifest_of(winner.directory)
        assert (manifest["fps"], manifest["frames"], manifest["complete"]) == (record_fps, 2, True)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "rollout.json").symlink_to(tmp_path / "precious")
    with pytest.raises(SpoolError, match=r"already holds rollout\.json"):
        save_frames_as_png([FRAME], tmp_path / "job")
    save_frames_as_png([FRAME], tmp_path / "job", overwrite=True)
    assert not (tmp_path / "precious").exists()
    assert record_in(tmp_path / "job")["fps"] == 30
