"""What an error says to do: the option that helps is in its line."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import SettingsError
from daddy_encode.service.attempt import Attempt, OutcomeKind
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.rate import parse_fps
from tests.conftest import missing
from tests.jobs import context
from tests.media import moving_square, noise


def fault(job: Path, output_dir: Path | None = None, **options: Any) -> str:
    """What an encoder says of a job that it cannot make; nothing where it makes it."""
    stop = StopSwitch()
    asked = context(**{name: value for name, value in options.items() if name not in ("tmp_dir", "max_pixels")})
    for name in ("tmp_dir", "max_pixels"):
        if name in options:
            asked = replace(asked, **{name: options[name]})
    with WorkerPool(1, asked, Claims(60), stop) as pool:
        paths = JobPaths.of(job, job.parent, output_dir)
        (outcome,) = run_jobs(pool, [Attempt(paths)], stop)
    if outcome.error is None:
        assert outcome.kind is OutcomeKind.MADE
        return ""
    return str(outcome.error).replace(f"{job}", "JOB")


def has_died(job: Path) -> Path:
    manifest = json.loads((job / "manifest.json").read_text())
    (job / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    return job


WITHOUT = "--gaps hold repeats the frame before, --gaps skip leaves it out"


def test_a_frame_that_is_missing_or_bad_names_the_options_that_go_on_without_it(job: Path) -> None:
    (job / "000004.png").write_bytes(b"")
    assert fault(job) == f"JOB/000004.png: is empty; write it again, or go on without it: {WITHOUT}"
    (job / "000004.png").unlink()
    assert fault(job) == f"JOB: 000004.png missing, 1 of 12 frames; run the rollout again, or go on: {WITHOUT}"
    for option in ("hold", "skip"):
        assert fault(job, gaps=option) == ""


def test_of_a_rollout_that_died_salvage_takes_what_is_whole(job: Path) -> None:
    has_died(job)
    (job / "000004.png").write_bytes((job / "000004.png").read_bytes()[:-30])
    assert "000004.png: is cut off" in fault(job)
    assert fault(job).endswith("; write it again, or go on without it: --salvage takes what is whole")
    (job / "000004.png").unlink()
    assert fault(job).endswith("; run the rollout again, or go on: --salvage takes what is whole")
    assert fault(job, salvage=True) == ""


def test_no_option_is_named_where_no_frame_is_one(tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    for index in range(3):
        (job / f"{index}.png").write_bytes(b"\xff\xd8\xff\xe0 a JPEG")
    assert "0.png: is a JPEG named .png" in fault(job)
    assert "--salvage" not in fault(job)


def test_a_picture_that_is_too_large_names_max_pixels_with_a_number_that_suffices(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(3, 1100, 1000), tmp_path / "job")
    line = "JOB/000000.png: is 1000x1100, more than the limit of 1048576 pixels; --max-pixels 2 allows it"
    assert fault(tmp_path / "job", max_pixels=2**20) == line
    assert fault(tmp_path / "job", max_pixels=2**20, gaps="hold") == (
        "JOB: none of its 3 frames can be used (000000.png is 1000x1100, more than the limit of 1048576 pixels); run "
        "the rollout again"
    )
    assert fault(tmp_path / "job", max_pixels=2 * 2**20) == ""


@contextlib.contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", *arguments, str(folder)], check=False, capture_output=True).returncode != 0:
        missing("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_spool_that_is_read_only_names_output_dir(job: Path, tmp_path: Path) -> None:
    spool = tmp_path / "read-only"
    with mounted(spool, "--bind", str(job.parent)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(spool)], check=True)
        line = fault(spool / job.name)
        assert line.startswith(f"cannot claim {spool}/.daddy-encode/{job.name}.lease: Read-only file system")
        assert line.endswith("; --output-dir DIR writes videos and receipts elsewhere")
        assert fault(spool / job.name, tmp_path / "videos") == ""


def test_a_directory_for_temporary_files_that_is_full_or_none_names_tmp_dir(tmp_path: Path) -> None:
    job, small = tmp_path / "spool" / "job", tmp_path / "small"
    save_frames_as_png(noise(12, 240, 320), job)
    with mounted(small, "-t", "tmpfs", "-o", "size=100k", "tmpfs"):
        assert fault(job, tmp_dir=small) == (
            f"JOB.mp4: not made, the file system {small} is full (No space left on device): free space, or name "
            "another directory with --tmp-dir, then run again"
        )
    (tmp_path / "file").touch()
    line = fault(job, tmp_dir=tmp_path / "file")
    assert "Not a directory" in line and line.endswith("; --tmp-dir names another directory for temporary files")


def test_a_manifest_that_cannot_be_read_says_how_to_encode_without_it(job: Path) -> None:
    (job / "manifest.json").write_text("{")
    assert fault(job).startswith("JOB/manifest.json: not a valid manifest: ")
    assert fault(job).endswith("move that file away and name this directory, to encode it without")


def test_a_rate_names_the_option_that_it_is_of() -> None:
    with pytest.raises(SettingsError, match=r"^gif_fps '0' is outside"):
        make_settings(gif_fps="0")
    with pytest.raises(SettingsError, match=r"^fps '0' is outside"):
        parse_fps("0")
