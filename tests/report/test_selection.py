"""What `status` and `log` show when they are asked for less than everything."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daddy_encode.cli.main import group
from daddy_encode.encoding.receipts import record_failure
from daddy_encode.errors import DaddyEncodeError, FrameError, SettingsError
from daddy_encode.report.selection import is_named, parse_since
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import run_command
from tests.service.spools import write_job

NOW = datetime(2026, 11, 25, 14, 30)


def local(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", local("2026-11-25 14:28:30")),
        ("2h", local("2026-11-25 12:30:00")),
        ("1d12h30m", local("2026-11-24 02:00:00")),
        ("0.5d", local("2026-11-25 02:30:00")),
        ("1w", local("2026-11-18 14:30:00")),
        ("today", local("2026-11-25 00:00:00")),
        ("yesterday", local("2026-11-24 00:00:00")),
        ("09:05", local("2026-11-25 09:05:00")),
        ("2026-03-01", local("2026-03-01 00:00:00")),
        ("2026-03-01 09:05", local("2026-03-01 09:05:00")),
        ("2026-03-01T09:05:07", local("2026-03-01 09:05:07")),
        ("1970-01-02T00:00Z", 86_400),
        ("1970-01-02T02:00:00+02:00", 86_400),
    ],
)
def test_a_time_is_a_duration_or_a_date(text: str, moment: float) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["", "2", "2 h", "h", "2y", "-2h", "2026-13-01", "2026-1-1", "25:00", "0001-01-01", "now"]
)
def test_what_is_no_time_is_an_error_that_says_what_is(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--since .* is not a time: give a duration such as 90m"):
        parse_since(text, NOW)


def test_a_pattern_names_a_job_or_a_directory_that_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "spool"
    job = root / "run-17" / "eval" / "episode-0003"
    for pattern in (
        *(
            "episode-0003",
            "run-17",
            "run-17/",
            "eval/episode-*",
            "run-17/*",
            "run-*/episode-0003",
            "*3",
            "spool/run-17",
        ),
        *(str(job), f"{root}/run-*", "run-17/eval/episode-000[1-3]"),
    ):
        assert is_named(job, root, pattern), pattern
    for pattern in ("run-1", "episode", "17", "eval/3", "RUN-17", str(root / "run-1"), tmp_path.name, "", "run-17*3/x"):
        assert not is_named(job, root, pattern), pattern
    assert not is_named(root.parent / "other" / "job", root, "job"), "whatever a receipt says of itself"
    # What a shell makes of ./* in the directory.
    monkeypatch.chdir(root.parent)
    root.mkdir()
    os.chdir(root)
    assert is_named(job, root, "./run-17") and not is_named(job, root, "./run-18")


DAY = 86_400


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four jobs: one was encoded five days ago, one four, one failed yesterday, one was written ten days ago."""
    spool = tmp_path_factory.mktemp("selected") / "spool"
    now = time.time()
    for job, days in (("run-1/a", 5), ("run-1/b", 4), ("run-2/a", 1), ("run-2/b", None)):
        directory = write_job(spool / job)
        os.utime(directory, (now - 10 * DAY, now - 10 * DAY))
        receipt = directory.with_name(f"{directory.name}.receipt.json")
        if job == "run-2/a":
            error = FrameError(f"{directory}: is no good")
            record_failure(JobPaths.of(directory), error, context(), directory.stat().st_mtime_ns)
        elif days is not None:
            encode(directory)
        if days is not None:
            receipt.write_text(json.dumps({**json.loads(receipt.read_text()), "finished": now - days * DAY}))
    return spool


def ask(*arguments: str | Path) -> Result:
    told = CliRunner().invoke(group, [str(argument) for argument in arguments])
    assert told.exception is None or isinstance(told.exception, SystemExit | DaddyEncodeError), told.exception
    return told


def logged(spool: Path, *arguments: str) -> list[str]:
    rows = [json.loads(line) for line in ask("log", spool, "--json", *arguments).stdout.splitlines()]
    table = csv.DictReader(io.StringIO(ask("log", spool, "--csv", *arguments).stdout))
    assert [row["path"] for row in rows] == [row["path"] for row in table]
    assert len(rows) == len(ask("log", spool, *arguments).stdout.splitlines())
    return [str(Path(row["path"]).relative_to(spool)) for row in rows]


def shown(spool: Path, *arguments: str) -> list[str]:
    jobs = [json.loads(line)["job"] for line in ask("status", spool, "--json", *arguments).stdout.splitlines()]
    summary, *rows = ask("status", spool, *arguments).stdout.splitlines()
    assert summary.startswith(f"{len(jobs)} of 4 jobs" if arguments else "4 jobs")
    assert sorted(row.split("\t")[3] for row in rows[1:]) == jobs
    return [job.removeprefix("spool/") for job in jobs]


