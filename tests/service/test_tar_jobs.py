"""Looking for jobs whose frames are in a `frames.tar`: they are found, counted, watched and shown as others are."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.state import State
from daddy_encode.spool.walk import list_directory
from tests.encoding.stored.tars import add, into_tar
from tests.jobs import encode
from tests.media import moving_square, noise, run_command
from tests.service.test_scanner import ScannerAt, Trace, system_calls

__all__ = ["system_calls"]


def write(job: Path, frames: int = 5) -> Path:
    save_frames_as_png(moving_square(frames), job, container="tar")
    return job


def appended(job: Path) -> None:
    """One more frame at the end, as its rollout does it: nothing in the directory changes but that file."""
    data = (job / "frames.tar").read_bytes()
    with tarfile.open(job / "frames.tar", "a") as archive:
        add(archive, f"{list_directory(job).frames:06d}.png", data[512:2000])
    # A file system may keep whole seconds, and this was quick.
    later = (job / "frames.tar").stat().st_mtime + 2
    os.utime(job / "frames.tar", (later, later))


def test_a_job_is_ready_with_its_manifest_and_done_with_its_receipt(tmp_path: Path) -> None:
    scanner = ScannerAt(tmp_path)
    job = write(tmp_path / "job")
    manifest = (job / "manifest.json").read_bytes()
    (job / "manifest.json").unlink()
    assert scanner.ready() == []
    assert scanner.states() == {State.WRITING: 1}
    (job / "manifest.json").write_text(json.dumps({**json.loads(manifest), "frames": 6}))
    assert scanner.ready() == []
    assert scanner.states() == {State.WAITING: 1}
    (job / "manifest.json").write_bytes(manifest)
    assert scanner.ready() == ["job"]
    encode(job)
    later = ScannerAt(tmp_path)
    assert later.ready() == []
    assert later.states() == {State.DONE: 1}


def test_a_job_whose_archive_still_grows_has_not_settled_and_a_done_one_is_encoded_anew(tmp_path: Path) -> None:
    job = write(tmp_path / "job")
    (job / "manifest.json").unlink()
    scanner = ScannerAt(tmp_path, settle=60)
    assert scanner.ready() == scanner.ready(59) == []
    appended(job)
    assert scanner.ready(2) == []
    assert scanner.ready(58) == []
    assert scanner.ready(2) == ["job"]
    encode(job, gaps="hold")
    scanner = ScannerAt(tmp_path, settle=60)
    assert scanner.ready() == scanner.ready(100) == []
    assert scanner.states() == {State.DONE: 1}
    appended(job)
    assert scanner.ready() == []
    assert scanner.ready(60) == ["job"]


def test_a_failed_job_is_left_alone_until_its_archive_is_another(tmp_path: Path) -> None:
    job = write(tmp_path / "job")
    good = (job / "frames.tar").read_bytes()
    (job / "frames.tar").write_bytes(b"7" * 5000)
    assert run_command("encode", tmp_path).returncode == 1
    receipt = json.loads((tmp_path / "job.receipt.json").read_text())
    assert re.search(r"frames\.tar: what follows its beginning has a wrong checksum", receipt["error"])
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == scanner.ready() == []
    assert scanner.states() == {State.FAILED: 1}
    status = run_command("status", tmp_path).stdout
    assert re.search(r"failed\t1\t.*\tframes\.tar: what follows its beginning", status), status
    (job / "frames.tar").write_bytes(good)
    assert scanner.ready() == ["job"]


@pytest.mark.soak
def test_a_scan_of_finished_jobs_reads_no_archive(tmp_path: Path, system_calls: Trace) -> None:
    for index in range(3):
        encode(write(tmp_path / "spool" / f"job-{index}"))
    program = (
        "clock = iter(range(0, 10**9, 10))\n"
        "scanner = Scanner(Path(sys.argv[1]), make_settings(), clock=lambda: next(clock))\n"
        "scanner.scan(), scanner.scan()\n"
        "os.access('/begin', os.F_OK)\n"
        "assert scanner.scan() == [] and scanner.counts().total() == 3\n"
        "os.access('/end', os.F_OK)\n"
    )
    trace = system_calls(program, tmp_path / "spool")
    (scan,) = re.findall(r'"/begin".*?\n(.*?)\n[^\n]*"/end"', trace, re.DOTALL)
    calls = [call for call in scan.splitlines() if "job-" in call]
    assert len(calls) == 6, "the time of each directory, and of each archive"
    assert not any("open" in call for call in calls)


def test_sequences_in_an_archive_are_jobs_with_split(tmp_path: Path) -> None:
    save_frames_as_png(noise(3), tmp_path / "one")
    pngs = [path.read_bytes() for path in sorted((tmp_path / "one").glob("*.png"))]
    job = tmp_path / "spool" / "job"
    job.mkdir(parents=True)
    with tarfile.open(job / "frames.tar", "w") as archive:
        for camera in ("left", "right"):
            for index, data in enumerate(pngs):
                add(archive, f"{camera}_{index}.png", data)
    refused = run_command("encode", job)
    assert refused.returncode == 1
    assert "2 sequences of frames: left_*.png (3), right_*.png (3); --split makes a video of each" in refused.stderr
    assert run_command("encode", "--split", job).returncode == 0
    assert sorted(path.name for path in job.parent.glob("*.mp4")) == ["job.left.mp4", "job.right.mp4"]
    assert [found.frames for found in find_all_jobs([job.parent], salvage=True).jobs] == [3, 3]
    assert "left_*.png" in run_command("log", job.parent, "--json").stdout


def test_frames_are_counted_from_the_end_however_they_are_written(tmp_path: Path) -> None:
    job = tmp_path / "job"
    with FrameWriter(job, container="tar", processes=False) as writer:
        for index, frame in enumerate(noise(30, 200, 300)):
            writer.write(frame)
            assert list_directory(job).frames <= index + 1
    assert list_directory(job).frames == 30
    size = (job / "frames.tar").stat().st_size
    os.truncate(job / "frames.tar", size - 2000)
    assert list_directory(job).frames == 29
    foreign = tmp_path / "foreign"
    save_frames_as_png(noise(7), foreign)

    def make(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
        for name, data in frames.items():
            add(archive, f"./{name}", data)

    into_tar(foreign, make)
    assert list_directory(foreign).frames == 7
    (foreign / "frames.tar").write_bytes(b"")
    assert (list_directory(foreign).frames, list_directory(foreign).stored) == (0, None)


def test_frames_are_counted_one_by_one_where_another_program_made_the_archive(tmp_path: Path) -> None:
    """It may lack any of them, however large it is."""
    save_frames_as_png(noise(40, 80, 100), tmp_path / "job")
    for index in (5, 6, 30):
        (tmp_path / "job" / f"{index:06}.png").unlink()

    def make(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
        for name, data in frames.items():
            add(archive, name, data, uname="somebody", mtime=1)

    assert into_tar(tmp_path / "job", make).stat().st_size > 2 * 256 * 1024
    assert list_directory(tmp_path / "job").frames == 37
