"""Another user's files: left alone, unless that user is trusted. Needs root, which can give files away."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.frames.owners import Owners, trusted_owners
from daddy_encode.errors import SettingsError, Skipped
from tests.conftest import missing
from tests.jobs import encode
from tests.media import moving_square, run_command

OTHER = "nobody"


@pytest.fixture
def uid() -> int:
    if os.geteuid() != 0:
        missing("giving a file to another user needs root")
    return pwd.getpwnam(OTHER).pw_uid


@pytest.mark.parametrize("which", [".", "manifest.json", "000000.png", "000007.png"])
def test_a_job_with_anything_of_another_users_is_skipped_with_a_reason(job: Path, uid: int, which: str) -> None:
    os.chown(job / which, uid, -1)
    with pytest.raises(Skipped, match=f"skipped: it belongs to {OTHER}, not to you; --trust-owner {OTHER} takes it"):
        encode(job)
    with pytest.raises(Skipped):
        encode(job, gaps="hold")
    assert [path.name for path in job.parent.iterdir()] == [job.name]


def test_on_the_command_line_it_is_reported_and_the_others_continue(job: Path, uid: int) -> None:
    save_frames_as_png(moving_square(3), job.parent / "mine")
    os.chown(job, uid, -1)
    completed = run_command("encode", job.parent)
    assert completed.returncode == 0
    assert f"WARNING {job}: skipped: it belongs to {OTHER}, not to you" in completed.stderr
    assert "1 video saved, 0 jobs already done, 0 failed, 1 skipped" in completed.stderr
    assert sorted(path.name for path in job.parent.glob("*.*")) == [".daddy-encode", "mine.mp4", "mine.receipt.json"]


def test_a_run_that_did_nothing_but_skip_has_failed(job: Path, uid: int) -> None:
    os.chown(job, uid, -1)
    assert run_command("encode", job).returncode == 1


@pytest.mark.parametrize("name", [OTHER, "any", "uid"])
def test_a_trusted_users_job_is_encoded(job: Path, uid: int, name: str) -> None:
    for path in (job, *job.iterdir()):
        os.chown(path, uid, -1)
    completed = run_command("encode", job, "--trust-owner", str(uid) if name == "uid" else name)
    assert completed.returncode == 0, completed.stderr
    assert job.with_suffix(".mp4").exists()


def test_a_receipt_that_another_user_wrote_proves_nothing(job: Path, uid: int) -> None:
    encode(job)
    assert encode(job).made == []
    os.chown(job.with_suffix(".receipt.json"), uid, -1)
    assert encode(job).made


def test_an_unknown_user_is_wrong_usage(job: Path) -> None:
    completed = run_command("encode", job, "--trust-owner", "no such user")
    assert completed.returncode == 2
    assert "there is no user 'no such user' on this machine" in completed.stderr


def test_ones_own_files_are_always_taken() -> None:
    Owners().check(os.geteuid(), "a file")
    trusted_owners([]).check(os.geteuid(), "a file")
    with pytest.raises(SettingsError):
        trusted_owners(["\n"])
