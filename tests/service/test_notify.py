"""`--on-done`: a program of the user's, told of each finished job; whatever it does is harmless."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.errors import SettingsError
from daddy_encode.service.notify import notify, parse_command
from daddy_encode.spool.claims import claimed_names
from tests.media import run_command
from tests.service.spools import Encoder, assert_right, is_done, until, write_job


def never() -> bool:
    return False


def script(folder: Path, text: str) -> list[str]:
    path = folder / "hook.py"
    path.write_text(text)
    return [sys.executable, str(path)]


def test_words_are_split_as_a_shell_does_and_no_shell_sees_them() -> None:
    assert parse_command("tell --to 'two words' $HOME; rm") == ["tell", "--to", "two words", "$HOME;", "rm"]
    for text in ("'", " ", ""):
        with pytest.raises(SettingsError, match="--on-done"):
            parse_command(text)


def test_the_receipt_is_the_last_argument_whatever_its_name(tmp_path: Path) -> None:
    command = script(tmp_path, "import json, sys; json.dump(sys.argv[1:], open(sys.argv[1], 'w'))")
    receipt = tmp_path / "a b;c $(touch x) '\n.receipt.json"
    notify([*command, str(tmp_path / "out")], receipt, never, 60)
    assert json.loads((tmp_path / "out").read_text()) == [str(tmp_path / "out"), str(receipt)]


def test_a_program_that_fails_or_is_not_there_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notify(script(tmp_path, "raise SystemExit('no\\nnetwork')"), tmp_path / "r", never, 60)
    notify(["/nowhere/hook"], tmp_path / "r", never, 60)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.endswith(r"/r: exit status 1: no\nnetwork")
    assert second == "--on-done /nowhere/hook: cannot be started: No such file or directory; check the command"


@pytest.mark.parametrize("stopped", [False, True])
def test_a_program_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, stopped: bool
) -> None:
    # The grandchild holds every stream that the child was given.
    command = ["sh", "-c", 'sleep 1000 & echo $! >"$0"; wait']
    pid_file = tmp_path / "pid"
    caplog.set_level(logging.WARNING)

    def told_to_stop() -> bool:
        return stopped and pid_file.exists() and pid_file.read_text() != ""

    notify(command, pid_file, told_to_stop, 1000.0 if stopped else 1.0)
    until(lambda: not os.path.exists(f"/proc/{pid_file.read_text().strip()}/exe"), "the end of the grandchild")
    assert (
        "ended because the watcher was told to stop" if stopped else "ended after 1 s; --on-done-timeout gives"
    ) in caplog.text


def test_a_watcher_tells_of_each_job_of_which_it_made_a_video_and_of_no_other(tmp_path: Path) -> None:
    jobs = {write_job(tmp_path / "spool" / f"job {i}", i): i for i in range(3)}
    bad = write_job(tmp_path / "spool" / "bad")
    (bad / "000000.png").write_bytes(b"")
    # Too wide for an MP4, and not for a GIF.
    half = tmp_path / "spool" / "half"
    save_frames_as_png(np.zeros((2, 2, 16_400, 3), np.uint8), half, video="both")
    hook = script(
        tmp_path, f"import sys; open({str(tmp_path / 'told')!r}, 'a').write(sys.argv[1] + '\\n'); sys.exit(3)"
    )
    told = run_command("watch", tmp_path / "spool", "--once", "--on-done", " ".join(hook))
    assert told.returncode == 1
    expected = sorted(f"{job}.receipt.json" for job in (*jobs, half))
    assert sorted((tmp_path / "told").read_text().splitlines()) == expected
    assert told.stderr.count("WARNING --on-done") == 4
    lines = told.stderr.splitlines()
    for job in (*jobs, half):
        (saved,) = (index for index, line in enumerate(lines) if f" saved {job}." in line)
        (failed,) = (index for index, line in enumerate(lines) if f"/{job.name}.receipt.json: exit status 3" in line)
        assert saved < failed, "what failed is said after what was made"
    assert_right(jobs)


def test_a_program_may_take_as_long_as_is_asked_for(tmp_path: Path) -> None:
    write_job(tmp_path / "spool" / "job")
    hook = script(tmp_path, "import time; time.sleep(1000)")
    arguments = ["--once", "--on-done", " ".join(hook), "--on-done-timeout", "0.3"]
    told = run_command("watch", tmp_path / "spool", *arguments)
    assert told.returncode == 0
    saved, failed = (line for line in told.stderr.splitlines() if ".mp4" in line or "on-done" in line)
    assert " saved " in saved and failed.endswith("ended after 0.3 s; --on-done-timeout gives it longer")


def test_a_line_of_a_video_does_not_wait_for_the_program_that_is_told_of_it(tmp_path: Path) -> None:
    write_job(tmp_path / "spool" / "job")
    hook = script(tmp_path, "import time; time.sleep(1000)")
    with Encoder("watch", tmp_path / "spool", "--on-done", " ".join(hook), "--on-done-timeout", "1000") as watcher:
        watcher.until_said("INFO saved ")
        assert watcher.stop() == 0
        assert watcher.lines("ended because the watcher was told to stop")


def test_the_next_job_is_encoded_while_a_program_is_told_of_the_last(tmp_path: Path) -> None:
    jobs = [write_job(tmp_path / "spool" / f"job-{i}", i) for i in range(3)]
    hook = script(
        tmp_path,
        "import os, sys, time\n"
        f"open({str(tmp_path / 'told')!r}, 'a').write('.')\n"
        "end = time.monotonic() + 60\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}) and time.monotonic() < end: time.sleep(0.01)\n",
    )
    with Encoder("watch", tmp_path / "spool", "--once", "--workers", "1", "--on-done", " ".join(hook)) as encoder:
        until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text() == "..", "two programs at once")
        assert sum(is_done(job) for job in jobs) == 2
        assert claimed_names(tmp_path / "spool") == set(), "the third was not begun"
        (tmp_path / "go").touch()
        assert encoder.process.wait(20) == 0
    assert (tmp_path / "told").read_text() == "..."
    assert_right({job: i for i, job in enumerate(jobs)})
