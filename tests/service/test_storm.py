"""Many encoders on one spool, and what befalls them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.media import leftovers, moving_square, run_command
from tests.service.spools import (
    Encoder,
    assert_right,
    is_done,
    temporary_files,
    until,
    write_job,
)


@pytest.mark.parametrize("jobs", [12, pytest.param(200, marks=pytest.mark.soak)])
def test_eight_encoders_make_each_video_once(tmp_path: Path, jobs: int) -> None:
    spool = tmp_path / "spool"
    made = {spool / f"run-{index % 7}" / f"job-{index:03d}": index for index in range(jobs)}
    with contextlib.ExitStack() as stack:
        # Half of the jobs are there from the beginning, the others come while all are at work.
        waves = [list(made.items())[: jobs // 2], list(made.items())[jobs // 2 :]]
        for job, variety in waves[0]:
            write_job(job, variety)
        watchers = [
            stack.enter_context(Encoder("watch", spool, "--interval", "0.5", "--workers", "1")) for _ in range(4)
        ]
        others = [stack.enter_context(Encoder("encode", spool, "--workers", "1")) for _ in range(4)]
        for job, variety in waves[1]:
            write_job(job, variety)
        assert [encoder.wait() for encoder in others] == [0] * 4
        until(lambda: all(map(is_done, made)), "all jobs")
        assert [encoder.stop() for encoder in watchers] == [0] * 4
        saved = [line for encoder in (*watchers, *others) for line in encoder.lines("INFO saved ")]
        assert not any(encoder.lines("ERROR") for encoder in (*watchers, *others))
    assert_right(made)
    assert temporary_files(spool) == []
    print(f"{len(saved) - jobs} of {jobs} jobs were encoded twice")
    assert jobs <= len(saved) <= jobs * 1.02


@pytest.mark.soak
def test_encoders_killed_every_second_lose_nothing(tmp_path: Path) -> None:
    spool, jobs = tmp_path / "spool", 100
    made = [spool / f"run-{index % 7}" / f"job-{index:03d}" for index in range(jobs)]
    chance = random.Random(7)
    options = ("--lease", "3", "--interval", "0.5", "--preset", "placebo")
    for index, job in enumerate(made):
        save_frames_as_png(moving_square(40 + index, 120, 160), job)
    killed = 0
    with contextlib.ExitStack() as stack:
        encoders = [stack.enter_context(Encoder("watch", spool, *options)) for _ in range(4)]
        while not all(map(is_done, made)):
            assert killed < 300
            time.sleep(1)
            index = chance.randrange(len(encoders))
            if encoders[index].process.poll() is None:
                encoders[index].process.kill()
                encoders[index].wait()
                killed += 1
            encoders[index] = stack.enter_context(Encoder("watch", spool, *options))
        # Every lease runs out, and one more scan: nothing that the dead left is there.
        until(lambda: temporary_files(spool) == [], "the end of what the killed have left", 30)
        for encoder in encoders:
            encoder.until_said("watching")
            assert encoder.stop() == 0
    videos = {job: (job.parent / f"{job.name}.mp4").read_bytes() for job in made}
    # The right bytes are those of an undisturbed encode.
    assert run_command("encode", spool, "--force", "--preset", "placebo").returncode == 0
    assert {job: (job.parent / f"{job.name}.mp4").read_bytes() for job in made} == videos
    assert leftovers(spool) == []
    print(f"{killed} encoders were killed")


@pytest.mark.soak
def test_encoders_stopped_past_their_lease_and_woken_tear_nothing(tmp_path: Path) -> None:
    spool, jobs = tmp_path / "spool", 60
    made = {spool / f"job-{index:03d}": index for index in range(jobs)}
    chance = random.Random(11)
    options = ("--lease", "1", "--interval", "0.3", "--workers", "1")
    with contextlib.ExitStack() as stack:
        encoders = [stack.enter_context(Encoder("watch", spool, *options)) for _ in range(4)]
        asleep: list[tuple[float, Encoder]] = []
        for job, variety in made.items():
            write_job(job, variety)
            time.sleep(0.1)
            awake = [encoder for encoder in encoders if encoder not in [other for _, other in asleep]]
            if len(awake) > 1:
                encoder = chance.choice(awake)
                os.kill(encoder.pid, signal.SIGSTOP)
                asleep.append((time.monotonic() + 2.5, encoder))
            for due in [item for item in asleep if item[0] < time.monotonic()]:
                os.kill(due[1].pid, signal.SIGCONT)
                asleep.remove(due)
        for _, encoder in asleep:
            os.kill(encoder.pid, signal.SIGCONT)
        until(lambda: all(map(is_done, made)), "all jobs")
        for encoder in encoders:
            assert encoder.stop() == 0
            assert encoder.lines("ERROR") == []
    assert_right(made)
    assert temporary_files(spool) == []
