"""Two clients of one network file system: two bindfs mounts of one folder, one of them with 30 s caches."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.conftest import Require, missing
from tests.media import leftovers
from tests.service.overwriting import (
    NEW,
    OLD,
    Blocked,
    Overwrite,
    assert_it_is_of,
    by_renames,
    in_place,
    loose,
    overwrite_meanwhile,
)
from tests.service.spools import (
    Encoder,
    assert_right,
    ffmpegs_below,
    is_done,
    pictures,
    receipt_of,
    temporary_files,
    until,
    write_job,
    write_long_job,
)

CACHED = "attr_timeout=30,entry_timeout=30,negative_timeout=30"


class Mounts:
    """Mounts of one folder, `real`, on folders beside it."""

    def __init__(self, folder: Path, bindfs: str) -> None:
        self._folder = folder
        self._bindfs = bindfs
        self._mounted: dict[Path, subprocess.Popen[bytes]] = {}
        self.real = folder / "real"
        self.real.mkdir()

    def mount(self, name: str, options: str = "attr_timeout=0") -> Path:
        path = self._folder / name
        path.mkdir(exist_ok=True)
        child = subprocess.Popen([self._bindfs, "-f", "-o", options, str(self.real), str(path)])
        self._mounted[path] = child
        until(lambda: os.path.ismount(path) or child.poll() is not None, "the mount", 20)
        if child.poll() is not None:
            missing("bindfs cannot mount: it needs /dev/fuse and root")
        return path

    def kill(self, path: Path) -> None:
        """End the server of a mount: everything in it is an error (ENOTCONN) from now on."""
        self._mounted[path].kill()
        self._mounted[path].wait()

    def hang(self, path: Path, seconds: float) -> None:
        """Let every call in a mount wait for so long."""
        self._mounted[path].send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._mounted[path].send_signal(signal.SIGCONT)

    def unmount(self, path: Path) -> None:
        subprocess.run(["umount", "-l", str(path)], check=True)
        child = self._mounted.pop(path)
        child.terminate()
        child.wait(20)

    def close(self) -> None:
        for path in tuple(self._mounted):
            self.unmount(path)


@pytest.fixture
def mounts(tmp_path: Path, require_program: Require) -> Iterator[Mounts]:
    made = Mounts(tmp_path, require_program("bindfs", "bindfs"))
    yield made
    made.close()


def write_slowly(root: Path, jobs: dict[str, int], pause: float, rest: float) -> None:
    """Rollouts beside each other, as they come: a frame each in turn, and after a rest their manifests."""
    from daddy_encode.spool.manifest import Manifest, write_manifest
    from daddy_encode.spool.png.writer import encode_png

    clips = {root / name: pictures(variety) for name, variety in jobs.items()}
    for job in clips:
        job.mkdir(parents=True)
    for index in range(max(map(len, clips.values()))):
        for job, frames in clips.items():
            if index < len(frames):
                (job / f"{index:06d}.png").write_bytes(encode_png(frames[index]))
                time.sleep(pause)
    time.sleep(rest)
    for job, frames in clips.items():
        count, height, width = frames.shape[:3]
        write_manifest(job, Manifest(frames=count, width=width, height=height))


@pytest.mark.parametrize(
    ("pause", "rest", "options"),
    [
        pytest.param(0.01, 0.0, ["--no-events", "--interval", "0.5"], id="written at once"),
        # Each is seen half written again and again.
        pytest.param(0.2, 0.0, [], marks=pytest.mark.soak, id="written slowly"),
        # Each is seen without its manifest for so long that nothing but its directory's time, which is remembered for
        # 30 s, can tell of it.
        pytest.param(0.01, 8.0, [], marks=pytest.mark.soak, id="manifests late"),
        pytest.param(0.01, 8.0, ["--no-events"], marks=pytest.mark.soak, id="manifests late, no events"),
    ],
)
def test_two_watchers_behind_caches_encode_every_rollout_of_another_node_whole(
    mounts: Mounts, pause: float, rest: float, options: list[str]
) -> None:
    gpu = mounts.mount("gpu-node")
    nodes = [mounts.mount("cpu-node-1", CACHED), mounts.mount("cpu-node-2", CACHED)]
    jobs = {f"run-{index % 3}/job-{index}": index for index in range(12)}
    options = ["--interval", "2", *options]
    with Encoder("watch", nodes[0], *options) as one, Encoder("watch", nodes[1], *options) as two:
        # Both have looked for what is not there yet, and remember it.
        one.until_said("no jobs yet")
        two.until_said("no jobs yet")
        write_slowly(gpu, jobs, pause, rest)
        until(lambda: all(is_done(mounts.real / name) for name in jobs), "all jobs")
        assert one.stop() == two.stop() == 0
        saved = len(one.lines("INFO saved ")) + len(two.lines("INFO saved "))
        assert one.lines("ERROR") == two.lines("ERROR") == []
    assert len(jobs) <= saved <= 2 * len(jobs)
    assert_right({mounts.real / name: variety for name, variety in jobs.items()})
    assert temporary_files(mounts.real) == []


def test_a_spool_that_fails_is_unmounted_and_comes_back_loses_nothing_and_encodes_nothing_twice(
    mounts: Mounts,
) -> None:
    spool = mounts.mount("spool")
    jobs = {mounts.real / f"run/job-{index}": index for index in range(3)}
    with Encoder("watch", spool, "--interval", "0.2") as watcher:
        for job, variety in list(jobs.items())[:2]:
            write_job(job, variety)
        watcher.until_done(list(jobs)[:2])
        # A lease is released after the receipt; a server killed in the midst of it keeps the file, as `.fuse_hidden…`.
        until(lambda: temporary_files(mounts.real) == [], "the leases' release")
        # Every call fails.
        mounts.kill(spool)
        watcher.until_said("cannot be listed: Transport endpoint is not connected")
        # An empty mount point.
        mounts.unmount(spool)
        watcher.until_said(f"{spool}: can be listed again")
        write_job(list(jobs)[2], 2)
        # Some scans later:
        watcher.until_done([write_job(spool / "other")])
        until(lambda: temporary_files(spool) == [], "its lease's release")
        made = [".daddy-encode", "other", "other.mp4", "other.receipt.json"]
        assert sorted(os.listdir(spool)) == made, "nothing was made of the others below the mount point"
        for path in spool.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        mounts.mount("spool")
        watcher.until_done(jobs)
        assert watcher.stop() == 0
        assert len(watcher.lines("INFO saved ")) == 4
        assert len(watcher.lines("cannot be listed")) == 1
        assert watcher.lines("ERROR") == []
    assert_right(jobs)
    assert temporary_files(mounts.real) == []


@pytest.mark.soak
def test_a_file_system_that_hangs_for_a_while_loses_no_job(mounts: Mounts) -> None:
    spool = mounts.mount("spool")
    with Encoder("watch", spool, "--interval", "0.2") as watcher:
        watcher.until_said("no jobs yet")
        mounts.hang(spool, 4.0)
        watcher.until_done([write_job(mounts.real / "job")])
        assert watcher.stop() == 0
        assert watcher.lines("ERROR") == []


@pytest.mark.soak
def test_a_spool_that_goes_away_in_the_middle_of_an_encode_gets_it_encoded_later(mounts: Mounts) -> None:
    spool = mounts.mount("spool")
    save_frames_as_png(pictures(0).repeat(30, axis=0).repeat(6, axis=1).repeat(6, axis=2), mounts.real / "job")
    with Encoder("watch", spool, "--interval", "0.2", "--preset", "placebo", "--lease", "1") as watcher:
        watcher.until(lambda: leftovers(mounts.real), "a temporary file")
        mounts.kill(spool)
        watcher.until_said("cannot be listed: Transport endpoint is not connected")
        mounts.unmount(spool)
        mounts.mount("spool")
        watcher.until_done([mounts.real / "job"])
        assert watcher.stop() == 0
        assert watcher.lines("ERROR") == []
        assert len(watcher.lines("INFO saved ")) == 1
    assert receipt_of(mounts.real / "job")["error"] is None
    assert temporary_files(mounts.real) == []


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_encoders_job_is_taken_on_a_file_system_that_cannot_exchange_names(mounts: Mounts, number: int) -> None:
    nodes = [mounts.mount("cpu-node-1"), mounts.mount("cpu-node-2")]
    write_long_job(mounts.real / "job")
    options = ("--interval", "0.2", "--lease", "1", "--preset", "slower")
    with Encoder("watch", nodes[0], *options) as one:
        one.until(lambda: ffmpegs_below(one.pid), "an ffmpeg")
        os.kill(one.pid, number)
        with Encoder("watch", nodes[1], *options) as two:
            two.until_done([mounts.real / "job"])
            if number == signal.SIGSTOP:
                os.kill(one.pid, signal.SIGCONT)
                assert one.stop() == 0
                assert one.lines("ERROR") == []
            assert two.stop() == 0
    assert receipt_of(mounts.real / "job")["error"] is None
    assert temporary_files(mounts.real) == []


def test_frames_that_are_promised_and_late_are_waited_for(mounts: Mounts) -> None:
    gpu, cpu = mounts.mount("gpu-node"), mounts.mount("cpu-node", CACHED)
    job = write_job(gpu / "job", 3)
    late = sorted(job.glob("*.png"))[-2:]
    for path in late:
        path.rename(gpu / f"{path.name}.late")
    with Encoder("watch", cpu, "--interval", "0.3") as watcher:
        watcher.until_said("1 waiting")
        back = threading.Timer(0.7, lambda: [(gpu / f"{path.name}.late").rename(path) for path in late])
        back.start()
        watcher.until(lambda: is_done(mounts.real / "job"), "the job")
        back.join()
        assert watcher.stop() == 0
        assert watcher.lines("ERROR") == []
    assert_right({mounts.real / "job": 3})


@pytest.mark.parametrize(
    ("command", "cached", "overwrite"),
    [
        ("encode", True, in_place),
        ("watch", True, by_renames),
        pytest.param("watch", True, in_place, marks=pytest.mark.soak),
        pytest.param("encode", True, by_renames, marks=pytest.mark.soak),
        pytest.param("encode", True, loose, marks=pytest.mark.soak),
        ("encode", False, loose),
        pytest.param("encode", False, in_place, marks=pytest.mark.soak),
        pytest.param("watch", False, by_renames, marks=pytest.mark.soak),
    ],
)
def test_a_dump_that_another_node_overwrites_becomes_no_video_of_two(
    mounts: Mounts, tmp_path: Path, command: str, cached: bool, overwrite: Overwrite
) -> None:
    gpu, cpu = mounts.mount("gpu-node"), mounts.mount("cpu-node", CACHED if cached else "attr_timeout=0")
    (loose if overwrite is loose else in_place)(mounts.real / "job", OLD)
    ffmpeg = Blocked(tmp_path)
    with Encoder(command, cpu / "job", environment=ffmpeg.environment) as encoder:
        overwrite_meanwhile(encoder, ffmpeg, gpu / "job", overwrite)
        encoder.until_done([mounts.real / "job"])
        assert (encoder.wait() if command == "encode" else encoder.stop()) == 0
        assert len(encoder.lines("its frames changed while they were encoded; encoding it anew")) == 1
    assert_it_is_of(NEW, mounts.real / "job", tmp_path)