@pytest.mark.parametrize(
    ("arguments", "videos", "jobs"),
    [
        ([], ["run-1/a.mp4", "run-1/b.mp4", "run-2/a"], ["run-1/a", "run-1/b", "run-2/a", "run-2/b"]),
        (["--failed"], ["run-2/a"], ["run-2/a"]),
        (["--since", "108h"], ["run-1/b.mp4", "run-2/a"], ["run-1/b", "run-2/a"]),
        (["--last", "2"], ["run-1/b.mp4", "run-2/a"], ["run-1/b", "run-2/a"]),
        (["--last", "9"], ["run-1/a.mp4", "run-1/b.mp4", "run-2/a"], ["run-1/a", "run-1/b", "run-2/a", "run-2/b"]),
        (["run-1"], ["run-1/a.mp4", "run-1/b.mp4"], ["run-1/a", "run-1/b"]),
        (["run-*/b"], ["run-1/b.mp4"], ["run-1/b", "run-2/b"]),
        (["run-2/a", "run-1/a"], ["run-1/a.mp4", "run-2/a"], ["run-1/a", "run-2/a"]),
        # All at once; the last ones of what the others leave.
        (["a", "--last", "1"], ["run-2/a"], ["run-2/a"]),
        (["run-1", "--last", "1"], ["run-1/b.mp4"], ["run-1/b"]),
        (["run-1", "--failed"], [], []),
        (["--since", "3d", "--failed", "run-2"], ["run-2/a"], ["run-2/a"]),
    ],
)
def test_both_commands_show_what_is_asked_for(
    spool: Path, arguments: list[str], videos: list[str], jobs: list[str]
) -> None:
    assert logged(spool, *arguments) == videos
    assert shown(spool, *arguments) == jobs


def test_one_of_several_sequences_is_named_by_its_directory_and_by_its_video(tmp_path: Path) -> None:
    cameras = write_job(tmp_path / "spool" / "cams")
    (cameras / "manifest.json").unlink()
    for frame in list(cameras.iterdir()):
        shutil.copy(frame, frame.with_name(f"left_{frame.name}"))
        frame.rename(frame.with_name(f"right_{frame.name}"))
    assert run_command("encode", cameras, "--split").returncode == 0
    left, right = "spool/cams/left_*.png", "spool/cams/right_*.png"
    for name, jobs in (
        ("cams", [left, right]),
        ("cams/left_*", [left]),
        ("cams.right", [right]),
        ("spool", [left, right]),
    ):
        told = ask("status", tmp_path / "spool", "--json", name).stdout.splitlines()
        assert [json.loads(line)["job"] for line in told] == jobs, name
        rows = [json.loads(line) for line in ask("log", tmp_path / "spool", "--json", name).stdout.splitlines()]
        assert sorted(os.path.relpath(row["job"], tmp_path) for row in rows) == jobs, name
    (row,) = ask("log", tmp_path / "spool", "cams.left.mp4").stdout.splitlines()
    assert row.split("; ")[0].endswith("/spool/cams.left.mp4")


def test_that_nothing_was_found_is_said_and_is_no_error(spool: Path) -> None:
    told = ask("log", spool, "run-3")
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr == "none of 3 videos and failures is one that was asked for\n"
    assert ask("status", spool, "run-3").stdout == "0 of 4 jobs\n"


def test_wrong_usage_has_status_2_and_a_line_that_helps(spool: Path) -> None:
    for command in ("log", "status"):
        told = run_command(command, spool, "--since", "2 hours")
        assert told.returncode == 2
        assert told.stderr.startswith("Error: --since '2 hours' is not a time: give a duration such as 90m")
    told = run_command("status", spool, "--watch")
    assert told.returncode == 2
    assert "--watch redraws a terminal" in told.stderr


def test_what_a_video_lacks_is_in_both(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    (job / "000002.png").unlink()
    encode(job, gaps="hold")
    broken = write_job(tmp_path / "spool" / "other")
    encode(broken)
    # Failed as it is now: its frames were replaced.
    record_failure(JobPaths.of(broken), FrameError(f"{broken}: is no good"), context(), broken.stat().st_mtime_ns)
    video, kept, failure = (json.loads(line) for line in ask("log", tmp_path / "spool", "--json").stdout.splitlines())
    assert video["notes"] == "1 missing (the frame before each is repeated)"
    assert (kept["notes"], kept["path"], failure["type"]) == ("", f"{broken}.mp4", "FAILED")
    line, *_ = ask("log", tmp_path / "spool").stdout.splitlines()
    assert line.endswith("/job.mp4; 1 missing (the frame before each is repeated)")
    *_, failed, done = (line.split("\t") for line in ask("status", tmp_path / "spool").stdout.splitlines())
    assert failed[4] == "is no good; its mp4 is there"
    assert done[4] == "mp4 (1 frame lost)"
