"""`daddy-encode status` and `log`: what people and programs read of a spool, on which they may not write."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.report.status import StatusRow, status_lines
from tests.conftest import Require
from tests.media import run_command
from tests.service.spools import Encoder, ffmpegs_below, temporary_files, write_job, write_long_job


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job in each state but claimed and abandoned. All tests read it, and none writes."""
    spool = tmp_path_factory.mktemp("states") / "spool"
    for index, name in enumerate(["done", "failed one", "partly done", "gone"]):
        write_job(spool / "run" / name, index)
    (spool / "run" / "failed one" / "000002.png").write_bytes(b"")
    run_command("encode", spool, "--video", "both")
    write_job(spool / "run" / "ready")
    (write_job(spool / "run" / "writing") / "manifest.json").unlink()
    (write_job(spool / "run" / "waiting") / "000003.png").unlink()
    (write_job(spool / "run" / "bad manifest") / "manifest.json").write_text("{")
    (spool / "run" / "partly done.gif").unlink()
    shutil.rmtree(spool / "run" / "gone")
    return spool


def test_the_table_says_what_needs_somebody_first(spool: Path) -> None:
    told = run_command("status", spool, env={**os.environ, "COLUMNS": "80"})
    assert told.returncode == 0
    table = re.sub(r" {4,6}\d+[smh]  ", "  AGE  ", told.stdout)
    assert (
        table
        == """\
7 jobs, 1 failed, 1 waiting, 3 ready, 1 writing, 1 done
STATE      FRAMES    AGE  JOB
failed          5  AGE  spool/run/failed one
            000002.png: is empty; write it again
waiting         3  AGE  spool/run/waiting  its manifest promises 4 frames
ready           6  AGE  spool/run/partly done
ready           4  AGE  spool/run/ready
ready           4  AGE  spool/run/bad manifest
            manifest.json: not a valid manifest: Expecting property name
            enclosed in double quotes: line 1 column 2 (char 1)
writing         4  AGE  spool/run/writing
done            4  AGE  spool/run/done  mp4+gif
"""
    )


def test_rows_are_valid_json_for_programs(spool: Path) -> None:
    rows = [json.loads(line) for line in run_command("status", spool, "--json").stdout.splitlines()]
    assert {row["job"]: row["state"] for row in rows}["spool/run/waiting"] == "waiting"
    assert set(rows[0]) == {"state", "job", "frames", "age", "note"}
    assert len(rows) == 7


