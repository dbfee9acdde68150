"""A file system that fails once in a while: strace makes real system calls fail, where the spool is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Require
from tests.jobs import encode
from tests.service.spools import assert_right, temporary_files, write_job

# Scans five times, 10 s apart by its clock, and prints what each found ready, and how many jobs it knows.
SCANS = """
import json, sys
from pathlib import Path
from daddy_encode.encoding.settings import make_settings
from daddy_encode.service.watcher.scanner import Scanner
clock = iter(range(0, 10**6, 10))
scanner = Scanner(Path(sys.argv[1]), make_settings(), clock=lambda: next(clock))
for _ in range(5):
    names = [attempt.paths.directory.name for attempt in scanner.scan()]
    print(json.dumps([names, scanner.counts()]))
"""


def failing(strace: str, path: Path, calls: str, error: str, when: str, command: list[str]) -> list[str]:
    """`command` with the calls of `when` that touch `path`, and those alone, failing with `error`."""
    inject = f"inject={calls}:error={error}:when={when}"
    return [strace, "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", f"trace={calls}", "-e", inject, *command]


@pytest.mark.parametrize(
    ("error", "what"),
    [
        ("EIO", "spool/run"),
        pytest.param("EIO", "spool", marks=pytest.mark.soak),
        pytest.param("EIO", "spool/run/new", marks=pytest.mark.soak),
        pytest.param("ESTALE", "spool/run", marks=pytest.mark.soak),
        pytest.param("ESTALE", "spool", marks=pytest.mark.soak),
        pytest.param("ESTALE", "spool/run/new", marks=pytest.mark.soak),
    ],
)
# All in the second scan: each makes two calls to list a directory, one to open it, one to ask for its time and one
# more for its status when it is open.
@pytest.mark.parametrize(
    ("calls", "when"),
    [
        ("getdents64", "3"),
        pytest.param("openat", "2", marks=pytest.mark.soak),
        pytest.param("newfstatat,stat,lstat,statx", "3", marks=pytest.mark.soak),
    ],
)
def test_one_call_that_fails_loses_nothing_and_encodes_nothing_twice(
    tmp_path: Path, require_program: Require, error: str, what: str, calls: str, when: str
) -> None:
    run = tmp_path / "spool" / "run"
    encode(write_job(run / "done"))
    write_job(run / "new")
    if what == "spool" and "stat" in calls:
        # That it is there is asked once more, before the first scan.
        when = str(int(when) + 1)
    program = [sys.executable, "-c", SCANS, str(tmp_path / "spool")]
    command = failing(require_program("strace", "strace"), tmp_path / what, calls, error, when, program)
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    scans = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(scans) == 5
    assert all(known == {"done": 1, "ready": 1} for _, known in scans), scans
    # A scan that could not see it does not offer it; the others do.
    assert [names for names, _ in scans].count(["new"]) == 4
    assert [names for names, _ in scans].count([]) == 1
    assert scans[-1][0] == ["new"]


@pytest.mark.soak
@pytest.mark.parametrize("error", ["EIO", pytest.param("ESTALE", marks=pytest.mark.soak)])
def test_a_watcher_whose_listings_fail_again_and_again_encodes_all_once(
    tmp_path: Path, require_program: Require, error: str
) -> None:
    spool = tmp_path / "spool"
    jobs = {write_job(spool / "run" / f"job-{index}", index): index for index in range(6)}
    program = [sys.executable, "-m", "daddy_encode", "watch", str(spool), "--interval", "0.2", "--idle-exit", "1"]
    strace = require_program("strace", "strace")
    # In each thread every third listing of the folder of all jobs.
    command = failing(strace, spool / "run", "getdents64", error, "3+3", program)
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "cannot be listed" in told.stderr
    assert "can be listed again" in told.stderr
    assert told.stderr.count("INFO saved ") == len(jobs)
    assert "ERROR" not in told.stderr
    assert_right(jobs)
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_a_watcher_with_once_that_could_not_list_all_exits_75(tmp_path: Path, require_program: Require) -> None:
    job = write_job(tmp_path / "spool" / "run" / "job")
    program = [sys.executable, "-m", "daddy_encode", "watch", str(tmp_path / "spool"), "--once"]
    command = failing(require_program("strace", "strace"), job.parent, "getdents64", "EIO", "1", program)
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == 75
    assert subprocess.run(program, capture_output=True, timeout=120, check=False).returncode == 0
    assert_right({job: 0})
