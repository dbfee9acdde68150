"""Scanning again and again: what a scan finds, what it costs, what it remembers. Real directories, a clock of ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.frames.listing import listing_sha256
from daddy_encode.encoding.settings import make_settings
from daddy_encode.service.state import GRACE_SECONDS, State
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.conftest import Require
from tests.jobs import encode
from tests.media import moving_square, run_command
from tests.service.spools import write_job


class ScannerAt(Scanner):
    """A scanner at a time that the test sets."""

    def __init__(self, root: Path, output_dir: Path | None = None, settle: float | None = None) -> None:
        self.now = 1000.0
        super().__init__(root, make_settings(), output_dir, settle=settle, clock=lambda: self.now)

    def ready(self, later: float = 10.0) -> list[str]:
        """The names of the jobs that a scan finds ready, `later` seconds after the last."""
        self.now += later
        return [attempt.paths.directory.name for attempt in self.scan()]

    def states(self) -> dict[State, int]:
        return dict(self.counts())


def test_a_job_is_ready_once_its_manifest_is_there_and_done_once_its_receipt_is(tmp_path: Path) -> None:
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == []
    job = write_job(tmp_path / "run" / "job")
    manifest = (job / "manifest.json").read_bytes()
    (job / "manifest.json").unlink()
    assert scanner.ready() == []
    assert scanner.states() == {State.WRITING: 1}
    (job / "manifest.json").write_bytes(manifest)
    assert scanner.ready() == ["job"]
    encode(job)
    assert scanner.ready() == []
    assert scanner.states() == {State.DONE: 1}
    assert ScannerAt(tmp_path).ready() == [], "another watcher believes the receipt"


def test_the_oldest_job_comes_first(tmp_path: Path) -> None:
    for index, name in enumerate(["c", "a", "b"]):
        os.utime(write_job(tmp_path / name), (index, index))
    assert ScannerAt(tmp_path).ready() == ["c", "a", "b"]


def test_promised_frames_are_waited_for_and_then_reported_by_an_attempt(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    (job / "000003.png").rename(tmp_path / "late.png")
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == []
    assert scanner.ready(GRACE_SECONDS - 1) == []
    assert scanner.states() == {State.WAITING: 1}
    assert scanner.ready(1) == ["job"], "to be reported"
    (tmp_path / "late.png").rename(job / "000003.png")
    assert ScannerAt(tmp_path).ready() == ["job"]


def test_a_dump_without_a_manifest_is_settled_only_by_our_own_clock_and_only_when_asked_for(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    (job / "manifest.json").unlink()
    # As old as can be, by the file system's clock.
    os.utime(job, (0, 0))
    never, scanner = ScannerAt(tmp_path), ScannerAt(tmp_path, settle=60)
    assert never.ready() == never.ready(1e6) == []
    assert scanner.ready() == scanner.ready(59) == []
    (job / "000004.png").write_bytes((job / "000003.png").read_bytes())
    assert scanner.ready(2) == [], "it has changed"
    assert scanner.ready(58) == []
    assert scanner.ready(2) == ["job"]


def test_two_changes_with_one_coarse_time_are_both_seen(tmp_path: Path) -> None:
    # A file system that keeps whole seconds.
    job = write_job(tmp_path / "job")
    (job / "manifest.json").rename(tmp_path / "manifest")
    os.utime(job, (5000, 5000))
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == []
    (tmp_path / "manifest").rename(job / "manifest.json")
    os.utime(job, (5000, 5000))
    assert scanner.ready(1) == ["job"]


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_clocks_that_are_off_lose_nothing_and_encode_nothing_twice(tmp_path: Path, hours: int) -> None:
    job = write_job(tmp_path / "job")
    when = job.stat().st_mtime + hours * 3600
    for path in (*job.iterdir(), job):
        os.utime(path, (when, when))
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == ["job"]
    encode(job)
    assert encode(job).made == []
    assert ScannerAt(tmp_path).ready() == []


def test_an_empty_listing_or_an_error_loses_nothing(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    done, new = write_job(root / "done"), write_job(root / "new")
    encode(done)
    scanner = ScannerAt(root)
    assert scanner.ready() == ["new"]
    root.rename(tmp_path / "away")
    assert scanner.ready() == []
    assert scanner.states() == {State.DONE: 1, State.READY: 1}, "an error: what is known is kept"
    root.mkdir()
    assert scanner.ready() == []
    assert scanner.states() == {}, "an empty mount point: nothing is known"
    root.rmdir()
    (tmp_path / "away").rename(root)
    assert scanner.ready() == ["new"]
    assert new.exists()


def test_a_removed_video_a_touched_directory_and_a_second_dump_are_noticed(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    paths = JobPaths.of(job)
    encode(job)
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == []
    paths.output("mp4").unlink()
    assert scanner.ready() == ["job"]
    encode(job)
    scanner.record_done(paths, job.stat().st_mtime_ns)
    assert scanner.ready() == []
    (job / "notes.txt").write_text("")
    assert scanner.ready() == ["job"], "an attempt will find it done"
    scanner.record_done(paths, job.stat().st_mtime_ns)
    assert scanner.ready() == []
    before = job.stat().st_mtime_ns
    shutil.rmtree(job)
    write_job(job, 1)
    scanner.record_done(paths, before)
    assert scanner.ready() == ["job"], "what was found of the first dump is no word on the second"
    scanner.record_failed(paths, before)
    assert scanner.ready() == ["job"]


def test_a_failed_job_is_not_ready_until_it_changes_even_without_a_receipt(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == ["job"]
    scanner.record_failed(JobPaths.of(job), job.stat().st_mtime_ns)
    assert scanner.ready() == scanner.ready() == []
    assert scanner.states() == {State.FAILED: 1}
    manifest = job / "manifest.json"
    manifest.write_text(manifest.read_text().replace(": 30", ": 25"))
    assert scanner.ready() == ["job"], "its manifest was corrected in place"
    scanner.record_failed(JobPaths.of(job), job.stat().st_mtime_ns)
    assert scanner.ready() == []
    job.joinpath("000000.png").rename(job / "frame.tmp")
    job.joinpath("frame.tmp").rename(job / "000000.png")
    assert scanner.ready() == ["job"], "its frames have changed"


@pytest.mark.parametrize("has_receipt", [True, False], ids=["as its receipt says", "without a receipt"])
def test_a_failed_job_whose_frame_is_mended_in_place_is_ready_however_long_it_was_left_alone(
    tmp_path: Path, has_receipt: bool
) -> None:
    job = write_job(tmp_path / "job")
    good = (job / "000001.png").read_bytes()
    (job / "000001.png").write_bytes(b"")
    scanner = ScannerAt(tmp_path)
    if has_receipt:
        assert run_command("encode", job).returncode == 1
    else:
        assert scanner.ready() == ["job"]
        scanner.record_failed(JobPaths.of(job), job.stat().st_mtime_ns, listing_sha256(JobPaths.of(job)))
    assert [scanner.ready() for _ in range(4)] == [[]] * 4
    assert scanner.states() == {State.FAILED: 1}
    before = job.stat().st_mtime_ns
    (job / "000001.png").write_bytes(good)
    assert job.stat().st_mtime_ns == before
    assert scanner.ready() == ["job"]


def test_the_more_frames_a_failed_job_has_the_less_often_they_are_looked_at(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(300, 8, 8), tmp_path / "job")
    scanner = ScannerAt(tmp_path)
    assert scanner.ready() == ["job"]
    scanner.record_failed(JobPaths.of(tmp_path / "job"), None, listing_sha256(JobPaths.of(tmp_path / "job")))
    assert scanner.ready() == scanner.ready() == scanner.ready() == []
    os.utime(tmp_path / "job" / "000001.png", (0, 0))
    looks = [scanner.ready(later=0.5) == ["job"] for _ in range(8)]
    assert looks.index(True) == 5, "3 s after the last look, for 300 frames"


def test_a_job_that_another_encoder_has_finished_is_done_without_an_attempt(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    scanner = ScannerAt(tmp_path)
    with Claims(60).hold(JobPaths.of(job), lambda: None):
        assert scanner.ready() == scanner.ready() == ["job"], "its holder may be dead"
        assert scanner.states() == {State.CLAIMED: 1}
        encode(job)
    assert scanner.ready() == []
    assert scanner.states() == {State.DONE: 1}


def test_what_was_in_the_way_is_tried_again_each_time_after_twice_as_long_and_said_once(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    scanner = ScannerAt(tmp_path)
    pauses = []
    for attempt in range(9):
        assert scanner.ready(0 if attempt else 10) == ["job"]
        assert scanner.defer(JobPaths.of(job), "the disk is full", back_off=True) is (attempt == 0)
        pause = 0
        while not scanner.ready(1):
            pause += 1
        pauses.append(pause + 1)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert scanner.defer(JobPaths.of(job), "the disk is away", back_off=True), "another thing is in the way"


def test_removed_frames_leave_a_job_done_and_a_removed_job_is_forgotten(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    scanner = ScannerAt(tmp_path)
    for frame in job.glob("*.png"):
        frame.unlink()
    assert scanner.ready() == []
    assert scanner.states() == {State.DONE: 1}
    (job / "manifest.json").unlink()
    assert scanner.ready() == []
    assert scanner.states() == {}


def test_jobs_inside_jobs_and_a_root_that_is_a_job_are_found(tmp_path: Path) -> None:
    outer = write_job(tmp_path / "outer")
    write_job(outer / "deep" / "inner")
    scanner = ScannerAt(outer)
    assert sorted(scanner.ready()) == ["inner", "outer"]
    assert sorted(scanner.ready()) == ["inner", "outer"]


def test_a_tree_deeper_than_recursion_goes_is_scanned(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 1100)
    path = tmp_path
    for part in deep.relative_to(tmp_path).parts:
        path /= part
        path.mkdir()
    write_job(path / "job")
    assert ScannerAt(tmp_path).ready() == ["job"]
    # Too deep for shutil.rmtree, and so for pytest.
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_an_output_directory_is_looked_at_by_listings_too(tmp_path: Path) -> None:
    from daddy_encode.encoding.job import encode_job
    from tests.jobs import context

    spool, videos = tmp_path / "spool", tmp_path / "videos"
    job = write_job(spool / "run" / "job")
    scanner = ScannerAt(spool, videos)
    assert scanner.ready() == ["job"]
    paths = JobPaths.of(job, spool, videos)
    encode_job(paths, context())
    scanner.record_done(paths, job.stat().st_mtime_ns)
    assert scanner.ready() == ScannerAt(spool, videos).ready() == []
    paths.output("mp4").unlink()
    assert scanner.ready() == ["job"]


Trace = Callable[..., str]


@pytest.fixture
def system_calls(tmp_path: Path, require_program: Require) -> Trace:
    """Call with a program that knows `Scanner`, `make_settings`, `Path`, `os` and `sys`, and its arguments: the calls
    that it makes, a line each."""
    beginning = (
        "import os, sys; from pathlib import Path\n"
        "from daddy_encode.encoding.settings import make_settings\n"
        "from daddy_encode.service.watcher.scanner import Scanner\n"
    )
    strace = [require_program("strace", "strace"), "-f", "-o", str(tmp_path / "trace")]

    def run(program: str, *arguments: str | Path) -> str:
        subprocess.run([*strace, sys.executable, "-c", beginning + program, *map(str, arguments)], check=True)
        return (tmp_path / "trace").read_text()

    return run


@pytest.mark.soak
def test_a_scan_of_finished_jobs_makes_one_system_call_for_each(tmp_path: Path, system_calls: Trace) -> None:
    jobs = 100
    first = write_job(tmp_path / "spool" / "job-0")
    encode(first)
    for index in range(1, jobs):
        copy = tmp_path / "spool" / f"job-{index}"
        shutil.copytree(first, copy)
        for kind in ("mp4", "receipt.json"):
            shutil.copy2(f"{first}.{kind}", f"{copy}.{kind}")
    program = (
        "clock = iter(range(0, 10**9, 10))\n"
        "scanner = Scanner(Path(sys.argv[1]), make_settings(), clock=lambda: next(clock))\n"
        "scanner.scan(), scanner.scan()\n"
        "os.access('/begin', os.F_OK)\n"
        "assert scanner.scan() == [] and scanner.counts().total() == int(sys.argv[2])\n"
        "os.access('/end', os.F_OK)\n"
    )
    trace = system_calls(program, tmp_path / "spool", str(jobs))
    (scan,) = re.findall(r'"/begin".*?\n(.*?)\n[^\n]*"/end"', trace, re.DOTALL)
    calls = scan.splitlines()
    # Besides those six that list the spool, and perhaps a few for memory; a second listing would be five.
    others = [call for call in calls if "job-" not in call]
    assert jobs <= len(calls) <= jobs + 10, others
    assert not any(".png" in call or "manifest.json" in call for call in calls)


def test_frames_are_never_looked_at_while_a_job_is_written(tmp_path: Path, system_calls: Trace) -> None:
    save_frames_as_png(moving_square(30), tmp_path / "spool" / "job")
    (tmp_path / "spool" / "job" / "manifest.json").unlink()
    program = "scanner = Scanner(Path(sys.argv[1]), make_settings())\n[scanner.scan() for _ in range(3)]\n"
    assert ".png" not in system_calls(program, tmp_path / "spool")
