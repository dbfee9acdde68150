"""Recordings whose frames are appended to one `frames.tar`, read back by programs that did not write it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode.dump import FrameWriter
from daddy_encode.dump.worker import process
from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.recording.tar_store import TarStore
from daddy_encode.spool.stored.tar import entry
from daddy_encode.video_utils import save_frames_as_png
from tests.conftest import Require
from tests.dump.reading import annotations_of, assert_same, contents, manifest_of, pixels_of
from tests.dump.worker.test_ends import until_there
from tests.media import moving_square, noise, run_command
from tests.service.spools import until

FILES = ["annotations.jsonl", "frames.tar", "manifest.json", "rollout.json"]
DEBUG_ROLLOUT = Path(__file__).parents[2] / "debug_rollout.py"


def entries(directory: Path) -> dict[str, bytes]:
    with tarfile.open(directory / "frames.tar") as archive:
        found = {}
        for member in archive:
            stream = archive.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
        return found


def pictures(directory: Path) -> list[Pixels]:
    """The frames, whose names are contiguous."""
    found = entries(directory)
    assert list(found) == [f"{index:06d}.png" for index in range(len(found))]
    return [np.array(Image.open(io.BytesIO(data))) for data in found.values()]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_recording_takes_four_files_and_its_frames_are_those_of_loose_ones(
    workers: int, transport: str, tmp_path: Path
) -> None:
    frames = [*noise(30, 200, 100), *moving_square(30, 200, 100)]
    for container in ("png", "tar"):
        with FrameWriter(tmp_path / container, container=container, workers=workers, meta={"seed": 1}) as writer:
            for index, frame in enumerate(frames):
                writer.write(frame, index=index)
    assert sorted(os.listdir(tmp_path / "tar")) == FILES
    assert entries(tmp_path / "tar") == {
        name: data for name, data in contents(tmp_path / "png").items() if name.endswith(".png")
    }
    assert manifest_of(tmp_path / "tar") == manifest_of(tmp_path / "png")
    assert annotations_of(tmp_path / "tar") == annotations_of(tmp_path / "png")
    assert_same(pictures(tmp_path / "tar"), frames)
    listed = subprocess.run(["tar", "-tf", tmp_path / "tar" / "frames.tar"], capture_output=True, text=True, timeout=60)
    assert (listed.stdout.split(), listed.stderr) == (list(entries(tmp_path / "tar")), "")
    assert (tmp_path / "tar" / "frames.tar").read_bytes()[-1024:] == bytes(1024)


@pytest.mark.parametrize("height", [60, 900])
def test_save_frames_as_png_does_so_too_in_order_however_many_threads_help(height: int, tmp_path: Path) -> None:
    # Large ones are worth helper threads; each third takes the longest to compress.
    frames = moving_square(24, height, 600)
    frames[::3] = noise(8, height, 600)
    assert save_frames_as_png(iter(frames), tmp_path / "job", container="tar") == [tmp_path / "job" / "frames.tar"]
    assert sorted(os.listdir(tmp_path / "job")) == ["frames.tar", "manifest.json", "rollout.json"]
    assert_same(pictures(tmp_path / "job"), list(frames))
    with pytest.raises(SettingsError, match="container is 'zip': give 'png', 'tar'"):
        save_frames_as_png(frames, tmp_path / "other", container="zip")  # type: ignore[arg-type]
    broken = (frame if index < 9 else 1 // 0 for index, frame in enumerate(frames))
    with pytest.raises(ZeroDivisionError):
        save_frames_as_png(broken, tmp_path / "broken", container="tar")
    assert sorted(os.listdir(tmp_path)) == ["job"]


def test_overwrite_replaces_either_kind_by_the_other(tmp_path: Path) -> None:
    frames, job = noise(3), tmp_path / "job"
    job.mkdir()
    (job / "notes.txt").write_text("mine")
    save_frames_as_png(frames, job)
    save_frames_as_png(frames, job, overwrite=True, container="tar")
    assert sorted(os.listdir(job)) == ["frames.tar", "manifest.json", "notes.txt", "rollout.json"]
    for name in ("manifest.json", "rollout.json"):
        (job / name).unlink()
    with pytest.raises(SpoolError, match=r"already holds frames\.tar; choose another directory, or overwrite=True"):
        FrameWriter(job)
    with FrameWriter(job, overwrite=True) as writer:
        writer.write(frames[0])
    assert sorted(os.listdir(job)) == ["000000.png", "manifest.json", "notes.txt", "rollout.json"]
    writer = FrameWriter(job, overwrite=True, container="tar")
    for frame in frames:
        writer.write(frame)
    writer.discard()
    assert sorted(os.listdir(job)) == ["notes.txt"]


def test_of_two_recorders_for_one_directory_the_second_ends(transport: str, tmp_path: Path) -> None:
    frames = noise(20)
    first = FrameWriter(tmp_path / "job", container="tar")
    second = FrameWriter(tmp_path / "job", container="tar")
    first.write(frames[0])
    with pytest.raises(SpoolError, match=r"already holds|has just begun here"):
        second.write(frames[1])
    for frame in frames[1:]:
        first.write(frame)
    first.close()
    assert_same(pictures(tmp_path / "job"), list(frames))


def test_a_full_disk_leaves_whole_entries_and_reaches_the_caller_as_with_loose_frames(
    transport: str, tmpfs: Callable[[str], Path]
) -> None:
    directory = tmpfs("size=1m") / "job"
    frames = noise(200, 64, 64)
    with pytest.raises(SpoolError, match=r"frames\.tar/0000[0-9]{2}\.png .*: No space left on device; ") as caught:  # noqa: SIM117
        with FrameWriter(directory, min_free=0, container="tar") as writer:
            for index, frame in enumerate(frames):
                writer.write(frame, index=index)
    whole = pictures(directory)
    assert len(whole) > 20
    assert f"{len(whole):06d}.png" in str(caught.value), "the first that is not there"
    assert_same(whole, list(frames[: len(whole)]))
    if (directory / "manifest.json").exists():
        assert (manifest_of(directory)["complete"], manifest_of(directory)["frames"]) == (False, len(whole))


def test_few_inodes_are_enough_and_more_frames_need_none(tmpfs: Callable[[str], Path]) -> None:
    disk = tmpfs("size=8m,nr_inodes=300")
    budget = DiskBudget(disk, 1)
    store = TarStore(disk, budget)
    store.add(0, b"x")
    with contextlib.suppress(OSError):
        for index in range(300):
            (disk / f"theirs-{index}").touch()
    budget = DiskBudget(disk, 1)
    with pytest.raises(SpoolError, match="0 inodes are free"):
        budget.spend(str(disk / "more"), 1)
    budget.spend(str(disk / "frames.tar"), 1, files=0)
    store.add(1, b"y")
    store.finish()
    assert list(entries(disk).values()) == [b"x", b"y"]


def test_a_worker_that_is_killed_leaves_whole_entries_and_an_honest_manifest(tmp_path: Path) -> None:
    frame = noise(1, 300, 300)[0]
    with pytest.raises(SpoolError, match=r"/frames\.tar/[0-9]{6}\.png: .* killed by signal 9"):  # noqa: SIM117
        with FrameWriter(tmp_path / "job", container="tar") as writer:
            for index in range(100_000):
                writer.write(frame, index=index)
                if index == 60:
                    worker = process.worker()
                    assert worker is not None
                    os.kill(worker._process.pid, signal.SIGKILL)
    manifest = manifest_of(tmp_path / "job")
    assert manifest["complete"] is False
    assert_same(pictures(tmp_path / "job"), [frame] * manifest["frames"])


@pytest.mark.parametrize("left", [-600, 20, 700, 1024])
def test_what_a_killed_worker_has_begun_is_cut_off(left: int, tmp_path: Path) -> None:
    frames = noise(5)
    writer = FrameWriter(tmp_path / "job", container="tar")
    for frame in frames:
        writer.write(frame)
    archive = tmp_path / "job" / "frames.tar"
    client = writer._client
    assert client is not None
    until(lambda: client._memory.frames[0] == 5, "five frames", 60)
    worker = process.worker()
    assert worker is not None
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait(60)
    # A sixth one, of which the rollout does not know, begun or whole; or somebody has cut the fifth one.
    data = archive.read_bytes()
    archive.write_bytes(data + entry("000005.png", b"x" * 512, 0)[:left] if left > 0 else data[:left])
    with pytest.raises(SpoolError, match="killed by signal 9"):
        writer.close()
    whole = 5 if left > 0 else 4
    assert manifest_of(tmp_path / "job")["frames"] == whole
    assert_same(pictures(tmp_path / "job"), list(frames[:whole]))
    assert archive.read_bytes()[-1024:] == bytes(1024)


def test_a_rollout_that_is_killed_leaves_every_frame_it_had_handed_over(tmp_path: Path) -> None:
    code = """
        import os, signal
        from daddy_encode.dump import FrameWriter
        from tests.media import noise
        writer = FrameWriter("job", container="tar", meta={"seed": 3})
        for index, frame in enumerate(noise(20)):
            writer.write(frame, index=index)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    environment = {**os.environ, "PYTHONPATH": str(DEBUG_ROLLOUT.parent)}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    until_there(tmp_path / "job" / "manifest.json")
    assert manifest_of(tmp_path / "job")["complete"] is False
    assert_same(pictures(tmp_path / "job"), list(noise(20)))
    assert sorted(os.listdir(tmp_path / "job")) == FILES


