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


# The listener to a worker process that is gone already has come to its end before anything else goes on.
IN_ORDER = """
import sys, threading
import daddy_encode
from daddy_encode.cli.main import main
from daddy_encode.service import encode_all
encode_all.FEWEST_FRAMES = 0
start = threading.Thread.start
def start_and_wait(thread):
    start(thread)
    if thread.name == "worker process":
        thread.join()
threading.Thread.start = start_and_wait
"""
IN_PYTHON = "daddy_encode.encode(sys.argv[1], workers=3)"
GONE = {
    # A Python that cannot start.
    "starter": ("import os; os.environ['PYTHONHASHSEED'] = 'abc';" + IN_PYTHON, ""),
    "children": (
        """
import os, signal
from daddy_encode.service.workers import process
process.serve = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
sys.argv[1:] = ["encode", "--workers", "3", sys.argv[1]]
main()
""",
        "",
    ),
    "path": ("sys.path += [None, 5]; threading.Thread.start = start;" + IN_PYTHON, ""),
    # Descriptors that the starter's own streams would take.
    "streams": ("threading.Thread.start = start;" + IN_PYTHON, "<&- >&-"),
}


@pytest.mark.parametrize(
    "case", ["starter", *(pytest.param(case, marks=pytest.mark.soak) for case in ("children", "path", "streams"))]
)
def test_worker_processes_that_are_gone_at_once_cost_no_job(spool: Path, case: str) -> None:
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(3)}
    program, redirections = GONE[case]
    told = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-c", IN_ORDER + program, spool],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert told.returncode == 0, told.stderr
    assert_right(jobs)
    lines = [line for line in told.stderr.splitlines() if " INFO " not in line]
    assert lines == [], "nothing is wrong: others have done the work"


# A worker process that dies once, when its first video is made and before it says so.
DIES_UNHEARD = """
import os, signal
from daddy_encode.cli.main import main
from daddy_encode.service.workers.child import ChildProcess
end = ChildProcess._end
def die_once(self, task, outcome):
    if outcome.result is not None and outcome.result.made:
        try:
            os.mkdir(os.environ["ONCE"])
            os.kill(os.getpid(), signal.SIGKILL)
        except FileExistsError:
            pass
    end(self, task, outcome)
ChildProcess._end = die_once
main()
"""


@pytest.mark.parametrize("command", ["encode", pytest.param("watch", marks=pytest.mark.soak)])
def test_a_video_whose_worker_process_died_before_it_said_so_is_reported_once(spool: Path, command: str) -> None:
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(4)}
    done = spool / "job-3"
    subprocess.run([sys.executable, "-m", "daddy_encode", "encode", done], check=True, timeout=120, capture_output=True)
    told_of = spool.parent / "told of"
    options = ["--json"] if command == "encode" else ["--once", "--on-done", f'sh -c \'echo "$0" >> "{told_of}"\'']
    told = subprocess.run(
        [sys.executable, "-c", DIES_UNHEARD, command, spool, "--workers", "3", *options],
        capture_output=True,
        text=True,
        timeout=120,
        # Whatever has threads cannot be forked.
        env={**os.environ, "ONCE": str(spool.parent / "once"), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert told.returncode == 0, told.stderr
    assert_right(jobs)
    names = ["job-0", "job-1", "job-2"]
    reported = told.stdout if command == "encode" else told_of.read_text()
    assert sorted(re.findall(r"/(job-\d)\.(?:mp4\"|receipt)", reported)) == names, told.stderr
    assert sorted(re.findall(r"saved .*/(job-\d)\.mp4: ", told.stderr)) == names
    assert "3 videos saved" in told.stderr
    assert told.stderr.count("a worker process was killed by signal 9; trying once more: ") == 1
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_a_job_that_kills_its_worker_process_is_tried_twice_and_costs_no_other(spool: Path) -> None:
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(6)}
    # Its rate tells its ffmpeg.
    save_frames_as_png(pictures(1), spool / "killer", fps=7)
    kills = 'case "$*" in *"-framerate 7 "*) kill -9 $PPID; exit 1 ;; esac; exec "$REAL" "$@"'
    environment = {"IMAGEIO_FFMPEG_EXE": str(write_ffmpeg(spool.parent / "bin" / "ffmpeg", kills))}
    with Encoder("encode", spool, "--workers", "3", environment=environment) as encoder:
        assert encoder.wait() == 1, encoder.log()
        assert len(encoder.lines("INFO saved ")) == 6
        assert len(encoder.lines("a worker process was killed by signal 9; trying once more: ")) == 1
        (error,) = encoder.lines("ERROR")
        assert f"{spool / 'killer'}: a worker process was killed while encoding it, for the second time; " in error
        assert encoder.lines("6 videos saved, 0 jobs already done, 1 failed")
    assert_right(jobs)


@pytest.mark.soak
def test_another_takes_the_place_of_a_worker_process_that_is_killed(spool: Path) -> None:
    jobs = {write_job(spool / f"job-{index}", index): index for index in range(3)}
    with Encoder("watch", spool, "--workers", "3") as encoder:
        encoder.until(lambda: len(encoder.lines("INFO saved ")) == 3, "three videos")
        first = set(children_of(encoder.pid))
        assert len(first) == 3
        for worker in first:
            os.kill(worker, signal.SIGKILL)
        # Each is in a Python of its own, below the one that has started it.
        encoder.until(lambda: len(set(children_of(encoder.pid)) - first) == 3, "three others")
        encoder.until(lambda: len(encoder.lines("worker process")) == 3, "a warning of each")
        assert all(
            line.endswith("WARNING a worker process was killed by signal 9") for line in encoder.lines("worker process")
        )
        late = {write_job(spool / f"late-{index}", index): index for index in range(3)}
        encoder.until_done(late)
        assert encoder.stop() == 0
        assert encoder.lines("ERROR") == encoder.lines("Traceback") == []
    assert_right(jobs | late)
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
