"""Loose frames beside packed ones: what a packer has left that was killed is no new recording, nor the other way."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.archive.pack.unpack import unpack_job
from daddy_encode.errors import FrameError, Interrupted
from daddy_encode.service.job_status import job_statuses
from daddy_encode.spool.paths import JobPaths
from tests.archive.commands import told
from tests.archive.jobs import STAYS, names
from tests.jobs import context, encode
from tests.media import moving_square


def stopped_at(call: int, work: object, job: Path) -> None:
    """Have a packer, or one that unpacks, end when it asks for the `call`-th time whether it may go on."""
    calls: list[None] = []

    def may_publish() -> bool:
        calls.append(None)
        return len(calls) < call

    with pytest.raises(Interrupted):
        work(JobPaths.of(job), replace(context(), may_publish=may_publish))  # type: ignore[operator]


def done_job(job: Path) -> Path:
    save_frames_as_png(moving_square(5, 32, 48), job)
    encode(job)
    return job


def recorded_anew(job: Path, container: str = "png") -> dict[str, bytes]:
    """Copy another recording over a job, with old times and a manifest of the same bytes; return its files."""
    other = job.with_name("other")
    frames = list(reversed(moving_square(5, 32, 48)))
    save_frames_as_png(frames, other, container=container)  # type: ignore[arg-type]
    shutil.copy2(job / "manifest.json", other)
    for path in other.iterdir():
        os.utime(path, ns=(10**18, 10**18))
        if path.name not in STAYS:
            shutil.copy2(path, job)
    return {path.name: path.read_bytes() for path in other.iterdir() if path.name not in STAYS}


@pytest.mark.parametrize("container", ["png", pytest.param("tar", marks=pytest.mark.soak)])
def test_what_is_recorded_anew_over_packed_frames_is_neither_done_nor_deleted(tmp_path: Path, container: str) -> None:
    job = done_job(tmp_path / "job")
    pack_job(JobPaths.of(job), context())
    new = recorded_anew(job, container)
    status, said = told("clean", job, "--yes")
    assert (status, "came or changed after they were packed" in said) == (0, True), said
    assert told("verify", "--against-frames", job)[0] == 1
    with pytest.raises(FrameError, match=r"came or changed after .* pack removes it .* if it was recorded anew"):
        encode(job)
    assert [found.state.value for found in job_statuses(job)] != ["done"]
    status, said = told("pack", job)
    assert (status, "is not the PNG that was packed; move it away, or remove frames.json" in said) == (1, True), said
    assert {name: (job / name).read_bytes() for name in new} == new
    # The way out that is named.
    for name in ("frames.json", "frames.mkv"):
        (job / name).unlink()
    assert encode(job).made


def test_what_a_killed_packer_has_left_is_done_and_goes(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    # The file gets its name, then the record is written, then frames go.
    stopped_at(5, pack_job, job)
    left = {path.name for path in job.glob("*.png")}
    assert len(left) == 3
    assert not encode(job).made
    copied = shutil.copytree(job, tmp_path / "copy" / "job")
    assert told("clean", job, "--yes")[0] == 0
    assert names(job) == STAYS
    # Of a copy it cannot be told without comparing.
    with pytest.raises(FrameError, match="pack removes it where it is what was packed"):
        encode(copied)
    assert told("pack", copied)[0] == 0
    assert names(copied) == STAYS | {"frames.json", "frames.mkv"}


def test_what_one_that_unpacks_has_left_is_done_and_another_picture_is_never_deleted(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    pack_job(JobPaths.of(job), context())
    stopped_at(1, unpack_job, job)
    assert len(list(job.glob("*.png"))) == 5
    (job / "000000.png").unlink()
    encode(job)
    frame, other = job / "000003.png", (job / "000001.png").read_bytes()
    frame.write_bytes(other)
    made = json.loads((job / "frames.json").read_text())["mtime_ns"]
    os.utime(frame, ns=(made, made))
    # All that shows without reading it is right.
    encode(job)
    status, said = told("clean", job, "--yes")
    assert (status, "000003.png: is not the PNG that was packed" in said) == (0, True), said
    assert frame.read_bytes() == other and (job / "frames.mkv").exists()
    frame.unlink()
    assert told("clean", job, "--yes")[0] == 0
    assert names(job) == STAYS


@pytest.mark.soak
def test_a_tar_that_a_killed_packer_has_left_goes_and_is_compared(tmp_path: Path) -> None:
    job = tmp_path / "job"
    save_frames_as_png(moving_square(40, 32, 48), job, container="tar")
    encode(job)
    stopped_at(3, pack_job, job)
    assert names(job) == STAYS | {"frames.tar", "frames.json", "frames.mkv"}
    assert not encode(job).made
    status, said = told("clean", job, "--yes")
    assert (status, "frames.tar is not one of the frames" in said) == (0, True), said
    pack_job(JobPaths.of(job), context())
    assert names(job) == STAYS | {"frames.json", "frames.mkv"}
