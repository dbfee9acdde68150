"""Encoders on one spool: who waits for whom, what is said, and a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.media import decode_yuv, leftovers, noise, run_command
from tests.service.spools import (
    Encoder,
    assert_right,
    ffmpegs_below,
    is_done,
    pictures,
    receipt_of,
    temporary_files,
    until,
    video_of,
    write_job,
    write_long_job,
)


def test_encode_says_who_holds_the_jobs_that_are_left_and_waits_for_them(spool: Path) -> None:
    jobs = {write_job(spool / f"job-{i}", i): i for i in range(3)}
    long = write_long_job(spool / "long")
    with Encoder("watch", long, "--preset", "slower") as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        # In the middle of the long one, for as long as it takes to look.
        os.kill(watcher.pid, signal.SIGSTOP)
        told = run_command("encode", spool, "--no-wait")
        assert told.returncode == 75
        assert f"process {watcher.pid} works on it\n" in told.stderr
        assert_right(jobs)
        with Encoder("encode", spool, "--preset", "slower") as waiting:
            waiting.until_said(f"process {watcher.pid} works on it; waiting for it")
            os.kill(watcher.pid, signal.SIGCONT)
            assert waiting.wait() == 0
            assert len(waiting.lines("INFO saved ")) == 3, "with other settings, its own three"
            assert len(waiting.lines("long")) == 1, waiting.log()
            assert len(waiting.lines("3 videos saved, 1 job already done")) == 1
        assert watcher.stop() == 0
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_encoders_that_disagree_about_the_lease_get_a_clear_error(spool: Path) -> None:
    write_long_job(spool / "long")
    with Encoder("watch", spool, "--preset", "placebo", "--lease", "60") as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        os.kill(watcher.pid, signal.SIGSTOP)
        told = run_command("encode", spool, "--lease", "50")
        assert told.returncode == 1
        assert told.stderr.count("give every encoder of this spool the same --lease") == 1
        with Encoder("watch", spool, "--lease", "50", "--interval", "0.1") as other:
            other.until_said("give every encoder of this spool the same --lease")
            write_job(spool / "another")
            other.until_done([spool / "another"])
            assert other.stop() == 0
            assert len(other.lines("--lease")) == 1, "said once"


@pytest.mark.soak
def test_a_stopped_encoder_that_goes_on_after_its_lease_harms_nothing(spool: Path) -> None:
    job = write_long_job(spool / "long")
    options = ("--preset", "slower", "--lease", "1", "--interval", "0.2")
    with Encoder("watch", spool, *options) as first, Encoder("watch", spool, *options) as second:
        until(lambda: ffmpegs_below(first.pid) or ffmpegs_below(second.pid), "an ffmpeg")
        holder, other = (first, second) if ffmpegs_below(first.pid) else (second, first)
        os.kill(holder.pid, signal.SIGSTOP)
        other.until_done([job])
        before, receipt = video_of(job).read_bytes(), receipt_of(job)
        os.kill(holder.pid, signal.SIGCONT)
        # It hears that its claim is lost, or finds its temporary file gone; then it sees what the other has made.
        write_job(spool / "another")
        holder.until_done([spool / "another"])
        assert holder.stop() == other.stop() == 0
        assert holder.lines("ERROR") == other.lines("ERROR") == []
    assert video_of(job).read_bytes() == before
    assert receipt_of(job)["error"] is None
    assert receipt_of(job)["outputs"][0]["sha256"] == receipt["outputs"][0]["sha256"]  # type: ignore[index]
    assert len(decode_yuv(video_of(job), 320, 240)) == 250
    assert temporary_files(spool) == []


def test_a_killed_encoder_leaves_nothing_after_the_next_scan(spool: Path) -> None:
    job = write_long_job(spool / "long")
    with Encoder("watch", spool, "--preset", "placebo") as first:
        first.until(lambda: ffmpegs_below(first.pid) and leftovers(spool), "an ffmpeg")
        children = ffmpegs_below(first.pid)
        first.process.kill()
        first.process.wait()
    assert leftovers(spool) != []
    assert run_command("watch", spool, "--once").returncode == 0
    assert temporary_files(spool) == []
    assert is_done(job)
    until(lambda: not any(Path(f"/proc/{child}/exe").exists() for child in children), "the end of ffmpeg")
    assert temporary_files(spool) == [], "an ffmpeg that ended later has left nothing"


def test_a_done_jobs_dead_claim_is_taken_away(spool: Path) -> None:
    job = write_job(spool / "job")
    with Encoder("watch", spool, "--preset", "placebo") as watcher:
        watcher.until_done([job])
        assert watcher.stop() == 0
    program = (
        "import os, sys; from pathlib import Path; from daddy_encode.spool.claims import Claims\n"
        "from daddy_encode.spool.paths import JobPaths\n"
        "with Claims(120).hold(JobPaths.of(Path(sys.argv[1])), print): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(job)], check=True)
    assert temporary_files(spool) != []
    assert run_command("watch", spool, "--once", "--preset", "placebo").returncode == 0
    assert temporary_files(spool) == []


def test_a_full_disk_is_said_with_its_name_others_go_on_and_the_job_is_tried_again(
    spool: Path, small_disk: Path
) -> None:
    save_frames_as_png(noise(12, 240, 320), spool / "big")
    jobs = {write_job(spool / f"job-{i}", i): i for i in range(3)}
    out = {small_disk / job.name: variety for job, variety in jobs.items()}
    (small_disk / "ballast").write_bytes(bytes(2**19))
    options = ("--output-dir", small_disk, "--workers", "1", "--interval", "0.2", "--crf", "1")
    with Encoder("watch", spool, *options, first_pause=0.5) as watcher:
        watcher.until_said("it is tried again later")
        watcher.until(lambda: all(map(is_done, out)), "the others")
        (line,) = watcher.lines("WARNING")
        assert f"big.mp4: not made, the file system {small_disk} is full" in line
        assert leftovers(small_disk) == []
        (small_disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
        watcher.until(lambda: is_done(small_disk / "big"), "the big one")
        assert watcher.stop() == 0
        assert "4 videos saved, 0 jobs already done, 0 failed" in watcher.log()
        assert len(watcher.lines("WARNING")) == 1


@pytest.mark.soak
def test_a_writer_that_writes_again_while_its_first_dump_is_encoded_gets_its_second_encoded(spool: Path) -> None:
    job = write_long_job(spool / "job")
    with Encoder("watch", spool, "--preset", "slower", "--interval", "0.2", first_pause=0.5) as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        save_frames_as_png(pictures(4), job, overwrite=True)
        watcher.until(lambda: is_done(job) and receipt_of(job)["source"]["frames"] == 8, "the second dump")  # type: ignore[index]
        assert watcher.stop() == 0
        assert watcher.lines("ERROR") == []
    assert len(decode_yuv(video_of(job), 50, 32)) == 8
