"""What may pass is tried again; what always kills ffmpeg fails in the end; a machine that fails gives itself up."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daddy_encode.cli.main import FAILED, group
from daddy_encode.encoding.probe import BOTH, check_ffmpeg
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.service.workers import attempt_job
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.conftest import Require
from tests.encoding.conftest import StandIn
from tests.jobs import context
from tests.service.spools import WITH_PAUSE, Encoder, assert_right, receipt_of, temporary_files, until, write_job
from tests.stand_in import REAL, write_ffmpeg

KILLED = "kill -9 $$"
quick_encoder = functools.partial(Encoder, first_pause=0.1, signal_seconds=0.0)


def with_ffmpeg(path: Path, script: str) -> dict[str, str]:
    """An environment in which ffmpeg passes its trial, and then is `script`."""
    return {**os.environ, "IMAGEIO_FFMPEG_EXE": str(write_ffmpeg(path, script))}


def run_program(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


def receipt(job: Path) -> Path:
    return job.parent / f"{job.name}.receipt.json"


def status_of(spool: Path) -> list[dict[str, str]]:
    told = CliRunner().invoke(group, ["status", str(spool), "--json"])
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No signal comes that would explain a failure."""
    monkeypatch.setattr(attempt_job, "SIGNAL_SECONDS", 0.0)


def attempt(
    *jobs: Path, workers: int = 1, skip_failed: bool = False, **settings: Any
) -> tuple[list[Outcome], DaddyEncodeError | None]:
    """What becomes of one attempt at each job, and why the pool has given up, if it has."""
    stop = StopSwitch()
    with WorkerPool(workers, context(**settings), Claims(60), stop) as pool:
        attempts = [Attempt(JobPaths.of(job), skip_failed=skip_failed) for job in jobs]
        outcomes = list(run_jobs(pool, attempts, stop))
    return outcomes, pool.fault


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 127", "does not run here (exit status 127)"),
        ("exit 126", "does not run here (exit status 126)"),
        ("echo '[out#0 @ 0x1] [error] Error writing: Input/output error' >&2; exit 251", "Input/output error"),
        ("echo '[fatal] Stale file handle' >&2; exit 140", "Stale file handle"),
        ("echo '[error] Disk quota exceeded' >&2; exit 134", "file system / is full"),
    ],
)
def test_what_a_machine_does_to_ffmpeg_is_put_off_without_a_receipt(
    tmp_path: Path, stand_in: StandIn, at_once: None, script: str, words: str
) -> None:
    stand_in(script)
    job = write_job(tmp_path / "spool" / "job")
    for _ in range(4):
        ((outcome,), fault) = attempt(job)
        assert outcome.kind is OutcomeKind.DEFERRED and fault is None
        assert words in str(outcome.error)
        assert not receipt(job).exists()
    assert [row["state"] for row in status_of(job.parent)] == ["ready"]


def test_an_ffmpeg_that_is_being_replaced_is_put_off(tmp_path: Path, stand_in: StandIn, at_once: None) -> None:
    path = stand_in('exec "$REAL" "$@"')
    check_ffmpeg(BOTH)
    job = write_job(tmp_path / "spool" / "job")
    with open(path, "ab"):
        ((outcome,), _) = attempt(job)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert "ffmpeg cannot be started: Text file busy" in str(outcome.error)
    ((outcome,), _) = attempt(job)
    assert outcome.kind is OutcomeKind.MADE


@pytest.mark.parametrize(
    ("faults", "path"),
    [
        # The trial of ffmpeg comes second. Python tries fork, which is clone, where vfork fails.
        (["vfork:error=ENOMEM:when=1", "clone:error=ENOMEM"], None),
        pytest.param(["vfork:error=EAGAIN:when=1", "clone:error=EAGAIN"], None, marks=pytest.mark.soak),
        pytest.param(["pread64:error=ESTALE"], "spool/job/000002.png", marks=pytest.mark.soak),
        pytest.param(["pread64:error=EIO"], "spool/job/000002.png", marks=pytest.mark.soak),
        pytest.param(["read:error=EIO"], "spool/job/manifest.json", marks=pytest.mark.soak),
        pytest.param(["getdents64:error=ETIMEDOUT"], "spool/job", marks=pytest.mark.soak),
        # Of the finished video.
        (["fsync:error=EIO"], None),
    ],
)
def test_a_system_call_that_fails_for_a_while_is_no_failure_of_the_job(
    tmp_path: Path, require_program: Require, faults: list[str], path: str | None
) -> None:
    job = write_job(tmp_path / "spool" / "job")
    strace = [require_program("strace", "strace"), "-f", "-qq", "-o", "/dev/null"]
    strace += [] if path is None else ["-P", str(tmp_path / path)]
    strace += ["-e", f"trace={','.join(fault.partition(':')[0] for fault in faults)}"]
    strace += [word for fault in faults for word in ("-e", f"inject={fault}")]
    told = run_program([*strace, sys.executable, "-c", WITH_PAUSE.format(0.1, 0.0), "encode", str(job)])
    assert told.returncode == FAILED, told.stderr
    assert "ERROR" in told.stderr and "Traceback" not in told.stderr
    assert not receipt(job).exists(), receipt(job).read_text()
    attempt(job)
    assert_right({job: 0})


