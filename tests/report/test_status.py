"""The status table: readable in 80 columns, whatever is in the spool."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.report.status import StatusRow, fitting, rollout_note, status_lines
from tests.conftest import Require
from tests.media import run_command
from tests.service.spools import until, write_job

TERMINAL = """\
8 jobs, 1 failed, 1 waiting, 3 ready, 1 writing, 2 done
STATE      FRAMES    AGE  JOB
failed          5  AGE  spool/run/failed one
            000002.png: is empty; write it again, or go on without it: --gaps
            hold repeats the frame before, --gaps skip leaves it out
waiting         3  AGE  spool/run/waiting  its manifest promises 4 frames
ready           6  AGE  spool/run/partly done
ready           4  AGE  spool/run/ready
ready           4  AGE  spool/run/bad manifest
            manifest.json: not a valid manifest: Expecting property name
            enclosed in double quotes: line 1 column 2 (char 1)
writing         4  AGE  spool/run/writing
done            0  AGE  spool/run/gone  mp4+gif (frames gone)
done            4  AGE  spool/run/done  mp4+gif
"""
PIPE = """\
8 jobs, 1 failed, 1 waiting, 3 ready, 1 writing, 2 done
STATE	FRAMES	AGE	JOB	NOTE
failed	5	AGE	spool/run/failed one	000002.png: is empty; write it again, or go on without it: \
--gaps hold repeats the frame before, --gaps skip leaves it out
waiting	3	AGE	spool/run/waiting	its manifest promises 4 frames
ready	6	AGE	spool/run/partly done
ready	4	AGE	spool/run/ready
ready	4	AGE	spool/run/bad manifest	manifest.json: not a valid manifest: Expecting property name \
enclosed in double quotes: line 1 column 2 (char 1)
writing	4	AGE	spool/run/writing
done	0	AGE	spool/run/gone	mp4+gif (frames gone)
done	4	AGE	spool/run/done	mp4+gif
"""


def test_elsewhere_than_in_a_terminal_each_job_is_one_line_and_nothing_is_cut(states: Path) -> None:
    told = run_command("status", states, env={**os.environ, "COLUMNS": "20"})
    assert told.returncode == 0
    assert re.sub(r"\t\d+[smh]\t", "\tAGE\t", told.stdout) == PIPE


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


@pytest.mark.parametrize("length", range(40, 70, 3))
def test_a_short_note_stays_beside_a_long_path(length: int) -> None:
    job = "/".join(["run", "e" * (length - 12), "ep-0007"])
    *_, line = status_lines([StatusRow("done", job, 100, 1.0, "mp4+gif")], 80)
    assert line.endswith("ep-0007  mp4+gif") and len(line) <= 80
    assert job in line or len(line) == 80


class Screen:
    """A context manager around a terminal of 80 columns in which `daddy-encode` runs; its exit status follows."""

    def __init__(self, tmux: str, folder: Path, *arguments: str | Path) -> None:
        command = shlex.join([sys.executable, "-m", "daddy_encode", *map(str, arguments)])
        self._tmux = [tmux, "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._command = f"{command}; echo ended with $?; exec sleep 1000"

    def __enter__(self) -> Screen:
        self.tell("new-session", "-d", "-x", "80", "-y", "40", self._command)
        return self

    def __exit__(self, *_: object) -> None:
        self.tell("kill-server")

    def tell(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout

    def until(self, words: str) -> str:
        """What is on the screen once `words` are, wherever a line of it ends."""
        until(lambda: words in " ".join(self.tell("capture-pane", "-p", "-J").split()), words)
        return self.tell("capture-pane", "-p")


@pytest.fixture
def tmux(require_program: Require) -> str:
    return require_program("tmux", "tmux")


def test_a_terminal_of_80_columns_shows_what_needs_attention_first(states: Path, tmp_path: Path, tmux: str) -> None:
    with Screen(tmux, tmp_path, "status", states) as screen:
        shown = screen.until("ended with 0")
    # Nothing was wrapped by the terminal.
    assert re.sub(r" {4,6}\d+[smh]  ", "  AGE  ", shown).rstrip() == f"{TERMINAL}ended with 0"


def test_watch_shows_it_again_until_ctrl_c(tmp_path: Path, tmux: str) -> None:
    spool = tmp_path / "spool"
    for name in "abc":
        write_job(spool / "run" / name)
    with Screen(tmux, tmp_path, "status", "--watch", spool) as screen:
        screen.until("3 jobs, 3 ready")
        (spool / "run").rename(tmp_path / "away")
        # Another size of the terminal is seen at once.
        screen.tell("resize-window", "-x", "78", "-y", "38")
        screen.until("0 jobs")
        write_job(spool / "run" / "another")
        screen.tell("resize-window", "-x", "80", "-y", "40")
        shown = screen.until("1 job, 1 ready")
        assert re.fullmatch(r"\d\d:\d\d:\d\d\n1 job, 1 ready\nSTATE .*\nready .* +spool/run/another\n+", shown)
        spool.rename(tmp_path / "gone")
        screen.tell("resize-window", "-x", "79", "-y", "39")
        screen.until("cannot be listed: No such file or")
        screen.tell("send-keys", "C-c")
        screen.until("ended with 0")


def test_more_lines_than_a_terminal_has_are_counted() -> None:
    lines = [f"line {index}" for index in range(30)]
    assert fitting(lines, 31) == lines
    assert fitting(lines, 24) == [*lines[:22], "… and 8 more lines; --failed, --last or a JOB show fewer"]


def test_the_note_on_a_dump_says_what_squeue_says_of_its_rollout() -> None:
    assert rollout_note("17", {"17": "RUNNING"}) == "by Slurm job 17, running"
    ended = "its rollout, Slurm job 17, has ended: encode --salvage takes what is there"
    assert rollout_note("17", {"18": "RUNNING"}) == ended
    assert rollout_note("17", None) == "by Slurm job 17; squeue does not say whether it still runs"
