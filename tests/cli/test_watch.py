"""`daddy-encode watch`, as its users run it: a process that is told to stop, or that ends by itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.cli.duration import Seconds
from tests.conftest import Require
from tests.media import decode_yuv, leftovers, run_command
from tests.service.spools import (
    Encoder,
    assert_right,
    ffmpegs_below,
    is_done,
    receipt_of,
    temporary_files,
    until,
    video_of,
    write_job,
    write_long_job,
)
from tests.users import User


def test_rollouts_are_encoded_as_they_finish_one_line_each_and_sigterm_ends_it_well(spool: Path) -> None:
    first = write_job(spool / "run-1" / "first", 0)
    with Encoder("watch", spool) as watcher:
        watcher.until_done([first])
        # The default interval is 10 s: events bring the next scan forward. Folders made fast and deep among them.
        jobs = {first: 0} | {write_job(spool / f"run-{i}" / "a/b/c/d" / "job", i): i for i in range(1, 6)}
        # A dump elsewhere on this file system, moved in whole.
        write_job(spool.parent / "elsewhere" / "run-7" / "deep" / "job", 7)
        (spool.parent / "elsewhere" / "run-7").rename(spool / "run-7")
        jobs[spool / "run-7" / "deep" / "job"] = 7
        watcher.until_done(jobs)
        assert watcher.stop(signal.SIGTERM) == 0
        assert_right(jobs)
        assert temporary_files(spool) == []
        assert len(watcher.lines("INFO saved ")) == len(jobs)
        # Beside those: the beginning, one summary, the end.
        assert len(watcher.log().splitlines()) == len(jobs) + 3
        assert f"{len(jobs)} videos saved, 0 jobs already done, 0 failed" in watcher.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_nothing_half(spool: Path, number: int) -> None:
    for name in "abc":
        write_long_job(spool / name)
    with Encoder("watch", spool, "--preset", "placebo", "--workers", "2") as watcher:
        watcher.until(lambda: len(ffmpegs_below(watcher.pid)) == 2 and temporary_files(spool), "two ffmpegs")
        children = ffmpegs_below(watcher.pid)
        assert watcher.stop(number) == 0
        assert temporary_files(spool) == []
        assert list(spool.glob("*.mp4")) == []
        assert not any(Path(f"/proc/{child}").exists() for child in children), "an ffmpeg still runs"
        assert watcher.lines("WARNING") == watcher.lines("ERROR") == []


def test_a_second_signal_is_immediate_and_the_next_encoder_clears_up(spool: Path) -> None:
    job = write_long_job(spool / "job")
    with Encoder("watch", spool, "--preset", "placebo") as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        (child,) = ffmpegs_below(watcher.pid)
        # Stopped, it does not end by itself.
        os.kill(child, signal.SIGSTOP)
        watcher.process.send_signal(signal.SIGTERM)
        watcher.process.send_signal(signal.SIGINT)
        assert watcher.wait() in (0, 75)
        until(lambda: not Path(f"/proc/{child}/exe").exists(), "the end of ffmpeg")
    assert run_command("watch", spool, "--once").returncode == 0
    assert len(decode_yuv(video_of(job), 320, 240)) == 250
    assert temporary_files(spool) == []


def test_encode_exits_75_when_told_to_stop(spool: Path) -> None:
    write_long_job(spool / "job")
    with Encoder("encode", spool, "--preset", "placebo") as encoder:
        encoder.until(lambda: ffmpegs_below(encoder.pid), "an ffmpeg")
        assert encoder.stop() == 75
        assert temporary_files(spool) == []


def test_once_drains_and_says_by_its_status_whether_a_job_failed(spool: Path) -> None:
    jobs = {write_job(spool / f"job-{i}", i): i for i in range(3)}
    told = run_command("watch", spool, "--once", "--json")
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.splitlines()) == 3
    assert_right(jobs)
    bad = write_job(spool / "bad")
    (bad / "000001.png").unlink()
    (bad / "manifest.json").write_text((bad / "manifest.json").read_text().replace('"frames": 4', '"frames": 3'))
    told = run_command("watch", spool, "--once")
    assert told.returncode == 1
    assert "bad: 000001.png missing" in told.stderr
    told = run_command("watch", spool, "--once")
    assert told.returncode == 0, "what has failed is not tried again"
    assert "missing" not in told.stderr


@pytest.mark.soak
def test_idle_exit_and_max_runtime_end_it_with_status_0(spool: Path) -> None:
    write_job(spool / "job")
    told = run_command("watch", spool, "--idle-exit", "0.5")
    assert told.returncode == 0
    assert "with nothing to do, as asked" in told.stderr
    assert is_done(spool / "job")
    write_long_job(spool / "long")
    told = run_command("watch", spool, "--max-runtime", "1", "--preset", "placebo")
    assert told.returncode == 0
    assert "ending after 1 s, as asked" in told.stderr
    assert temporary_files(spool) == []


def test_lengths_of_time_may_have_units(spool: Path) -> None:
    told = run_command("watch", "--once", "--idle-exit", "10m", "--max-runtime", "1h30m", "--lease", "2m", spool)
    assert told.returncode == 0, told.stderr
    for wrong in ("10x", "nan", "3w"):
        told = run_command("watch", "--once", "--idle-exit", wrong, spool)
        assert (told.returncode, "--idle-exit" in told.stderr) == (2, True), wrong
    assert Seconds(0, 100).convert("1.5m", None, None) == Seconds(0, 100).convert("90", None, None) == 90.0


def test_a_failing_job_stops_no_other_is_not_tried_in_a_loop_and_retried_when_asked_or_changed(spool: Path) -> None:
    bad = write_job(spool / "bad")
    frame = (bad / "000002.png").read_bytes()
    (bad / "000002.png").write_bytes(frame[:-20])
    jobs = {write_job(spool / f"job-{i}", i): i for i in range(4)}
    with Encoder("watch", spool, "--workers", "1", "--interval", "0.1") as watcher:
        watcher.until_done([*jobs, bad])
        assert "bad/000002.png" in str(receipt_of(bad)["error"])
        again = {write_job(spool / f"later-{i}", i): i for i in range(2)}
        watcher.until_done(again)
        # Some ten scans later.
        watcher.until(lambda: not write_until_ten(spool, watcher), "ten scans")
        assert len(watcher.lines("ERROR")) == 1
        good = bad / "good.tmp"
        good.write_bytes(frame)
        good.rename(bad / "000002.png")
        watcher.until(lambda: video_of(bad).exists(), "the mended job")
        watcher.until(lambda: receipt_of(bad)["error"] is None, "its receipt")
        assert watcher.stop() == 0
    assert_right({**jobs, **again, bad: 0})


def write_until_ten(spool: Path, watcher: Encoder) -> bool:
    """Write a small job more; whether ten are not yet done."""
    made = list(spool.glob("tick-*.mp4"))
    if all((spool / f"tick-{i}.mp4").exists() for i in range(len(made))):
        shutil.rmtree(spool / f"tick-{len(made)}", ignore_errors=True)
        write_job(spool / f"tick-{len(made)}")
        until(lambda: is_done(spool / f"tick-{len(made)}"), "a tick")
    return len(made) < 9


def test_retry_failed_tries_once_more(spool: Path) -> None:
    bad = write_job(spool / "bad")
    (bad / "000002.png").write_bytes(b"no PNG")
    assert run_command("watch", spool, "--once").returncode == 1
    with Encoder("watch", spool, "--retry-failed", "--interval", "0.1") as watcher:
        watcher.until(lambda: watcher.lines("ERROR"), "the second failure")
        write_job(spool / "job")
        watcher.until_done([spool / "job"])
        assert watcher.stop() == 0
        assert len(watcher.lines("ERROR")) == 1


def test_settle_takes_a_dump_without_a_manifest_and_says_so(spool: Path) -> None:
    job = write_job(spool / "job", 3)
    (job / "manifest.json").unlink()
    told = run_command("watch", spool, "--once")
    assert "INFO saved" not in told.stderr
    with Encoder("watch", spool, "--settle", "1", "--interval", "0.3") as watcher:
        watcher.until_done([job])
        assert watcher.stop() == 0
    assert_right({job: 3})
    assert receipt_of(job)["settled"] is True
    assert "spool/job\tmp4 (settled)" in run_command("status", spool).stdout


@pytest.mark.soak
def test_a_directory_renamed_while_it_is_encoded_is_encoded_once_under_its_new_name(spool: Path) -> None:
    write_long_job(spool / "old")
    with Encoder("watch", spool, "--preset", "slower", "--interval", "0.5") as watcher:
        watcher.until(lambda: leftovers(spool) and ffmpegs_below(watcher.pid), "an ffmpeg")
        (spool / "old").rename(spool / "new")
        watcher.until_done([spool / "new"])
        assert watcher.stop() == 0
        assert len(watcher.lines("INFO saved ")) == 1
        assert watcher.lines("ERROR") == []
    assert sorted(path.name for path in spool.glob("*.*")) == [".daddy-encode", "new.mp4", "new.receipt.json"]
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_the_folder_of_jobs_renamed_while_they_are_encoded_loses_none(spool: Path) -> None:
    write_long_job(spool / "run" / "job", frames=150)
    options = ("--preset", "slower", "--interval", "0.2", "--lease", "1")
    with Encoder("watch", spool, *options) as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        (spool / "run").rename(spool / "moved")
        watcher.until_done([spool / "moved" / "job"])
        assert watcher.stop() == 0
        assert len(watcher.lines("INFO saved ")) == 1
        assert watcher.lines("ERROR") == []
    assert temporary_files(spool) == []


def test_an_output_directory_takes_videos_receipts_and_claims(spool: Path, tmp_path: Path) -> None:
    job = write_job(spool / "run" / "job", 2)
    out = tmp_path / "videos"
    assert run_command("watch", spool, "--once", "--output-dir", out).returncode == 0
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.*")) == [
        "run/.daddy-encode",
        "run/job.mp4",
        "run/job.receipt.json",
    ]
    assert list(spool.rglob("*.mp4")) == list(spool.rglob(".daddy-encode")) == []
    told = run_command("watch", spool, "--once", "--output-dir", out)
    assert "0 videos saved, 1 job already done, 0 failed" in told.stderr
    assert job.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere", "--once"], 1, "nowhere: cannot be listed: No such file or directory"),
        (["file"], 1, "file: is not a directory"),
        (["file/spool"], 1, "file/spool: cannot be listed: Not a directory"),
        ([".", "--interval", "0"], 2, "0.0 is not in the range"),
        ([".", "--on-done", "'unbalanced"], 2, "check its quotes"),
        ([".", "--on-done", ""], 2, "--on-done is empty"),
        ([".", "--video-fps", "0"], 2, "is outside"),
    ],
)
def test_wrong_usage_is_one_clear_error(spool: Path, arguments: list[str], status: int, words: str) -> None:
    (spool / "file").touch()
    told = run_command("watch", *arguments, cwd=spool)
    assert told.returncode == status
    assert words in told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_that_is_not_there_yet_is_waited_for_and_said_so_once(tmp_path: Path) -> None:
    root = tmp_path / "scratch" / "spool"
    with Encoder("watch", root, "--idle-exit", "600") as watcher:
        watcher.until_said(f"waiting for {root}: it is not there yet")
        # The default interval is 10 s, and twice that while nothing happens: events bring the next scan forward.
        job = write_job(root / "run" / "job")
        watcher.until_done([job])
        assert watcher.stop() == 0
        assert len(watcher.lines("waiting for")) == len(watcher.lines(f"{root}: is there now")) == 1
        assert watcher.lines("no jobs yet") == []
        assert_right({job: 0})


@pytest.mark.soak
def test_waiting_for_a_folder_ends_as_watching_it_does(tmp_path: Path) -> None:
    told = run_command("watch", tmp_path / "typo", "--no-events", "--interval", "0.1", "--idle-exit", "0.5")
    assert told.returncode == 0
    assert told.stderr.count("waiting for") == 1 and "with nothing to do, as asked" in told.stderr


def test_without_ffmpeg_there_is_no_watcher(spool: Path) -> None:
    told = run_command("watch", spool, env={**os.environ, "IMAGEIO_FFMPEG_EXE": "/nowhere/ffmpeg"})
    assert told.returncode == 1
    assert "ffmpeg does not run" in told.stderr


def test_a_folder_that_cannot_be_listed_is_said_once(spool: Path, nobody: User) -> None:
    (spool / "private").mkdir()
    write_job(spool / "job")
    (spool / "private").chmod(0o000)
    spool.chmod(0o777)
    arguments = ["--idle-exit", "1", "--interval", "0.1", "--trust-owner", "root"]
    told = nobody.run("watch", spool, *arguments, reach=[spool])
    assert told.returncode == 0, told.stderr
    assert is_done(spool / "job")
    assert len(re.findall("private: cannot be listed: Permission denied", told.stderr)) == 1


@pytest.mark.soak
def test_a_watcher_that_cannot_open_a_pipe_says_so_in_one_line(spool: Path, require_program: Require) -> None:
    strace = [require_program("strace", "strace"), "-f", "-qq", "-o", "/dev/null", "-e", "trace=pipe2"]
    command = [sys.executable, "-m", "daddy_encode", "watch", str(spool), "--once"]
    done = subprocess.run(
        [*strace, "-e", "inject=pipe2:error=EMFILE", *command], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 75
    assert done.stderr == "Error: [Errno 24] Too many open files; run the same command again\n"
