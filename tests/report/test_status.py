"""The status table: readable in 80 columns, whatever is in the spool."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from daddy_encode.report.status import StatusRow, rollout_note, status_lines
from tests.conftest import Require
from tests.media import run_command


def test_the_table_says_what_needs_attention_first(states: Path) -> None:
    told = run_command("status", states, env={**os.environ, "COLUMNS": "80"})
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


def test_status_fits_a_terminal_of_80_columns(states: Path, tmp_path: Path, require_program: Require) -> None:
    socket = tmp_path / "tmux"
    command = f"{sys.executable} -m daddy_encode status {states}; tmux -S {socket} wait-for -S shown; sleep 100"
    tmux = [require_program("tmux", "tmux"), "-S", str(socket), "-f", "/dev/null"]
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "40", command], check=True)
    try:
        subprocess.run([*tmux, "wait-for", "shown"], check=True, timeout=60)
        screen = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)
    plain = run_command("status", states, env={**os.environ, "COLUMNS": "80"}).stdout
    # Nothing was wrapped by the terminal.
    ages = re.compile(r" +\d+[smh]  ")
    assert ages.sub(" ", screen).rstrip() == ages.sub(" ", plain).rstrip()


def test_the_note_on_a_dump_says_what_squeue_says_of_its_rollout() -> None:
    assert rollout_note("17", {"17": "RUNNING"}) == "by Slurm job 17, running"
    ended = "its rollout, Slurm job 17, has ended: encode --salvage takes what is there"
    assert rollout_note("17", {"18": "RUNNING"}) == ended
    assert rollout_note("17", None) == "by Slurm job 17; squeue does not say whether it still runs"
