"""`daddy-encode status` and `log`: what people and programs read of a spool, on which they may not write."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.media import run_command
from tests.service.spools import Encoder, ffmpegs_below, temporary_files, write_job, write_long_job
from tests.users import User


def test_rows_are_valid_json_for_programs(states: Path) -> None:
    rows = [json.loads(line) for line in run_command("status", states, "--json").stdout.splitlines()]
    assert {row["job"]: row["state"] for row in rows}["spool/run/waiting"] == "waiting"
    assert set(rows[0]) == {"state", "job", "frames", "age", "note"}
    assert {row["job"]: row["note"] for row in rows}["spool/run/gone"] == "mp4+gif (frames gone)"
    assert len(rows) == 8


def test_a_claimed_job_is_shown_with_its_holder_and_a_stopped_holder_as_silent(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    write_long_job(spool / "job")
    with Encoder("watch", spool, "--preset", "placebo", "--lease", "1") as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        os.kill(watcher.pid, signal.SIGSTOP)
        told = run_command("status", spool)
        assert re.search(rf"claimed\t250\t\d+s\tspool/job\t\S+, process {watcher.pid}\n", told.stdout)
        watcher.until(lambda: "silent for" in run_command("status", spool).stdout, "a sign of no life")
        os.kill(watcher.pid, signal.SIGCONT)
        assert watcher.stop() == 0
    assert temporary_files(spool) == []


def test_strange_names_and_foreign_receipts_break_nothing(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    write_job(spool / 'new\nline \x1b[31m, "quote"')
    write_job(Path(os.fsdecode(os.fsencode(spool) + b"/not-utf8-\xff")))
    assert run_command("encode", spool).returncode == 0
    (spool / "foreign.receipt.json").write_text('{"items": []}')
    (spool / "folder.receipt.json").mkdir()
    for arguments in (["status"], ["status", "--json"], ["log"], ["log", "--json"]):
        told = run_command(arguments[0], spool, *arguments[1:])
        assert told.returncode == 0, told.stderr
        assert "\x1b" not in told.stdout
        assert len(told.stdout.splitlines()) == 2 + 2 * (arguments == ["status"])
    told = run_command("log", spool, "--csv", errors="surrogateescape")
    assert len(list(csv.DictReader(io.StringIO(told.stdout)))) == 2


@pytest.mark.parametrize("command", ["status", "log"])
def test_neither_needs_write_permission(states: Path, command: str, nobody: User) -> None:
    before = sorted(map(str, states.rglob("*")))
    subprocess.run(["chmod", "-R", "a-w,a+rX", str(states)], check=True)
    told = nobody.run(command, states, reach=[states])
    assert (told.returncode, told.stderr) == (0, "")
    # Ages grow meanwhile.
    age = re.compile(r"\t\d+[smhd]\t")
    assert age.sub(" ", told.stdout) == age.sub(" ", run_command(command, states).stdout)
    assert sorted(map(str, states.rglob("*"))) == before


def test_a_root_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    for command in ("status", "log"):
        told = run_command(command, tmp_path / "nowhere")
        assert told.returncode == 1
        assert "nowhere: " in told.stderr and "Traceback" not in told.stderr
    assert run_command("status", tmp_path).stdout == "0 jobs\n"


def test_the_newest_of_many_done_jobs_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    # Of an age that is the same for both commands.
    written = write_job(spool / "job-00").stat().st_mtime - 5400
    os.utime(spool / "job-00", (written, written))
    assert run_command("encode", spool).returncode == 0
    status = (spool / "job-00").stat()
    for number in range(1, 25):
        copy = spool / f"job-{number:02d}"
        copy.mkdir()
        for path in (spool / "job-00").iterdir():
            os.link(path, copy / path.name)
        for suffix in (".mp4", ".receipt.json"):
            os.link(spool / f"job-00{suffix}", spool / f"job-{number:02d}{suffix}")
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    # A receipt is for the directory's time, unless an encoder sees that all else is as it was.
    for number in (3, 20):
        os.utime(spool / f"job-{number:02d}", (1e9, 1e9))
    assert run_command("encode", spool).returncode == 0
    told, every = (run_command("status", spool, *options).stdout.splitlines() for options in ([], ["--all"]))
    assert told[:2] == every[:2] == ["25 jobs, 25 done", "STATE\tFRAMES\tAGE\tJOB\tNOTE"]
    # Of equal ages, those that come first.
    assert [line.split("\t")[3][-2:] for line in told[2:-1]] == [f"{number:02d}" for number in (0, 1, 2, *range(4, 11))]
    assert told[2:-1] == every[2:12]
    assert told[-1] == "done\t\t\t… and 15 more; --all shows them"
    assert len(every) == 27