def test_a_claimed_job_is_shown_with_its_holder_and_a_stopped_holder_as_silent(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    write_long_job(spool / "job")
    with Encoder("watch", spool, "--preset", "placebo", "--lease", "1") as watcher:
        watcher.until(lambda: ffmpegs_below(watcher.pid), "an ffmpeg")
        os.kill(watcher.pid, signal.SIGSTOP)
        told = run_command("status", spool)
        assert re.search(rf"claimed +250 +\d+s  spool/job\n? +\S+, process {watcher.pid}\n", told.stdout)
        watcher.until(lambda: "silent for" in run_command("status", spool).stdout, "a sign of no life")
        os.kill(watcher.pid, signal.SIGCONT)
        assert watcher.stop() == 0
    assert temporary_files(spool) == []


def test_hundreds_of_jobs_stay_readable(tmp_path: Path) -> None:
    rows = [StatusRow("done", f"run/episode-{i:04d}", 100, float(i), "mp4") for i in range(500)]
    rows.insert(250, StatusRow("failed", "x" * 200, 7, 9e5, "why " * 60))
    lines = list(status_lines(rows, 80))
    assert lines[0] == "501 jobs, 1 failed, 500 done"
    assert lines[2].startswith("failed          7    10d  …xxx")
    assert max(map(len, lines)) <= 80
    assert lines[-2].endswith("run/episode-0009  mp4")
    assert lines[-1].endswith("… and 490 more; --all shows them")
    assert len(list(status_lines(rows, 80, every=True))) == len(lines) + 489


def test_status_fits_a_terminal_of_80_columns(spool: Path, tmp_path: Path, require_program: Require) -> None:
    socket = tmp_path / "tmux"
    command = f"{sys.executable} -m daddy_encode status {spool}; tmux -S {socket} wait-for -S shown; sleep 100"
    tmux = [require_program("tmux", "tmux"), "-S", str(socket), "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "40", command], check=True)
    try:
        subprocess.run([*tmux, "wait-for", "shown"], check=True, timeout=60)
        screen = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)
    plain = run_command("status", spool, env={**os.environ, "COLUMNS": "80"}).stdout
    # Nothing was wrapped by the terminal.
    ages = re.compile(r" +\d+[smh]  ")
    assert ages.sub(" ", screen).rstrip() == ages.sub(" ", plain).rstrip()


def test_log_has_the_six_values_of_every_video_and_the_failures(spool: Path) -> None:
    rows = [json.loads(line) for line in run_command("log", spool, "--json").stdout.splitlines()]
    videos = {Path(row["path"]).name: row for row in rows if row["error"] is None}
    assert sorted(videos) == sorted(
        f"{name}.{kind}" for name in ("done", "gone", "partly done") for kind in ("mp4", "gif")
    )
    for name, row in videos.items():
        assert set(row) >= {"path", "frames", "fps", "encode_seconds", "bytes", "type"}
        assert (row["type"], row["format"]) == ("Both", name[-3:])
        assert row["frames"] > 0 and row["fps"] in (15, 30) and row["encode_seconds"] > 0 and row["bytes"] > 0
    (failure,) = (row for row in rows if row["error"] is not None)
    assert failure["path"] == str(spool / "run" / "failed one")
    assert failure["frames"] is None
    assert [row["finished"] for row in rows] == sorted(row["finished"] for row in rows)


def test_log_as_csv_and_as_lines_says_the_same(spool: Path) -> None:
    rows = [json.loads(line) for line in run_command("log", spool, "--json").stdout.splitlines()]
    table = list(csv.DictReader(io.StringIO(run_command("log", spool, "--csv").stdout)))
    assert [row["path"] for row in table] == [row["path"] for row in rows]
    assert [row["bytes"] for row in table] == [str(row["bytes"] or "") for row in rows]
    lines = run_command("log", spool, cwd=spool).stdout.splitlines()
    assert len(lines) == len(rows)
    assert any(
        re.fullmatch(r"\S+ \S+  Both +4 frames +30 fps +\d+\.\d\d s +[\d.]+ kB  run/done\.mp4", x) for x in lines
    )
    assert any("FAILED  run/failed one: " in line for line in lines)


def test_log_shows_paths_as_the_root_was_given(spool: Path) -> None:
    told = run_command("log", spool.name, "--json", cwd=spool.parent)
    paths = {json.loads(line)["path"] for line in told.stdout.splitlines()}
    assert "spool/run/done.mp4" in paths
    assert all(path.startswith("spool/run/") for path in paths)


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
def test_neither_needs_write_permission(spool: Path, command: str, nobody: list[str]) -> None:
    before = sorted(map(str, spool.rglob("*")))
    subprocess.run(["chmod", "-R", "a-w,a+rX", str(spool)], check=True)
    for folder in (spool.parent, *spool.parent.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    told = subprocess.run([*nobody, command, str(spool)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    # Ages go on meanwhile.
    assert re.sub(r" +\d+s ", " ", told.stdout) == re.sub(r" +\d+s ", " ", run_command(command, spool).stdout)
    assert sorted(map(str, spool.rglob("*"))) == before


def test_a_root_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    for command in ("status", "log"):
        told = run_command(command, tmp_path / "nowhere")
        assert told.returncode == 1
        assert "nowhere: " in told.stderr and "Traceback" not in told.stderr
    assert run_command("status", tmp_path).stdout == "0 jobs\n"
