"""Worker processes: they make what threads make, and what is killed or stopped costs no job."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.spool.claims import Claims, lease_path
from daddy_encode.spool.claims.marker import Marker
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, is_running
from tests.service.spools import (
    Encoder,
    assert_right,
    encodes,
    is_done,
    pictures,
    temporary_files,
    until,
    write_job,
    write_long_job,
)
from tests.stand_in import write_ffmpeg
from tests.users import Lab

STOPPED = "stopped before all was done; run the same command again to continue"


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def ffmpegs_of(processes: list[int]) -> list[int]:
    """The ffmpegs that encode below these worker processes."""
    return [child for pid in processes for child in children_of(pid) if encodes(Path("/proc", str(child)))]


def write_long_jobs(spool: Path, count: int = 3) -> list[Path]:
    """Jobs that take a while, with `SLOW`."""
    first = write_long_job(spool / "job-0", frames=60)
    return [first, *(Path(shutil.copytree(first, spool / f"job-{index}")) for index in range(1, count))]


SLOW = ("--preset", "placebo", "--workers", "3")


def outcomes_of(root: Path, *, processes: int) -> dict[str, Outcome]:
    """What becomes of each kind of job in `root`, tried by three workers."""
    jobs = {name: JobPaths.of(root / name) for name in ("good", "other", "bad", "empty", "claimed", "done")}
    for number, name in enumerate(jobs):
        write_job(root / name, number)
    (root / "bad" / "000001.png").write_bytes(b"no picture")
    for frame in (root / "empty").glob("*.png"):
        frame.unlink()
    stop = StopSwitch()
    with WorkerPool(1, context(), Claims(600), stop) as pool:
        (outcome,) = run_jobs(pool, [Attempt(jobs["done"])], stop)
        assert outcome.kind is OutcomeKind.MADE
    lease_path(jobs["claimed"]).write_bytes(Marker(4711, "elsewhere", "abc", 600.0).text())
    claims, stop = Claims(600), StopSwitch()
    with WorkerPool(3, context(), claims, stop, processes=processes) as pool:
        outcomes = {outcome.paths.job.name: outcome for outcome in run_jobs(pool, map(Attempt, jobs.values()), stop)}
    assert pool.fault is None
    assert claims.kept() == {jobs["claimed"]}, "whoever looks at it next knows since when it has been silent"
    return outcomes


def test_processes_come_to_the_same_as_threads(tmp_path: Path) -> None:
    there, here = tmp_path / "processes", tmp_path / "threads"
    by_processes, by_threads = outcomes_of(there, processes=3), outcomes_of(here, processes=0)
    assert by_processes.keys() == by_threads.keys() and len(by_threads) == 6
    for name, one in by_processes.items():
        other = by_threads[name]
        assert one.kind is other.kind, name
        assert type(one.error) is type(other.error)
        assert str(one.error).replace(str(there), str(here)) == str(other.error)
        assert (one.result is None) == (other.result is None)
        if one.result is not None and other.result is not None:
            assert [record.sha256 for record in one.result.made] == [record.sha256 for record in other.result.made]
    listings = [sorted(str(path.relative_to(root)) for path in root.rglob("*")) for root in (there, here)]
    assert listings[0] == listings[1]
    for video in there.glob("*.mp4"):
        assert video.read_bytes() == (here / video.name).read_bytes()
    assert by_processes["good"].kind is OutcomeKind.MADE


@pytest.mark.soak
def test_what_they_log_is_logged_by_the_pools_process_once(
    spool: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no claim can be made each worker process finds that out, and one line says so."""
    jobs = [JobPaths.of(write_job(spool / f"job-{index}", index)) for index in range(6)]
    (spool / ".daddy-encode").write_text("in the way")
    # Its rate tells one job's ffmpeg, at whose first run one of its frames changes.
    save_frames_as_png(pictures(1), spool / "changes", fps=7)
    jobs.append(JobPaths.of(spool / "changes"))
    changes = """
    case "$*" in *"-framerate 7 "*) if mkdir "$ONCE"; then touch "$FRAME"; fi ;; esac
    exec "$REAL" "$@"
    """
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(write_ffmpeg(spool.parent / "bin" / "ffmpeg", changes)))
    monkeypatch.setenv("ONCE", str(spool.parent / "once"))
    monkeypatch.setenv("FRAME", str(jobs[-1].directory / "000000.png"))
    stop = StopSwitch()
    with (
        caplog.at_level(logging.INFO, "daddy_encode"),
        WorkerPool(3, context(), Claims(60), stop, processes=3) as pool,
    ):
        kinds = [outcome.kind for outcome in run_jobs(pool, map(Attempt, jobs), stop)]
    assert kinds == [OutcomeKind.MADE] * 7
    assert sorted((record.levelname, record.getMessage()) for record in caplog.records) == [
        (
            "WARNING",
            f"{spool}/.daddy-encode: is a file, not a directory; remove it: encoding without a claim, so another "
            "encoder may do the same work",
        ),
        ("WARNING", f"{jobs[-1].directory}: its frames changed while they were encoded; encoding it anew"),
    ]


