"""What goes wrong outside the frames: real faults, a clear error, the old file intact, nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pty
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import EncodeError, SpoolError
from daddy_encode.spool.paths import JobPaths
from tests import stand_in
from tests.encoding.conftest import StandIn
from tests.jobs import assert_a_stop_ends, context, encode
from tests.media import leftovers, moving_square, noise, run_command
from tests.service.spools import ffmpegs_below, write_long_job


def listed(directory: Path) -> list[str]:
    """What is in `directory`, except the encoders' own directory, in which nothing may be left."""
    assert list(directory.glob(".daddy-encode/*")) == []
    return sorted(path.name for path in directory.iterdir() if path.name != ".daddy-encode")


def assert_nothing_appeared(job: Path) -> None:
    assert listed(job.parent) == [job.name]


def test_a_missing_ffmpeg_is_reported(job: Path, ffmpeg_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"bin/ffmpeg: ffmpeg does not run: .*IMAGEIO_FFMPEG_EXE"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_is_too_old_is_reported(job: Path, ffmpeg_path: Path) -> None:
    ffmpeg_path.write_text("#!/bin/sh\necho 'ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright (c) 2000-2021'\n")
    ffmpeg_path.chmod(0o755)
    with pytest.raises(EncodeError, match=r"ffmpeg 4\.4\.2-0ubuntu0\.22\.04\.1 is too old, 5\.1 is needed"):
        encode(job)
    assert_nothing_appeared(job)


def test_a_program_that_is_not_ffmpeg_is_reported(job: Path, ffmpeg_path: Path) -> None:
    ffmpeg_path.write_text("#!/bin/sh\necho hello; echo 'wrong machine' >&2; exit 3\n")
    ffmpeg_path.chmod(0o755)
    with pytest.raises(EncodeError, match=r"not an ffmpeg that runs here \(exit status 3\): wrong machine"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_does_not_say_its_version_is_reported(job: Path, ffmpeg_path: Path) -> None:
    ffmpeg_path.write_text(f'#!/bin/sh\nexec {shlex.quote(stand_in.REAL)} -hide_banner "$@"\n')
    ffmpeg_path.chmod(0o755)
    for video in ("mp4", "both"):
        with pytest.raises(EncodeError, match=r"^[ -~]*: ffmpeg does not print its version, as with -hide_banner"):
            encode(job, video=video)
    assert_nothing_appeared(job)


def test_the_end_of_the_stderr_of_an_ffmpeg_that_dies_is_reported(job: Path, stand_in: StandIn) -> None:
    stand_in("head -c 2000 >/dev/null\necho 'out of luck' >&2\nexit 7")
    (job.parent / "episode-0003.mp4").write_bytes(b"the old one")
    with pytest.raises(
        EncodeError, match=r"episode-0003\.mp4: not made: ffmpeg failed with exit status 7: out of luck"
    ):
        encode(job)
    assert (job.parent / "episode-0003.mp4").read_bytes() == b"the old one"
    assert leftovers(job.parent) == []


def test_an_ffmpeg_that_is_killed_is_reported(job: Path, stand_in: StandIn) -> None:
    stand_in("kill -9 $$")
    with pytest.raises(
        EncodeError,
        match="signal 9, perhaps for lack of memory; fewer --workers need less: no",
    ):
        encode(job)
    assert_nothing_appeared(job)


def test_an_error_that_ffmpeg_reports_fails_the_job_whatever_its_exit_status(job: Path, stand_in: StandIn) -> None:
    stand_in("echo '[png @ 0x5581] [error] bad data' >&2\n" + 'exec "$REAL" "$@"')
    with pytest.raises(EncodeError, match=r"ffmpeg reported an error: .*\[error\] bad data"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_writes_too_few_frames_is_caught(job: Path, stand_in: StandIn) -> None:
    # The real encoder, completed to stop early and to say nothing of it: what a gap does to `ffmpeg -i %06d.png`.
    stand_in(
        f'exec {sys.executable} -c "import os, sys; os.execv(sys.argv[1], '
        "['ffmpeg', *sys.argv[2:-1], '-frames:v', '9', sys.argv[-1]])\" \"$REAL\" \"$@\""
    )
    with pytest.raises(EncodeError, match=r"frames 9, expected 12"):
        encode(job)
    assert_nothing_appeared(job)


def test_an_ffmpeg_that_hangs_is_ended_and_reported(job: Path, stand_in: StandIn) -> None:
    stand_in("exec sleep 1000")
    with pytest.raises(EncodeError, match=r"ffmpeg made no progress for 0\.5 s"):
        encode_job(JobPaths.of(job), context(stall_seconds=0.5))
    assert_nothing_appeared(job)


def test_a_stop_ends_ffmpeg_and_leaves_nothing(job: Path, tmp_path: Path, stand_in: StandIn) -> None:
    stand_in(f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 1000")
    assert_a_stop_ends(tmp_path / "pid", job, context())


def test_a_full_disk_is_reported_and_the_old_file_stays(job: Path, small_disk: Path) -> None:
    save_frames_as_png(noise(12, 240, 320), job, overwrite=True)
    old = small_disk / "episode-0003.mp4"
    old.write_bytes(b"old")
    (small_disk / "ballast").write_bytes(bytes(2**19))
    before = listed(small_disk)
    completed = run_command("encode", job, "--output-dir", small_disk, "--crf", "0")
    assert completed.returncode == 1
    assert "No space left on device" in completed.stderr
    assert old.read_bytes() == b"old"
    assert listed(small_disk) == before


def test_a_read_only_output_folder_is_reported(job: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SpoolError, match="Read-only file system; the file system is read-only: choose another place"):
        encode_job(JobPaths.of(job, output_dir=small_disk), context())
    assert list(small_disk.iterdir()) == []


def test_a_file_where_the_output_folder_should_be_is_reported(job: Path) -> None:
    (job.parent / "out").write_text("")
    completed = run_command("encode", job, "--output-dir", job.parent / "out")
    assert completed.returncode == 1
    assert "a part of that path is a file: choose another place" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.fixture(autouse=True)
def heard_hang_up() -> Iterator[None]:
    """Whoever started the tests may ignore SIGHUP, as nohup does, and what they start would inherit that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_long_job(tmp_path_factory.mktemp("long") / "job", 100, 480, 640)


@contextlib.contextmanager
def stopped_ffmpeg(encoder: subprocess.Popen[Any]) -> Iterator[int]:
    """The ffmpeg that `encoder` has started, stopped: only SIGKILL ends it, not the end of its input. Killed after."""
    while not (found := ffmpegs_below(encoder.pid)):
        assert encoder.poll() is None
        time.sleep(0.01)
    (ffmpeg,) = found
    os.kill(ffmpeg, signal.SIGSTOP)
    try:
        yield ffmpeg
    finally:
        for pid in (ffmpeg, encoder.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP])
def test_ctrl_c_ends_ffmpeg_removes_temporary_files_and_exits_75(tmp_path: Path, long_job: Path, number: int) -> None:
    shutil.copytree(long_job, tmp_path / "spool" / "job")
    command = [sys.executable, "-m", "daddy_encode", "encode", str(tmp_path / "spool"), "--preset", "placebo"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as encoder,
        stopped_ffmpeg(encoder) as ffmpeg,
    ):
        assert leftovers(tmp_path)
        encoder.send_signal(number)
        _, stderr = encoder.communicate(timeout=30)
        assert not Path(f"/proc/{ffmpeg}").exists(), "an ffmpeg still runs"
    assert encoder.returncode == 75
    assert "run the same command again" in stderr
    assert "Traceback" not in stderr
    assert_nothing_appeared(tmp_path / "spool" / "job")


def test_a_closed_terminal_is_an_interruption(tmp_path: Path, long_job: Path) -> None:
    shutil.copytree(long_job, tmp_path / "spool" / "job")
    program = (
        "import fcntl, os, sys, termios\n"
        "os.setsid()\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'daddy_encode', *sys.argv[1:]])\n"
    )
    command = [sys.executable, "-c", program, "encode", str(tmp_path / "spool"), "--preset", "placebo"]
    terminal, end = pty.openpty()
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end) as encoder:
        os.close(end)
        with stopped_ffmpeg(encoder) as ffmpeg:
            os.close(terminal)
            assert encoder.wait(timeout=60) == 75
            assert not Path(f"/proc/{ffmpeg}").exists(), "an ffmpeg still runs"
    assert_nothing_appeared(tmp_path / "spool" / "job")


def test_where_a_closed_terminal_is_ignored_it_stays_so() -> None:
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from daddy_encode.cli.signals import on_signals\n"
        "on_signals(lambda: sys.exit(3))\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_a_signal_to_every_process_is_an_interruption_and_no_failure_of_the_job(tmp_path: Path, long_job: Path) -> None:
    shutil.copytree(long_job, tmp_path / "spool" / "job")
    command = [sys.executable, "-m", "daddy_encode", "encode", str(tmp_path / "spool"), "--preset", "placebo"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as encoder,
        stopped_ffmpeg(encoder) as ffmpeg,
    ):
        # As Slurm ends a Slurm job, and systemd a service; the batch script passes its own on as well.
        os.kill(ffmpeg, signal.SIGTERM)
        os.kill(ffmpeg, signal.SIGCONT)
        encoder.send_signal(signal.SIGTERM)
        for _ in range(5):
            encoder.send_signal(signal.SIGUSR2)
            # The system and a shell both send it where a terminal is closed.
            encoder.send_signal(signal.SIGHUP)
        _, stderr = encoder.communicate(timeout=30)
    assert encoder.returncode == 75, stderr
    assert "ERROR" not in stderr
    assert_nothing_appeared(tmp_path / "spool" / "job")


def test_temporary_files_may_lie_on_another_file_system(job: Path, small_disk: Path) -> None:
    settled = encode(job, video="both")
    (small_disk / "deep").mkdir()
    completed = run_command("encode", job, "--video", "both", "--force", "--tmp-dir", small_disk / "deep")
    assert completed.returncode == 0, completed.stderr
    assert listed(job.parent) == [job.name, *(f"{job.name}.{kind}" for kind in ("gif", "mp4", "receipt.json"))]
    for record in settled.made:
        assert hashlib.sha256((job.parent / record.path).read_bytes()).hexdigest() == record.sha256
    assert list((small_disk / "deep").iterdir()) == []


def test_a_full_tmp_dir_is_reported_and_nothing_is_left(job: Path, small_disk: Path) -> None:
    save_frames_as_png(noise(12, 240, 320), job, overwrite=True)
    completed = run_command("encode", job, "--crf", "0", "--tmp-dir", small_disk)
    assert completed.returncode == 1
    assert "No space left on device" in completed.stderr
    assert f"the file system {small_disk} is full" in completed.stderr
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
