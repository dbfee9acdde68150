"""What goes wrong outside the frames: real faults, a clear error, the old file intact, nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.encode.ffmpeg.executable import find_ffmpeg
from daddy_encode.encode.job import encode_job
from daddy_encode.errors import EncodeError, Interrupted, SpoolError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import ffmpeg, leftovers, moving_square, run_command
from tests.service.spools import write_long_job


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that stands in for ffmpeg, to be written by the test: a wrapper around the real one, or no program."""
    path = tmp_path / "bin" / "ffmpeg"
    path.parent.mkdir()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
    find_ffmpeg.cache_clear()
    yield path
    find_ffmpeg.cache_clear()


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def listed(folder: Path) -> list[str]:
    """What is in `folder`, but for the encoders' own folder, in which nothing may be left."""
    assert list(folder.glob(".daddy-encode/*")) == []
    return sorted(path.name for path in folder.iterdir() if path.name != ".daddy-encode")


def assert_nothing_appeared(job: Path) -> None:
    assert listed(job.parent) == [job.name]


def test_a_missing_ffmpeg_is_said(job: Path, program: Path) -> None:
    with pytest.raises(EncodeError, match=r"bin/ffmpeg: ffmpeg does not run: .*IMAGEIO_FFMPEG_EXE"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_is_too_old_is_said(job: Path, program: Path) -> None:
    script(program, "echo 'ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright (c) 2000-2021'")
    with pytest.raises(EncodeError, match=r"ffmpeg 4\.4\.2-0ubuntu0\.22\.04\.1 is too old, 5\.1 is needed"):
        encode(job)
    assert_nothing_appeared(job)


def test_a_program_that_is_no_ffmpeg_is_said(job: Path, program: Path) -> None:
    script(program, "echo 'hello'; echo 'wrong machine' >&2; exit 3")
    with pytest.raises(EncodeError, match=r"not an ffmpeg that runs here \(exit status 3\): wrong machine"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_dies_says_its_last_words(job: Path, program: Path) -> None:
    real = _bundled()
    script(
        program, f'[ "$1" = -version ] && exec {real} -version\nhead -c 2000 >/dev/null\necho "out of luck" >&2\nexit 7'
    )
    (job.parent / "episode-0003.mp4").write_bytes(b"the old one")
    with pytest.raises(
        EncodeError, match=r"episode-0003\.mp4: not made: ffmpeg failed with exit status 7: out of luck"
    ):
        encode(job)
    assert (job.parent / "episode-0003.mp4").read_bytes() == b"the old one"
    assert leftovers(job.parent) == []


def test_an_ffmpeg_that_is_killed_is_said(job: Path, program: Path) -> None:
    script(program, f'[ "$1" = -version ] && exec {_bundled()} -version\nkill -9 $$')
    with pytest.raises(EncodeError, match="ffmpeg was ended by signal 9"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_writes_too_few_frames_is_caught(job: Path, program: Path) -> None:
    # The real encoder, told to stop early and to say nothing of it: what a gap does to `ffmpeg -i %06d.png`.
    script(
        program,
        f'[ "$1" = -version ] && exec {_bundled()} -version\n'
        f"exec {sys.executable} -c \"import os, sys; os.execv('{_bundled()}', "
        "['ffmpeg', *sys.argv[1:-1], '-frames:v', '9', sys.argv[-1]])\" \"$@\"",
    )
    with pytest.raises(EncodeError, match=r"frames 9, expected 12"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_hangs_is_ended_and_said(job: Path, program: Path) -> None:
    script(program, f'[ "$1" = -version ] && exec {_bundled()} -version\nexec sleep 1000')
    with pytest.raises(EncodeError, match=r"ffmpeg made no progress for 0\.5 s"):
        encode_job(JobPaths.of(job), context(stall_seconds=0.5))
    assert_nothing_appeared(job)


def test_a_stop_ends_ffmpeg_and_leaves_nothing(job: Path, program: Path) -> None:
    pid_file = program.parent / "pid"
    script(program, f'[ "$1" = -version ] && exec {_bundled()} -version\necho $$ > {pid_file}\nexec sleep 1000')
    asked = context()
    threading.Timer(0.5, asked.limits.stop.set).start()
    with pytest.raises(Interrupted):
        encode_job(JobPaths.of(job), asked)
    assert_nothing_appeared(job)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_full_disk_is_said_and_the_old_file_stays(job: Path, small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 240, 320, 3), np.uint8)
    save_frames_as_png(noise, job, overwrite=True)
    old = small_disk / "episode-0003.mp4"
    old.write_bytes(b"old")
    (small_disk / "ballast").write_bytes(bytes(2**19))
    before = listed(small_disk)
    told = run_command("encode", job, "--output-dir", small_disk, "--crf", "0")
    assert told.returncode == 1
    assert "No space left on device" in told.stderr
    assert old.read_bytes() == b"old"
    assert listed(small_disk) == before


def test_a_read_only_output_folder_is_said(job: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SpoolError, match="Read-only file system; the file system is read-only: choose another place"):
        encode_job(JobPaths.of(job, output_dir=small_disk), context())
    assert list(small_disk.iterdir()) == []


def test_a_file_where_the_output_folder_should_be_is_said(job: Path) -> None:
    (job.parent / "out").write_text("")
    told = run_command("encode", job, "--output-dir", job.parent / "out")
    assert told.returncode == 1
    assert "a part of that path is a file" in told.stderr or "File exists" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_long_job(tmp_path_factory.mktemp("long") / "job", 400, 480, 640)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_ctrl_c_ends_ffmpeg_removes_temporary_files_and_exits_75(tmp_path: Path, long_job: Path, number: int) -> None:
    shutil.copytree(long_job, tmp_path / "spool" / "job")
    command = [sys.executable, "-m", "daddy_encode", "encode", str(tmp_path / "spool"), "--preset", "placebo"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while not leftovers(tmp_path):
            assert child.poll() is None
            time.sleep(0.01)
        # In the middle of an encode: ffmpeg has begun to write.
        child.send_signal(number)
        _, words = child.communicate(timeout=30)
    assert child.returncode == 75
    assert "run the same command again" in words
    assert "Traceback" not in words
    assert_nothing_appeared(tmp_path / "spool" / "job")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if f"-{child.pid}-" in line], "an ffmpeg still runs"


def test_a_signal_to_every_process_is_an_interruption_and_no_failure_of_the_job(tmp_path: Path, long_job: Path) -> None:
    shutil.copytree(long_job, tmp_path / "spool" / "job")
    command = [sys.executable, "-m", "daddy_encode", "encode", str(tmp_path / "spool"), "--preset", "placebo"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while not leftovers(tmp_path):
            assert child.poll() is None
            time.sleep(0.01)
        # As Slurm ends a Slurm job, and systemd a service; the batch script passes its own on as well.
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(child.pid)], capture_output=True, text=True).stdout
        for pid in [*map(int, children.split()), child.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        for _ in range(5):
            child.send_signal(signal.SIGUSR2)
        _, words = child.communicate(timeout=30)
    assert child.returncode == 75, words
    assert "ERROR" not in words
    assert_nothing_appeared(tmp_path / "spool" / "job")


def test_temporary_files_may_lie_on_another_file_system(job: Path, small_disk: Path) -> None:
    settled = encode(job, video="both")
    told = run_command("encode", job, "--video", "both", "--force", "--tmp-dir", small_disk / "deep")
    assert told.returncode == 0, told.stderr
    assert listed(job.parent) == [job.name, *(f"{job.name}.{kind}" for kind in ("gif", "mp4", "receipt.json"))]
    for record in settled.made:
        assert hashlib.sha256((job.parent / record.path).read_bytes()).hexdigest() == record.sha256
    assert list((small_disk / "deep").iterdir()) == []


def test_a_full_tmp_dir_is_said_and_nothing_is_left(job: Path, small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 240, 320, 3), np.uint8)
    save_frames_as_png(noise, job, overwrite=True)
    told = run_command("encode", job, "--crf", "0", "--tmp-dir", small_disk)
    assert told.returncode == 1
    assert "No space left on device" in told.stderr
    assert not job.with_suffix(".mp4").exists()
    assert leftovers(job.parent) == leftovers(small_disk) == []


def test_a_failing_generator_leaves_nothing_and_the_old_file(tmp_path: Path) -> None:
    def frames() -> Iterator[object]:
        yield from moving_square(5)
        raise KeyError("the simulator broke")

    path = tmp_path / "deep" / "clip.mp4"
    path.parent.mkdir()
    path.write_bytes(b"old")
    with pytest.raises(KeyError, match="the simulator broke"):
        save_mp4(frames(), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["clip.mp4"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_mode_the_umask_gives(job: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        encode(job)
    finally:
        os.umask(old)
    for name in ("episode-0003.mp4", "episode-0003.receipt.json"):
        assert stat.S_IMODE((job.parent / name).stat().st_mode) == 0o666 & ~mask


def _bundled() -> str:
    """The program that the test run uses, whatever IMAGEIO_FFMPEG_EXE says inside a test."""
    return _REAL


_REAL = ffmpeg()
