"""Cleaners beside cleaners, encoders, packers, watchers and rollouts: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.archive.commands import told
from tests.conftest import Require
from tests.jobs import encode
from tests.media import decode_mp4, moving_square
from tests.service.spools import receipt_of, right_bytes, temporary_files, until, video_of, write_job

STAYS = {"manifest.json", "rollout.json"}


@contextlib.contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command beside this process, ended with the block."""
    command = [sys.executable, "-m", "daddy_encode", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode in (0, 75), said
    return said


def assert_clean(jobs: dict[Path, int]) -> None:
    """Each job has the one right video, a receipt that says so, and no frames."""
    for job, variety in jobs.items():
        assert video_of(job).read_bytes() == right_bytes(variety), job
        assert receipt_of(job)["frames"] == "deleted", job
        assert {path.name for path in job.iterdir()} == STAYS, job


def cleaned(said: str) -> int:
    return sum(
        " cleaned " in line and " of " in line and ": " in line and "jobs" not in line for line in said.splitlines()
    )


@pytest.mark.soak
def test_two_cleaners_and_an_encoder_do_each_job_once(tmp_path: Path) -> None:
    jobs = {write_job(tmp_path / f"job-{number:02d}", number % 5): number % 5 for number in range(6)}
    for job in list(jobs)[:3]:
        encode(job)
    with (
        started("clean", tmp_path, "--yes") as first,
        started("encode", tmp_path) as encoder,
        started("clean", tmp_path, "--yes") as second,
    ):
        done = cleaned(ended(first)) + cleaned(ended(second))
        assert "0 failed" in ended(encoder)
    # What was not encoded in time is left to the next.
    status, said = told("clean", tmp_path, "--yes")
    assert status == 0, said
    assert done + cleaned(said) == len(jobs)
    assert_clean(jobs)
    assert temporary_files(tmp_path) == []
    assert "6 jobs already done" in told("encode", tmp_path)[1]


@pytest.mark.soak
def test_cleaners_packers_encoders_and_watchers_on_two_mounts(tmp_path: Path, require_program: Require) -> None:
    bindfs = require_program("bindfs", "bindfs")
    real = tmp_path / "real"
    mounts = [tmp_path / name for name in ("one", "two")]
    for folder in (real, *mounts):
        folder.mkdir()
    caches = "attr_timeout=10,entry_timeout=10,negative_timeout=10"
    programs = [
        subprocess.Popen([bindfs, "-f", *options, str(real), str(mount)])
        for mount, options in zip(mounts, ([], ["-o", caches]), strict=True)
    ]
    try:
        for mount in mounts:
            until(mount.is_mount, "a mount")
        jobs = {write_job(real / f"job-{number:02d}", number % 5): number % 5 for number in range(40)}
        with (
            started("watch", mounts[0], "--once", "--pack-after", "0") as watcher,
            started("encode", mounts[1]) as encoder,
            started("watch", mounts[1], "--clean-after", "0", "--idle-exit", "15", "--interval", "1") as cleaner,
            started("clean", mounts[0], "--yes") as other,
            started("pack", mounts[1]) as packer,
        ):
            for process in (encoder, watcher, packer, other, cleaner):
                said = ended(process)
                assert "report this" not in said, said
                assert "Traceback" not in said, said
        status, said = told("clean", real, "--yes")
        assert status == 0, said
        assert_clean(jobs)
        assert temporary_files(real) == []
    finally:
        for program, mount in zip(programs, mounts, strict=True):
            subprocess.run(["umount", str(mount)], check=False)
            program.wait(60)


def in_place(job: Path) -> None:
    save_frames_as_png(moving_square(9, 32, 48), job, overwrite=True)


def anew(job: Path) -> None:
    shutil.rmtree(job)
    save_frames_as_png(moving_square(9, 32, 48), job)


def late(job: Path) -> None:
    shutil.copy(job.parent.parent / "frame.png", job / "000099.png")


@pytest.mark.soak
@pytest.mark.parametrize("write", [in_place, anew, late])
def test_a_rollout_that_writes_again_while_it_is_cleaned_loses_nothing(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    shutil.copy(write_job(tmp_path / "else") / "000000.png", tmp_path / "frame.png")
    spool = tmp_path / "spool"
    for number in range(12):
        job = write_job(spool / f"job-{number:02d}")
        encode(job)
        video = video_of(job).read_bytes()
        with started("clean", job, "--yes", "--lease", "1") as cleaner:
            # At another moment of its work each time.
            for _ in range(number):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    cleaner.wait(0.08)
            with contextlib.suppress(FileNotFoundError):
                write(job)
            ended(cleaner)
        there = {path.name for path in job.iterdir()}
        new = {f"{index:06d}.png" for index in range(9)} if write is not late else {"000099.png"}
        assert new <= there, there
        assert video_of(job).read_bytes() == video
        if write is not late:
            assert encode(job).made
            assert len(decode_mp4(video_of(job), 48, 32)) == 9
        states = [json.loads(line) for line in told("status", job, "--json")[1].splitlines()]
        assert len(states) == 1
