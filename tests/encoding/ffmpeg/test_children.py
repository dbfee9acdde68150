"""ffmpeg as a script that runs the real one as a child: all of it ends, nothing of it holds us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.ffmpeg import monitor
from daddy_encode.encoding.ffmpeg.children import cpu_time, kill, reap, start, wait
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import EncodeError, ProgramUnusableError
from daddy_encode.spool.paths import JobPaths
from tests.encoding.conftest import StandIn
from tests.jobs import assert_a_stop_ends, context, encode, is_running
from tests.media import moving_square, noise
from tests.service.spools import until


def has_gone(pid_file: Path) -> bool:
    return pid_file.exists() and not is_running(int(pid_file.read_text()))


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    """Where a stand-in writes the number of a process, which is killed at the end."""
    path = tmp_path / "pid"
    yield path
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(path.read_text()), signal.SIGKILL)


def child(command: str, pid_file: Path) -> str:
    """Shell lines that run `command` beside the script and write down its number."""
    return f"{command} & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}"


def test_a_stop_ends_what_the_script_has_started(job: Path, pid_file: Path, stand_in: StandIn) -> None:
    stand_in(f"{child('sleep 1000', pid_file)}; wait")
    assert_a_stop_ends(pid_file, job, context())


def test_a_stall_and_an_error_of_ours_end_what_the_script_has_started(
    job: Path, pid_file: Path, stand_in: StandIn
) -> None:
    stand_in(f"{child('sleep 1000', pid_file)}; wait")
    for seconds in (0.2, 5, 60):
        with pytest.raises(EncodeError, match="made no progress"):
            encode_job(JobPaths.of(job), context(stall_seconds=seconds))
        # On a busy machine the script may be ended before it has started its child.
        if pid_file.exists():
            break
    until(lambda: has_gone(pid_file), "the end of the child")


def test_a_script_that_runs_ffmpeg_as_a_child_makes_the_same_video(job: Path, stand_in: StandIn) -> None:
    stand_in('exec "$REAL" "$@"')
    before = encode(job).made[0].sha256
    stand_in('"$REAL" "$@"\nstatus=$?\nexit $status')
    assert encode_job(JobPaths.of(job), context(force=True)).made[0].sha256 == before


def test_the_memory_of_a_child_is_bounded_as_well(tmp_path: Path, stand_in: StandIn) -> None:
    # Started at once, perhaps before the script's own limit is set.
    wait = "import resource, time\nwhile resource.getrlimit(resource.RLIMIT_DATA)[0] < 0: time.sleep(0.01)\n"
    (tmp_path / "greedy.py").write_text(f"{wait}x = bytearray(64 << 30)")
    stand_in(f"{sys.executable} {tmp_path}/greedy.py; exit 1")
    save_frames_as_png(moving_square(3), tmp_path / "job")
    with pytest.raises(EncodeError, match="MemoryError"):
        encode(tmp_path / "job")


@pytest.mark.parametrize("session", ["", "setsid "], ids=["in its group", "out of our reach"])
def test_what_the_script_leaves_running_with_its_pipes_holds_nobody(
    job: Path, pid_file: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    monkeypatch.setattr(monitor, "CLOSE_SECONDS", 0.2)
    # One that is waited for nevertheless ends, and is missed below.
    stand_in(f'{child(f"{session}sleep {60 if session else 1000}", pid_file)}; "$REAL" "$@"')
    assert encode(job).made
    if session:
        assert not has_gone(pid_file), "it was waited for"
    else:
        until(lambda: has_gone(pid_file), "the end of the child")


def test_what_ffmpeg_leaves_running_does_not_turn_its_video_into_a_stall(
    pid_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "CLOSE_SECONDS", 0.1)
    script = child("setsid sleep 1000", pid_file)
    ffmpeg = start(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    try:
        assert wait(ffmpeg, 60)
        progress, nothing = os.pipe()
        os.close(nothing)
        watched = monitor.Monitor(ffmpeg, progress, threading.Event(), 0, None, 2**33)
        watched.waiting()
        watched.fed.set()
        watched.run()
        os.close(progress)
        assert watched.fault is None and watched.reason == ""
    finally:
        assert reap(ffmpeg) == 0
        for stream in (ffmpeg.stdin, ffmpeg.stdout, ffmpeg.stderr):
            assert stream is not None
            stream.close()


def test_time_on_a_cpu_is_that_of_all_that_a_program_has_started() -> None:
    burn = f"{sys.executable} -c 'while True: pass'"
    script = start(["sh", "-c", f'sh -c "{burn}; :"; :'])
    try:
        until(lambda: cpu_time(script.pid) > 10, "some time on a CPU")
    finally:
        kill(script)
        reap(script)
    assert cpu_time(script.pid) == 0


def test_frames_that_nobody_reads_any_more_hold_nobody(
    tmp_path: Path, pid_file: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "CLOSE_SECONDS", 0.2)
    stand_in(f"exec 3<&0; {child('setsid sleep 60 <&3', pid_file)}; exit 3")
    # More than the pipe holds.
    save_frames_as_png(noise(20, 240, 320), tmp_path / "job")
    with pytest.raises(EncodeError, match="exit status 3"):
        encode(tmp_path / "job")
    assert not has_gone(pid_file), "it was waited for"


@pytest.mark.parametrize("said", ["[error] cuda: no such module", "module: [error] [fatal] not loaded", "[error]"])
def test_what_a_script_says_of_errors_is_not_what_ffmpeg_says(job: Path, stand_in: StandIn, said: str) -> None:
    stand_in(f"echo '{said}' >&2\n" + 'exec "$REAL" "$@"')
    assert encode(job).made


@pytest.mark.parametrize("status", [126, 127])
def test_a_script_that_cannot_run_ffmpeg_is_this_machines_fault(job: Path, stand_in: StandIn, status: int) -> None:
    stand_in(f"echo 'libx264.so.164: cannot open shared object file' >&2; exit {status}")
    with pytest.raises(ProgramUnusableError, match=rf"does not run here \(exit status {status}\): libx264.so.164"):
        encode(job)


def running(mark: str) -> list[int]:
    """The processes with `mark` on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "cmdline").read_text() and is_running(int(process.name)):
                found.append(int(process.name))
    return found


def test_an_end_at_once_leaves_no_program_not_even_one_that_is_just_being_started() -> None:
    mark = f"left-{uuid.uuid4().hex}"
    program = (
        "import os, sys, threading\n"
        "from daddy_encode.encoding.ffmpeg.children import end_all, start\n"
        "begun = threading.Event()\n"
        "def go():\n"
        "    for _ in range(40):\n"
        "        start(['sh', '-c', 'sh -c \"sleep 1000; :\" $0 & wait', sys.argv[1]])\n"
        "        begun.set()\n"
        "threads = [threading.Thread(target=go, daemon=True) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "begun.wait()\n"
        "end_all()\n"
        "os._exit(75)\n"
    )
    try:
        for _ in range(5):
            command = [sys.executable, "-c", program, mark]
            assert subprocess.run(command, timeout=120, check=False).returncode == 75
            until(lambda: not running(mark), "the end of every program", 20)
    finally:
        for pid in running(mark):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