def test_where_both_are_killed_every_entry_is_whole_but_perhaps_the_last(tmp_path: Path) -> None:
    code = """
        import os, signal
        from daddy_encode.dump import FrameWriter
        from daddy_encode.dump.worker import process
        from tests.media import noise
        writer = FrameWriter("job", container="tar", max_bytes=2_000_000)
        for frame in noise(60, 300, 300):
            writer.write(frame)
        os.kill(process._worker._process.pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    environment = {**os.environ, "PYTHONPATH": str(DEBUG_ROLLOUT.parent)}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert sorted(os.listdir(tmp_path / "job")) == ["frames.tar", "rollout.json"]
    encoded = run_command("encode", "--salvage", tmp_path / "job")
    assert encoded.returncode == 0, encoded.stderr
    receipt = json.loads((tmp_path / "job.receipt.json").read_text())
    assert receipt["source"]["frames"] >= 60 - 7
    assert receipt["lost"]["bad_count"] <= 1


def test_a_write_or_the_close_that_fails_is_an_error_and_leaves_whole_entries(
    tmp_path: Path, require_program: Require
) -> None:
    strace = require_program("strace", "strace")
    frames = noise(6, 64, 64)
    for call in ("pwrite64:error=EDQUOT:when=2+", "close:error=EDQUOT"):
        job = tmp_path / call[:5]
        writer = FrameWriter(job, container="tar")
        writer.write(frames[0])
        until_there(job / "frames.tar")
        command = [strace, "-f", "-P", str(job / "frames.tar"), "-e", f"inject={call}", "-p"]
        worker = process.worker()
        assert worker is not None
        with subprocess.Popen([*command, str(worker._process.pid)], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            try:
                with pytest.raises(SpoolError, match=r"cannot write .*/frames\.tar/[0-9]{6}\.png .*quota"), writer:
                    for frame in frames[1:]:
                        writer.write(frame)
            finally:
                tracer.terminate()
                tracer.communicate(timeout=60)
        manifest = manifest_of(job)
        assert manifest["complete"] is False
        assert 1 <= manifest["frames"] < 6 or call.startswith("close")
        assert_same(pictures(job), list(frames[: manifest["frames"]]))


def test_another_file_in_the_archives_place_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x" * 5000)
    with pytest.raises(SpoolError):  # noqa: SIM117
        with FrameWriter(tmp_path / "job", container="tar", processes=False) as writer:
            writer.write(noise(1)[0])
            until_there(tmp_path / "job" / "frames.tar")
            (tmp_path / "job" / "frames.tar").unlink()
            (tmp_path / "job" / "frames.tar").symlink_to(tmp_path / "precious")
            for frame in noise(9):
                writer.write(frame)
    assert (tmp_path / "precious").read_bytes() == b"x" * 5000


@pytest.mark.soak
def test_wrappers_and_the_rollout_for_people_pass_it_on(tmp_path: Path) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    from daddy_encode.dump.gymnasium import RecordFrames

    env = RecordFrames(gymnasium.make("CartPole-v1", render_mode="rgb_array"), tmp_path / "gym", container="tar")
    env.reset(seed=1)
    # As a file in the archive is named.
    assert [path.parts[-2:] for path in env.recorded_frames] == [("frames.tar", "000000.png")]
    while not env.step(env.action_space.sample())[2]:
        pass
    env.close()
    recording = tmp_path / "gym" / "rl-video-episode-0"
    assert sorted(os.listdir(recording)) == FILES
    assert len(pictures(recording)) == manifest_of(recording)["frames"] == len(annotations_of(recording))
    vector = RecordFrames(
        gymnasium.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", render_mode="rgb_array"),
        tmp_path / "vector",
        video_length=3,
        container="tar",
    )
    vector.reset(seed=1)
    for _ in range(4):
        vector.step(vector.action_space.sample())
    vector.close()
    assert len(pictures(tmp_path / "vector" / "rl-video-episode-0")) == 4
    done = subprocess.run(
        [
            sys.executable,
            DEBUG_ROLLOUT,
            "--container",
            "tar",
            "--steps",
            "5",
            "--video",
            "mp4",
            "--out",
            tmp_path / "out",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    episode = tmp_path / "out" / "run-0001" / "episode-0000"
    assert len(pictures(episode)) == 6
    assert (episode.parent / "episode-0000.mp4").stat().st_size > 0
    assert pixels_of(episode) == []
