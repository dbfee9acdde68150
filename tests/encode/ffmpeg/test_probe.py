"""ffmpeg is tried out once, for what will be asked of it, before any job is claimed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.jobs import encode
from tests.media import run_command
from tests.stand_in import REAL, write_ffmpeg

ENCODER = """echo "[vost#0:0 @ 0x1] [error] Unknown encoder 'libx264'" >&2; exit 8"""
FILTER = """echo "[AVFilterGraph @ 0x1] [error] No such filter: 'paletteuse'" >&2; exit 8"""

ENCODE = ["encode"]
WATCH = ["watch", "--once"]


def crippled(path: Path, refused: str, then: str) -> dict[str, str]:
    """An environment with an ffmpeg that knows its version, but not what matches `refused`."""
    real = shlex.quote(REAL)
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *{refused}*) {real} -version >&2; {then} ;; esac\nexec {real} "$@"\n',
    )
    path.chmod(0o755)
    return {**os.environ, "IMAGEIO_FFMPEG_EXE": str(path)}


@pytest.mark.parametrize(
    ("command", "refused", "then", "video", "reason"),
    [
        (ENCODE, "libx264", ENCODER, [], "Unknown encoder 'libx264'"),
        (WATCH, "libx264", ENCODER, [], "Unknown encoder 'libx264'"),
        (ENCODE, "libx264", ENCODER, ["--video", "mp4"], "Unknown encoder 'libx264'"),
        (ENCODE, "paletteuse", FILTER, ["--video", "gif"], "No such filter: 'paletteuse'"),
        (WATCH, "paletteuse", FILTER, ["--video", "gif"], "No such filter: 'paletteuse'"),
        (ENCODE, "palettegen", "kill -9 $$", ["--video", "both"], "ended by signal 9"),
        (ENCODE, "mp4", "exit 0", [], "exit status 0"),
    ],
)
def test_an_ffmpeg_that_cannot_do_what_is_asked_is_one_line_and_exit_1_before_any_claim(
    tmp_path: Path, job: Path, command: list[str], refused: str, then: str, video: list[str], reason: str
) -> None:
    environment = crippled(tmp_path / "ffmpeg", refused, then)
    told = run_command(*command, job.parent, *video, env=environment)
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"Error: {tmp_path}/ffmpeg: ffmpeg ")
    assert reason in line and "name another in IMAGEIO_FFMPEG_EXE" in line
    assert os.listdir(job.parent) == [job.name], "not even a claim"


@pytest.mark.parametrize(
    ("refused", "then", "video"), [("libx264", ENCODER, "gif"), ("paletteuse", FILTER, "mp4")], ids=["gif", "mp4"]
)
def test_what_is_not_asked_of_it_it_need_not_be_able_to_do(
    tmp_path: Path, job: Path, refused: str, then: str, video: str
) -> None:
    environment = crippled(tmp_path / "ffmpeg", refused, then)
    told = run_command("encode", job.parent, "--video", video, env=environment)
    assert told.returncode == 0, told.stderr


def test_it_is_tried_out_in_one_run_and_not_at_all_where_all_is_done(tmp_path: Path, job: Path) -> None:
    log = tmp_path / "runs"
    path = write_ffmpeg(tmp_path / "ffmpeg", 'exec "$REAL" "$@"')
    path.write_text(path.read_text().replace("REAL=", f"echo run >> {log}\nREAL=", 1))
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(path)}
    assert run_command("encode", job.parent, env=environment).returncode == 0
    assert log.read_text().split() == ["run"] * 2, "the trial and the encode"
    done = run_command("encode", job.parent, env=environment)
    assert done.returncode == 0 and "already done" in done.stderr
    assert log.read_text().split() == ["run"] * 2


def test_an_ffmpeg_whose_trial_is_passed_makes_the_same_bytes(tmp_path: Path, job: Path) -> None:
    record = encode(job).made[0]
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": REAL}
    assert run_command("encode", job.parent, "--force", env=environment).returncode == 0
    assert encode(job).receipt.outputs[0].sha256 == record.sha256
