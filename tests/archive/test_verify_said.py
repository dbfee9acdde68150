"""What `verify` says where a video cannot be judged, nothing can make it anew, or its job failed or was renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.output import make_outputs
from tests.archive.commands import told
from tests.archive.jobs import alone, beside, faults, output
from tests.jobs import encode
from tests.media import moving_square, noise

soak = pytest.mark.soak
PUT_BACK = "; its frames are not there to make it anew: put it back"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """One that was encoded, in a folder of its own."""
    save_frames_as_png(moving_square(6), tmp_path / "spool" / "job")
    encode(tmp_path / "spool" / "job")
    return tmp_path / "spool" / "job"


def cleaned(job: Path) -> Path:
    status, said = told("clean", job.parent, "--yes")
    assert status == 0, said
    assert not list(job.glob("*.png")) and (job / "manifest.json").exists()
    return job


def test_a_full_disk_for_temporary_files_is_no_fault_of_a_video(
    job: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(2**16))
    status, said = told("verify", "--against-frames", job.parent)
    cannot = f"{output(job, 'mp4')}: cannot be judged now: {small_disk}, which TMPDIR names, is full: free space there"
    assert status == 1
    assert cannot in said and "encode --force" not in said
    assert "1 video of 1 job verified, 0 faults, 1 not judged" in said
    status, said = told("verify", "--against-frames", "--json", "-q", job.parent)
    (record,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (status, record["ok"], record["faults"]) == (1, False, [])
    assert record["unjudged"].startswith(f"{small_disk}, which TMPDIR names, is full")
    status, said = told("clean", job.parent, "--yes")
    assert cannot in said
    assert len(list(job.glob("*.png"))) == 6, "clean keeps the frames"
    filler.unlink()
    result = beside(job)
    assert (faults(result), result.proof is not None) == ("", True)
    assert list(small_disk.iterdir()) == []


@soak
def test_no_file_has_a_name_while_a_video_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a kill leaves nothing; of a GIF neither."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    job = tmp_path / "spool" / "job"
    save_frames_as_png(noise(4, 48, 64), job)
    encode(job, video="both")
    seen: list[list[str]] = []

    def made(ffmpeg: Any, source: Any, plan: Any, targets: Any, limits: Any) -> object:
        found = make_outputs(ffmpeg, source, plan, targets, limits)
        seen.append(os.listdir(place))
        return found

    monkeypatch.setattr("daddy_encode.encoding.decoding.anew.make_outputs", made)
    assert faults(beside(job)) == ""
    assert seen == [[], []]
    place.rmdir()
    assert "cannot be judged now: it cannot be made anew in" in faults(beside(job))


def gone(job: Path) -> None:
    cleaned(job)
    shutil.rmtree(job)


@soak
@pytest.mark.parametrize("remove", [cleaned, gone, shutil.rmtree])
def test_a_lost_video_without_frames_has_to_be_put_back(job: Path, remove: Callable[[Path], object]) -> None:
    remove(job)
    video = output(job, "mp4")
    video.write_bytes(b"")
    for result in (alone(job), beside(job)):
        assert f"{video}: has 0 bytes" in faults(result)
        assert all(line.endswith(PUT_BACK) for line in result.lines())
    video.unlink()
    for result in (alone(job), beside(job)):
        assert faults(result) == f"{video}: is not there{PUT_BACK}"


@soak
def test_a_lost_video_with_frames_is_made_anew(job: Path) -> None:
    output(job, "mp4").unlink()
    for result in (alone(job), beside(job)):
        assert faults(result).endswith("is not there; `daddy-encode encode --force` makes it anew")


def rename(job: Path, name: str) -> Path:
    other = job.with_name(name)
    for path in [*job.parent.iterdir()]:
        if path.name == job.name or path.name.startswith(f"{job.name}."):
            path.rename(path.with_name(path.name.replace(job.name, name, 1)))
    return other


@soak
def test_a_cleaned_job_that_was_renamed_is_right(job: Path) -> None:
    other = rename(cleaned(job), "renamed")
    assert (faults(alone(other)), faults(beside(other))) == ("", "")
    assert told("verify", "--against-frames", other.parent)[0] == 0
    status, said = told("encode", other.parent)
    assert status == 0, said
    (other / "manifest.json").write_text((other / "manifest.json").read_text().replace("{", "{ ", 1))
    for result in (alone(other), beside(other)):
        assert "is the receipt of the job job, and nothing that is left here is that job's; bring back" in faults(
            result
        )


@soak
@pytest.mark.parametrize("stored", ["png", "frames.mkv"])
def test_a_job_that_failed_has_no_fault(tmp_path: Path, stored: str) -> None:
    job = tmp_path / "spool" / "bad"
    save_frames_as_png(moving_square(6), job)
    if stored == "png":
        (job / "000003.png").write_bytes((job / "000003.png").read_bytes()[:100])
    else:
        assert told("pack", job)[0] == 0
        data = (job / stored).read_bytes()
        (job / stored).write_bytes(data[: len(data) // 2])
    assert told("encode", job.parent)[0] == 1
    for options in ([], ["--against-frames"]):
        status, said = told("verify", *options, job.parent)
        assert (status, "0 videos of 1 job verified, 0 faults" in said) == (0, True), said
        assert "bad.receipt.json: has no video: the job failed: " in said


@soak
def test_a_job_that_failed_later_says_that_its_videos_cannot_be_made_anew(job: Path) -> None:
    (job / "000003.png").write_bytes((job / "000003.png").read_bytes()[:100])
    assert told("encode", job.parent)[0] == 1
    said = faults(beside(job))
    assert "its frames, or its manifest, are not those of job.receipt.json; to encode them has failed: " in said
    assert "anew" not in said


def test_packed_pixels_that_are_not_those_that_were_packed_are_found(tmp_path: Path) -> None:
    """Of another file, of which the record has size and digest."""
    spool = tmp_path / "spool"
    frames = moving_square(6)
    changed = frames.copy()
    changed[2, 3, 4] ^= 1
    for name, pixels in (("job", frames), ("other", changed)):
        save_frames_as_png(pixels, spool / name)
    assert told("pack", spool)[0] == 0
    data = (spool / "other" / "frames.mkv").read_bytes()
    (spool / "job" / "frames.mkv").write_bytes(data)
    path = spool / "job" / "frames.json"
    record = json.loads(path.read_text())
    record.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    path.write_text(json.dumps(record))
    encode(spool / "job")
    encode(spool / "other")
    assert faults(beside(spool / "other")) == ""
    assert "frames.mkv: its frames are not those that were packed, as frames.json says" in faults(beside(spool / "job"))
