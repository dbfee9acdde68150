"""Where ffmpeg cannot make what is asked of it, no job has failed; what it is asked for is tried only then."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.probe import check_ffmpeg, forget_ffmpeg
from daddy_encode.errors import EncodeError, ProgramUnusableError
from daddy_encode.spool.paths import JobPaths, Kind
from tests.encoding.conftest import StandIn
from tests.jobs import context, encode
from tests.media import run_command
from tests.service.spools import receipt_of
from tests.stand_in import REAL, write_ffmpeg

ENCODER = """echo "[vost#0:0 @ 0x1] [error] Unknown encoder 'libx264'" >&2; exit 8"""
FILTER = """echo "[AVFilterGraph @ 0x1] [error] No such filter: 'paletteuse'" >&2; exit 8"""


def cripple(path: Path, refused: str, then: str) -> None:
    """Write an ffmpeg that knows its version, but not what matches `refused`."""
    real = shlex.quote(REAL)
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *{refused}*) {real} -version >&2; {then} ;; esac\nexec {real} "$@"\n',
    )
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("command", "refused", "then", "reason"),
    [
        (["encode"], "libx264", ENCODER, "Unknown encoder 'libx264'"),
        (["watch", "--once", "--video", "gif"], "paletteuse", FILTER, "No such filter: 'paletteuse'"),
    ],
    ids=["encode", "watch"],
)
def test_an_ffmpeg_that_cannot_do_what_is_asked_is_one_line_and_exit_1_and_leaves_the_job_to_others(
    ffmpeg_path: Path, job: Path, command: list[str], refused: str, then: str, reason: str
) -> None:
    cripple(ffmpeg_path, refused, then)
    told = run_command(*command, job.parent)
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"Error: {ffmpeg_path}: ffmpeg ")
    assert reason in line and "name another in IMAGEIO_FFMPEG_EXE" in line
    left = [path for path in job.parent.rglob("*") if path.parent != job and path.is_file()]
    assert left == [], "no receipt, no claim"


@pytest.mark.parametrize(
    ("refused", "then", "kinds", "reason"),
    [
        ("libx264", ENCODER, {"mp4"}, "Unknown encoder 'libx264'"),
        ("paletteuse", FILTER, {"gif"}, "No such filter: 'paletteuse'"),
        ("palettegen", "kill -9 $$", {"mp4", "gif"}, "ended by signal 9"),
        ("mp4", "exit 0", {"mp4"}, "exit status 0"),
    ],
)
def test_each_thing_that_will_be_asked_of_it_is_tried(
    ffmpeg_path: Path, refused: str, then: str, kinds: set[Kind], reason: str
) -> None:
    cripple(ffmpeg_path, refused, then)
    with pytest.raises(ProgramUnusableError) as caught:
        check_ffmpeg(kinds)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("refused", "then", "kind"), [("libx264", ENCODER, "gif"), ("paletteuse", FILTER, "mp4")], ids=["gif", "mp4"]
)
def test_what_is_not_asked_of_it_it_need_not_be_able_to_do(
    ffmpeg_path: Path, job: Path, refused: str, then: str, kind: Kind
) -> None:
    cripple(ffmpeg_path, refused, then)
    assert encode(job, video=kind).made


def test_a_job_starts_it_once_and_one_that_is_done_or_an_exact_gif_never(tmp_path: Path, job: Path) -> None:
    log = tmp_path / "runs"
    path = write_ffmpeg(tmp_path / "ffmpeg", 'exec "$REAL" "$@"')
    path.write_text(path.read_text().replace("REAL=", f"echo run >> {log}\nREAL=", 1))
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(path)}
    assert run_command("encode", job.parent, env=environment).returncode == 0
    assert log.read_text().split() == ["run"]
    done = run_command("encode", job.parent, env=environment)
    assert done.returncode == 0 and "already done" in done.stderr
    version = receipt_of(job)["ffmpeg"]
    assert version
    gif = run_command("encode", job.parent, "--video", "gif", env=environment)
    assert gif.returncode == 0 and "saved" in gif.stderr
    assert log.read_text().split() == ["run"]
    assert receipt_of(job)["ffmpeg"] == version, "of the MP4, which is still there"
    run_command("encode", job.parent, "--video", "gif", "--output-dir", tmp_path / "other", env=environment)
    assert log.read_text().split() == ["run"]
    (receipt,) = (tmp_path / "other").rglob("*.receipt.json")
    assert json.loads(receipt.read_text())["ffmpeg"] == ""


def test_an_ffmpeg_whose_trial_is_passed_makes_the_same_bytes(job: Path, ffmpeg_path: Path) -> None:
    with pytest.MonkeyPatch.context() as own:
        own.setenv("IMAGEIO_FFMPEG_EXE", str(REAL))
        record = encode(job).made[0]
    ffmpeg_path.symlink_to(REAL)
    forget_ffmpeg()
    (again,) = encode_job(JobPaths.of(job), context(force=True)).made
    assert again.sha256 == record.sha256


def test_an_error_is_told_without_all_that_ffmpeg_says_of_itself(job: Path, stand_in: StandIn) -> None:
    stand_in('"$REAL" -nostdin -loglevel level+info -f lavfi -i color=s=16x16:d=1 -c:v libx264 -preset odd -f mp4 -y x')
    with pytest.raises(EncodeError) as caught:
        encode(job)
    assert "ffmpeg failed with exit status" in str(caught.value) and "odd" in str(caught.value)
    assert "[info]" not in str(caught.value) and "configuration" not in str(caught.value)
