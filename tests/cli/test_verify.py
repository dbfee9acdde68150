"""`daddy-encode verify`: what it says, its exit statuses, many jobs side by side, and a stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.archive.jobs import sign
from tests.jobs import encode, is_running
from tests.media import moving_square, run_command
from tests.report.test_progress import on_a_terminal
from tests.stand_in import write_ffmpeg
from tests.users import User

LIMIT = 60.0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for index, name in enumerate(("run/a", "run/b", "run/deeper/c")):
        save_frames_as_png(moving_square(6 + index), tmp_path / "spool" / name)
        encode(tmp_path / "spool" / name, video="both")
    return tmp_path / "spool"


def test_a_good_tree_is_silent_but_for_its_last_line(tree: Path) -> None:
    told = run_command("verify", "spool", cwd=tree.parent)
    assert (told.returncode, told.stdout) == (0, "")
    assert [line.split(" ", 2)[2].partition(";")[0] for line in told.stderr.splitlines()] == [
        "INFO 6 videos of 3 jobs verified, 0 faults"
    ]
    told = run_command("verify", "-q", "--against-frames", tree)
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_one_line_for_each_fault_and_exit_status_1(tree: Path) -> None:
    (tree / "run" / "a.mp4").unlink()
    (tree / "run" / "b.gif").write_bytes(b"GIF89a")
    (tree / "run" / "b.receipt.json").rename(tree / "run" / "x.receipt.json")
    (tree / "run" / "deeper" / "c.receipt.json").write_text("{}")
    told = run_command("verify", "-q", "--workers", "1", "run", cwd=tree)
    assert (told.returncode, told.stdout) == (1, "")
    advice = "; `daddy-encode encode --force` makes it anew"
    gone = "; its frames are not there to make it anew: put it back"
    lines = [line.split(" ", 2)[2].replace(f"{tree}/", "") for line in told.stderr.splitlines()]
    assert lines[1:] == [
        f"ERROR run/a.mp4: is not there{advice}",
        "ERROR run/x.receipt.json: is the receipt of the job b, and nothing that is left here is that job's; bring "
        "back the names that its files had",
        f"ERROR run/x.mp4: is not there{gone}",
        f"ERROR run/x.gif: is not there{gone}",
    ]
    assert lines[0].startswith("ERROR run/deeper/c.receipt.json: not a valid receipt")
    assert lines[0].endswith(("update daddy-encode", "makes it and its videos anew"))


def test_a_receipt_that_several_paths_name_is_verified_once_and_a_path_without_one_is_a_fault(tree: Path) -> None:
    told = run_command("verify", *sorted((tree / "run").iterdir()), tree)
    assert (told.returncode, "6 videos of 3 jobs verified, 0 faults" in told.stderr) == (0, True), told.stderr
    told = run_command(
        "verify", "-q", tree / "none.mp4", tree / "run" / "a.mp4", tree / "run" / "a", tree / "other.gif"
    )
    assert (told.returncode, told.stderr.count("no receipt"), len(told.stderr.splitlines())) == (1, 2, 2), told.stderr


def test_json_has_a_line_for_each_video(tree: Path) -> None:
    shutil.copy(tree / "run" / "b.mp4", tree / "run" / "a.mp4")
    sign(tree / "run" / "a", "mp4", frames=7)
    told = run_command("verify", "--json", "--against-frames", "--workers", "1", tree / "run" / "a")
    assert told.returncode == 1
    mp4, gif = map(json.loads, told.stdout.splitlines())
    assert (mp4["path"], mp4["format"], mp4["ok"]) == (str(tree / "run" / "a.mp4"), "mp4", False)
    assert (mp4["faults"], mp4["worst_psnr"]) == (["has 7 pictures, its frames make 6"], None)
    assert gif == {
        "path": str(tree / "run" / "a.gif"),
        "format": "gif",
        "ok": True,
        "faults": [],
        "frames": 3,
        "bytes": (tree / "run" / "a.gif").stat().st_size,
        "frames_read": True,
        "worst_frame": 0,
        "worst_psnr": None,
        "worst_ssim": 1.0,
        "psnr": None,
        "ssim": 1.0,
        "is_exact": True,
        "unjudged": None,
    }


@pytest.mark.parametrize("named", ["run/a", "run/a.mp4", "run/a.receipt.json"])
def test_a_job_is_named_by_any_of_its_files(tree: Path, named: str) -> None:
    shutil.rmtree(tree / "run" / "b")
    told = run_command("verify", "-v", named, cwd=tree)
    assert told.returncode == 0
    assert "2 videos of 1 job verified" in told.stderr
    assert "a.mp4: as it should be" in told.stderr
    gone = run_command("verify", "run/b", cwd=tree)
    assert (gone.returncode, "2 videos of 1 job verified" in gone.stderr) == (0, True), (
        "its directory need not be there"
    )


def test_nothing_to_verify_is_an_error(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(2), tmp_path / "job")
    for named in ("job", "nothing", "."):
        told = run_command("verify", named, cwd=tmp_path)
        assert (told.returncode, "no receipt (NAME.receipt.json) below it or beside it" in told.stderr) == (1, True)


def test_a_failed_job_has_no_videos_and_no_fault(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(2), tmp_path / "job")
    (tmp_path / "job" / "000001.png").write_bytes(b"")
    assert run_command("encode", tmp_path / "job").returncode == 1
    told = run_command("verify", tmp_path)
    assert (told.returncode, "0 videos of 1 job verified, 0 faults" in told.stderr) == (0, True)


def test_another_user_s_videos_are_not_trusted(tree: Path, nobody: User) -> None:
    os.chown(tree / "run" / "a.mp4", nobody.uid, -1)
    os.chown(tree / "run" / "b.receipt.json", nobody.uid, -1)
    told = run_command("verify", tree)
    assert told.returncode == 1
    assert "a.mp4: it belongs to nobody, not to you; --trust-owner nobody takes it\n" in told.stderr
    assert "b.receipt.json: skipped: it belongs to nobody, not to you" in told.stderr
    assert "4 videos of 2 jobs verified, 1 fault, 1 skipped" in told.stderr
    assert run_command("verify", "--trust-owner", "nobody", tree).returncode == 0


def test_a_terminal_shows_a_bar(tree: Path) -> None:
    written = on_a_terminal("verify", tree, environ={})
    assert "3/3 jobs" in written


def test_jobs_are_verified_side_by_side(tree: Path, tmp_path: Path) -> None:
    """Each ffmpeg waits until there is another."""
    waits = f"touch {tmp_path}/$$.on; until [ $(ls {tmp_path} | grep -c on$) -ge 2 ]; do sleep 0.05; done"
    program = write_ffmpeg(tmp_path / "bin" / "ffmpeg", f'{waits}; exec "$REAL" "$@"')
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(program)}
    assert run_command("verify", "--workers", "2", tree, env=environment).returncode == 0


@pytest.mark.parametrize("option", [[], ["--against-frames"]], ids=["alone", "beside"])
def test_a_stop_ends_it_with_status_75(tree: Path, tmp_path: Path, option: list[str]) -> None:
    program = write_ffmpeg(
        tmp_path / "bin" / "ffmpeg", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep 600"
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "daddy_encode", "verify", "--workers", "1", *option, str(tree)],
        env={**os.environ, "IMAGEIO_FFMPEG_EXE": str(program)},
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + LIMIT
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=LIMIT)
    assert child.returncode == 75
    assert "stopped before all was verified; run the same command again" in said
    assert "ERROR" not in said
    end = time.monotonic() + LIMIT
    while is_running(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_ffmpeg_that_does_not_run_is_no_fault_of_the_videos(tree: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": str(tmp_path / "none")}
    told = run_command("verify", tree, env=environment)
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith(f"Error: {tmp_path}/none: ffmpeg cannot be started")
    assert "a.mp4" not in told.stderr