def test_where_no_thread_can_be_started_a_job_is_put_off(tmp_path: Path, require_program: Require) -> None:
    job = write_job(tmp_path / "spool" / "job")
    program = [sys.executable, "-m", "daddy_encode", "encode", str(job.parent)]
    strace = [require_program("strace", "strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=clone3,clone"]
    told = run_program([*strace, "-e", "inject=clone3,clone:error=EAGAIN:when=1+", *program])
    assert told.returncode == FAILED
    assert "can't start new thread" in told.stderr and "Traceback" not in told.stderr
    assert "report this" not in told.stderr
    assert os.listdir(job.parent) == ["job"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread"), OSError(116, "Stale")])
def test_what_we_lack_ourselves_is_put_off(tmp_path: Path, error: Exception) -> None:
    paths, stop = JobPaths.of(write_job(tmp_path / "job")), StopSwitch()

    def fail(share: float) -> None:
        raise error

    with WorkerPool(1, context(), Claims(60), stop, fail) as pool:
        (outcome,) = run_jobs(pool, [Attempt(paths)], stop)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert os.listdir(tmp_path / ".daddy-encode") == [] and not paths.receipt.exists()


def test_a_video_that_cannot_be_read_back_is_put_off(tmp_path: Path) -> None:
    paths, stop = JobPaths.of(write_job(tmp_path / "spool" / "job")), StopSwitch()

    def spoil(share: float) -> None:
        """Put a file that cannot be read in place of our descriptor of the video; ffmpeg has its own."""
        for link in Path("/proc/self/fd").iterdir():
            if link.is_symlink() and f"{paths.base.parent}/.daddy-encode-" in os.readlink(link):
                with open("/proc/self/mem", "rb") as unreadable:
                    os.dup2(unreadable.fileno(), int(link.name))

    with WorkerPool(1, context(), Claims(60), stop, spoil) as pool:
        (outcome,) = run_jobs(pool, [Attempt(paths)], stop)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert str(outcome.error).startswith(f"cannot read back {paths.output('mp4')}")
    assert not paths.receipt.exists() and not paths.output("mp4").exists()


def failures_of(job: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(receipt(job).read_text())["failures"]
    return found


def test_the_third_failure_of_a_job_that_always_kills_ffmpeg_is_final_and_the_receipt_has_all_three(
    tmp_path: Path, stand_in: StandIn, at_once: None
) -> None:
    job = write_job(tmp_path / "spool" / "job")
    path = stand_in(KILLED)
    for number in (1, 2):
        # Each an encoder of its own.
        ((outcome,), _) = attempt(job)
        assert outcome.kind is OutcomeKind.DEFERRED
        assert receipt_of(job)["error"] is None and len(failures_of(job)) == number
        (row,) = status_of(job.parent)
        assert row["state"] == "ready" and row["note"].startswith(f"failed {number} of 3 times: ")
    ((outcome,), fault) = attempt(job)
    assert outcome.kind is OutcomeKind.FAILED and "failed 3 times" in str(outcome.error) and fault is None
    assert "signal 9" in str(receipt_of(job)["error"])
    assert len(failures_of(job)) == 3
    for failure in failures_of(job):
        assert "ffmpeg was ended by signal 9" in str(failure["error"])
        assert failure["host"] == os.uname().nodename and isinstance(failure["finished"], float)
    (row,) = status_of(job.parent)
    assert row["state"] == "failed"
    ((outcome,), _) = attempt(job, skip_failed=True)
    assert outcome.kind is OutcomeKind.FAILED_BEFORE, "no watcher tries it again"
    path.write_text(f'#!/bin/sh\nexec {REAL} "$@"\n')
    ((outcome,), _) = attempt(job)
    assert outcome.kind is OutcomeKind.MADE
    assert_right({job: 0})
    assert failures_of(job) == [], "a success clears them"


@pytest.mark.parametrize(
    "script",
    [
        "echo 'x264 [error]: malloc of size 99 failed' >&2; echo 'Error: Cannot allocate memory' >&2; exit 244",
        "echo 'pthread_create: Resource temporarily unavailable' >&2; exit 245",
        # A script that runs ffmpeg as a child, which is killed.
        "sh -c 'kill -9 $$'; exit $?",
    ],
    ids=["memory", "threads", "child"],
)
def test_a_job_that_takes_too_much_memory_each_time_fails_in_the_end(
    tmp_path: Path, stand_in: StandIn, at_once: None, script: str
) -> None:
    stand_in(script)
    job = write_job(tmp_path / "job")
    kinds = [attempt(job)[0][0].kind for _ in range(3)]
    assert kinds == [OutcomeKind.DEFERRED, OutcomeKind.DEFERRED, OutcomeKind.FAILED]


@pytest.mark.soak
def test_a_watcher_tries_such_a_job_three_times_and_no_more(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    environment = with_ffmpeg(tmp_path / "ffmpeg", KILLED)
    with quick_encoder("watch", job.parent, "--interval", "0.2", environment=environment) as watcher:
        watcher.until(lambda: receipt(job).exists() and receipt_of(job)["error"], "a receipt of the failure")
        watcher.until_said("failed 3 times")
        assert watcher.stop() == 0
        assert len(watcher.lines("it is tried again later")) == 1, "each new reason is said once"
    assert len(failures_of(job)) == 3


def test_a_job_that_has_changed_begins_anew(tmp_path: Path, stand_in: StandIn, at_once: None) -> None:
    job = write_job(tmp_path / "spool" / "job")
    stand_in(KILLED)
    for number in (1, 2):
        attempt(job)
        assert len(failures_of(job)) == number
    os.utime(job / "000001.png", (1e9, 1e9))
    attempt(job)
    assert len(failures_of(job)) == 1


def test_failures_leave_the_record_of_a_video_that_is_there(tmp_path: Path, stand_in: StandIn, at_once: None) -> None:
    job = write_job(tmp_path / "spool" / "job")
    stand_in('exec "$REAL" "$@"')
    attempt(job)
    before = receipt_of(job)
    stand_in(KILLED)
    attempt(job, video="both", crf=30)
    assert {**receipt_of(job), "failures": []} == before
    assert len(failures_of(job)) == 1
    ((outcome,), _) = attempt(job)
    assert outcome.kind is OutcomeKind.DONE


@pytest.mark.parametrize(
    ("script", "workers"),
    [
        (KILLED, 2),
        ("exit 127", 1),
        pytest.param(KILLED, 1, marks=pytest.mark.soak),
        pytest.param("exit 127", 2, marks=pytest.mark.soak),
        pytest.param("echo '[error] odd' >&2; exit 1", 2, marks=pytest.mark.soak),
    ],
)
def test_where_ffmpeg_fails_on_one_job_after_the_other_no_more_are_claimed_and_no_failure_stays(
    tmp_path: Path, stand_in: StandIn, at_once: None, script: str, workers: int
) -> None:
    path = stand_in(script)
    jobs = {write_job(tmp_path / f"job-{index}", index): index for index in range(8)}
    for _ in range(4):
        # As often as whoever starts such an encoder again.
        outcomes, fault = attempt(*jobs, workers=workers)
        assert str(fault).startswith(
            f"ffmpeg failed on all of the last {3 + workers} jobs on {os.uname().nodename}, so no"
        )
        kinds = [outcome.kind for outcome in outcomes]
        assert kinds.count(OutcomeKind.DEFERRED) >= 3 + workers
        assert set(kinds) <= {OutcomeKind.DEFERRED, OutcomeKind.STOPPED} and len(kinds) < len(jobs)
        assert not list(tmp_path.glob("*.receipt.json")), "what was no job's fault is taken back"
    path.write_text(f'#!/bin/sh\nexec {REAL} "$@"\n')
    outcomes, fault = attempt(*jobs)
    assert fault is None
    assert_right(jobs)


@pytest.mark.parametrize("count", [8, 3])
def test_encoders_that_share_a_bad_machine_and_a_spool_fail_no_job_in_the_end(
    tmp_path: Path, stand_in: StandIn, at_once: None, count: int
) -> None:
    path = stand_in(KILLED)
    jobs = {write_job(tmp_path / f"job-{index}", index): index for index in range(count)}
    kinds = []
    with contextlib.ExitStack() as stack:
        stops = [StopSwitch() for _ in range(3)]
        pools = [stack.enter_context(WorkerPool(1, context(), Claims(60), stop)) for stop in stops]
        for index in range(count):
            for shift, (pool, stop) in enumerate(zip(pools, stops, strict=True)):
                # Each begins with another of three jobs, so that none fails on all of them more than once.
                job = list(jobs)[(index + shift) % 3 if count == 3 else index]
                kinds += [outcome.kind for outcome in run_jobs(pool, [Attempt(JobPaths.of(job))], stop)]
        assert [pool.fault is not None for pool in pools] == [count > 3] * 3
    assert OutcomeKind.FAILED in kinds, "together they are three"
    assert not list(tmp_path.glob("*.receipt.json")), "what was no job's fault is taken back"
    path.write_text(f'#!/bin/sh\nexec {REAL} "$@"\n')
    _, fault = attempt(*jobs)
    assert fault is None
    assert_right(jobs)


def test_failures_between_which_one_job_succeeds_are_the_jobs_own(
    tmp_path: Path, stand_in: StandIn, at_once: None
) -> None:
    stand_in(f'[ -e {tmp_path}/good ] && exec "$REAL" "$@"; {KILLED}')
    jobs = [write_job(tmp_path / f"job-{index}") for index in range(6)]
    stop = StopSwitch()
    with WorkerPool(1, context(), Claims(60), stop) as pool:
        for index, job in enumerate(jobs):
            (tmp_path / "good").touch() if index % 3 == 2 else (tmp_path / "good").unlink(missing_ok=True)
            (outcome,) = run_jobs(pool, [Attempt(JobPaths.of(job))], stop)
            assert outcome.kind is (OutcomeKind.MADE if index % 3 == 2 else OutcomeKind.DEFERRED)
    assert pool.fault is None
    assert [len(failures_of(job)) for job in jobs] == [1, 1, 0, 1, 1, 0]


@pytest.mark.parametrize("command", [["encode"], ["watch", "--interval", "0.2"]], ids=["encode", "watch"])
def test_an_encoder_on_whose_machine_every_job_fails_ends_with_status_1_and_says_so(
    tmp_path: Path, command: list[str]
) -> None:
    for index in range(5):
        write_job(tmp_path / "spool" / f"job-{index}")
    environment = with_ffmpeg(tmp_path / "ffmpeg", KILLED)
    with quick_encoder(*command, tmp_path / "spool", "--workers", "1", environment=environment) as encoder:
        assert encoder.wait() == FAILED
        (line,) = encoder.lines("Error: ")
    assert "failed on all of the last 4 jobs" in line and "ended by signal 9" in line


@pytest.mark.parametrize("script", [pytest.param(KILLED, marks=pytest.mark.soak), "echo '[error] odd' >&2; exit 1"])
def test_a_watcher_with_a_bad_ffmpeg_poisons_no_spool(tmp_path: Path, script: str) -> None:
    spool = tmp_path / "spool"
    jobs = {write_job(spool / f"job-{index:02d}", index): index for index in range(10)}
    options = ["--interval", "0.2", "--workers", "2"]
    environment = with_ffmpeg(tmp_path / "ffmpeg", script)
    with quick_encoder("watch", spool, *options, environment=environment) as bad:
        # It takes the jobs first.
        bad.until_said("it is tried again later")
        with quick_encoder("watch", spool, *options) as good:
            good.until_done(jobs)
            until(lambda: all(receipt_of(job)["outputs"] for job in jobs), "all videos")
            good.stop()
            bad.stop()
            assert "ERROR" not in good.log() + bad.log()
    assert_right(jobs)
    assert temporary_files(spool) == []


def spoil(job: Path) -> bytes:
    """Spoil a frame; return what it was."""
    good = (job / "000003.png").read_bytes()
    (job / "000003.png").write_bytes(good[:-20])
    return good


def mend(job: Path, good: bytes) -> None:
    """As `cat good > 000003.png` does: the directory's time stays."""
    before = job.stat().st_mtime_ns
    (job / "000003.png").write_bytes(good)
    assert job.stat().st_mtime_ns == before


def test_a_failed_job_whose_frame_is_mended_in_place_is_tried_again_by_a_watcher(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    good = spoil(job)
    with Encoder("watch", job.parent, "--interval", "0.2") as watcher:
        watcher.until(lambda: receipt(job).exists(), "a receipt of the failure")
        assert "000003.png" in str(receipt_of(job)["error"])
        mend(job, good)
        watcher.until(lambda: receipt_of(job)["error"] is None, "the frame is seen to be mended")
        assert watcher.stop() == 0
    assert_right({job: 0})


def test_a_failed_job_whose_frame_is_mended_in_place_is_ready_and_tried_again(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    good = spoil(job)
    assert attempt(job)[0][0].kind is OutcomeKind.FAILED
    assert attempt(job, skip_failed=True)[0][0].kind is OutcomeKind.FAILED_BEFORE
    assert [row["state"] for row in status_of(job.parent)] == ["failed"]
    mend(job, good)
    assert [row["state"] for row in status_of(job.parent)] == ["ready"]
    assert attempt(job, skip_failed=True)[0][0].kind is OutcomeKind.MADE
    assert [row["state"] for row in status_of(job.parent)] == ["done"]
    assert_right({job: 0})