@pytest.mark.soak
def test_a_python_caller_gets_them_too_and_is_not_imported_again(spool: Path) -> None:
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(3)}
    write_long_job(spool / "long", frames=600, height=16, width=16)
    caller = spool.parent / "caller.py"
    caller.write_text(
        "import logging, sys, daddy_encode\n"
        "print('imported', flush=True)\n"
        "logging.basicConfig(level=logging.INFO, format='%(process)d %(name)s %(message)s')\n"
        "videos = daddy_encode.encode(sys.argv[1], workers=3)\n"
        "print(*sorted(video.path.name for video in videos))\n"
    )
    told = subprocess.run([sys.executable, caller, spool], capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout == "imported\njob-0.mp4 job-1.mp4 job-2.mp4 long.mp4\n"
    assert_right(jobs)
    assert temporary_files(spool) == []
    assert len(told.stderr.splitlines()) == 4, told.stderr


@pytest.mark.soak
def test_a_worker_process_that_is_killed_costs_no_job(spool: Path) -> None:
    write_long_jobs(spool)
    small = {write_job(spool / f"small-{index}", index): index for index in range(4)}
    with Encoder("encode", spool, *SLOW) as encoder:
        # Killed while it writes its claim, one would leave a claim of nobody, which counts for the whole lease.
        encoder.until(lambda: len(ffmpegs_of(children_of(encoder.pid))) == 3, "three ffmpegs")
        workers = children_of(encoder.pid)
        assert len(workers) == 3
        for worker in workers[:2]:
            os.kill(worker, signal.SIGKILL)
        assert encoder.wait() == 0, encoder.log()
        assert len(encoder.lines("WARNING a worker process was killed by signal 9")) == 2
        assert len(encoder.lines("INFO saved ")) == 7
        assert encoder.lines("ERROR") == []
    assert all(is_done(job) for job in small)
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_worker_processes_end_with_a_pool_that_is_killed(spool: Path) -> None:
    write_long_jobs(spool)
    with Encoder("encode", spool, *SLOW) as encoder:
        encoder.until(lambda: len(ffmpegs_of(children_of(encoder.pid))) == 3, "three ffmpegs")
        workers = children_of(encoder.pid)
        ffmpegs = ffmpegs_of(workers)
        encoder.process.kill()
        encoder.process.wait()
        until(lambda: not any(map(is_running, workers + ffmpegs)), "the end of all of them")
    assert temporary_files(spool) == [], "each has given up its claim"
    assert list(spool.glob("*.mp4")) == []


@pytest.mark.parametrize(
    ("command", "number"),
    [("encode", signal.SIGINT), pytest.param("watch", signal.SIGTERM, marks=pytest.mark.soak)],
)
def test_a_signal_to_the_whole_group_ends_it_in_order(spool: Path, command: str, number: signal.Signals) -> None:
    write_long_jobs(spool)
    with Encoder(command, spool, *SLOW, own_group=True) as encoder:
        encoder.until(lambda: ffmpegs_of(children_of(encoder.pid)), "an ffmpeg")
        workers = children_of(encoder.pid)
        os.killpg(encoder.pid, number)
        assert encoder.wait() == (75 if command == "encode" else 0), encoder.log()
        assert not any(map(is_running, workers))
        assert encoder.lines("ERROR") == encoder.lines("worker process") == encoder.lines("Traceback") == []
        if command == "encode":
            assert len(encoder.lines(STOPPED)) == 1
    assert temporary_files(spool) == []
    assert list(spool.glob("*.mp4")) == []


@pytest.mark.soak
def test_a_second_signal_waits_for_no_worker_process(spool: Path) -> None:
    write_long_jobs(spool)
    with Encoder("encode", spool, *SLOW) as encoder:
        encoder.until(lambda: len(ffmpegs_of(children_of(encoder.pid))) == 3, "three ffmpegs")
        workers = children_of(encoder.pid)
        ffmpegs = ffmpegs_of(workers)
        os.kill(workers[0], signal.SIGSTOP)
        try:
            encoder.process.terminate()
            until(lambda: not any(map(is_running, workers[1:])), "the end of those that go on")
            assert encoder.process.poll() is None
            assert encoder.stop() == 75
        finally:
            os.kill(workers[0], signal.SIGCONT)
        until(lambda: not any(map(is_running, workers + ffmpegs)), "the end of all of them")


@pytest.mark.soak
def test_where_there_can_be_no_processes_threads_do_it(spool: Path, lab: Lab) -> None:
    user = lab.victim
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(2)}
    for path in (spool, *spool.rglob("*")):
        os.chown(path, user.uid, user.gid)
    # ulimit counts threads, too: there may be fewer than the worker processes, and enough for an ffmpeg.
    limited = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))\n"
        "sys.argv[1:] = ['watch', sys.argv[1], '--once', '--workers', '64']\n"
        "from daddy_encode.__main__ import main\n"
        "main()\n"
    )
    told = user.python(limited, spool, reach=[spool])
    assert told.returncode == 0, told.stderr
    assert_right(jobs)
    assert re.search("2 videos saved, .* 0 failed", told.stderr)
    assert "worker process" not in told.stderr
    assert temporary_files(spool) == []
