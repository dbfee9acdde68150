"""What an encoder makes of `rollout.json` where a rollout has left no manifest: rate and videos, nothing else."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.service.job_status import job_statuses
from daddy_encode.service.state import State
from daddy_encode.spool.manifest import ROLLOUT_NAME
from tests.conftest import missing
from tests.dump.test_rollout_record import kill_a_rollout
from tests.jobs import encode
from tests.media import decode_gif, describe, moving_square, run_command
from tests.service.test_scanner import ScannerAt
from tests.spool.test_hostile_records import HOSTILE
from tests.users import User

ASSUMED = "no manifest, rollout.json or --video-fps says how many frames per second: 30 are assumed"


def killed(directory: Path, frames: int = 12, **options: Any) -> Path:
    """A job as it is after a rollout was killed with its worker process."""
    save_frames_as_png(moving_square(frames, 16, 16), directory, **options)
    (directory / "manifest.json").unlink()
    return directory


def seconds_of(job: Path) -> dict[str, float]:
    """How long the videos are that a job has become: as ffmpeg says of the MP4, and Pillow of the GIF."""
    found = {}
    mp4, gif = (job.parent / f"{job.name}.{kind}" for kind in ("mp4", "gif"))
    if mp4.exists():
        hours, minutes, seconds = describe(mp4).split("Duration: ")[1].split(",")[0].split(":")
        found["mp4"] = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if gif.exists():
        found["gif"] = sum(decode_gif(gif)[1]) / 1000
    return found


def warnings_of(job: Path) -> list[list[str]]:
    receipt = json.loads((job.parent / f"{job.name}.receipt.json").read_text())
    return [output["warnings"] for output in receipt["outputs"]]


def test_a_rollout_that_was_killed_with_its_worker_is_salvaged_as_it_was_meant(tmp_path: Path) -> None:
    kill_a_rollout(tmp_path / "spool" / "job")
    told = run_command("encode", "--salvage", tmp_path / "spool")
    assert told.returncode == 0, told.stderr
    # 60 frames at 50 fps, mp4 and gif, as the rollout said.
    assert seconds_of(tmp_path / "spool" / "job") == {"mp4": 1.2, "gif": 1.2}
    assert warnings_of(tmp_path / "spool" / "job") == [[], []]
    assert "WARNING" not in told.stderr


def test_a_directory_that_is_named_itself_and_one_that_has_settled_go_by_it(tmp_path: Path) -> None:
    job = killed(tmp_path / "job", fps=5, video="both")
    encode(job)
    assert seconds_of(job) == {"mp4": 2.4, "gif": 2.4}
    # A watcher knows as well what is done.
    scanner = ScannerAt(tmp_path, settle=1)
    assert scanner.ready() == scanner.ready() == []
    assert scanner.states() == {State.DONE: 1}
    (tmp_path / "job.gif").unlink()
    assert scanner.ready() == ["job"]


def test_where_nothing_says_a_rate_30_is_assumed_and_that_is_said(tmp_path: Path) -> None:
    job = killed(tmp_path / "job", fps=5)
    (job / "rollout.json").unlink()
    told = run_command("encode", "--video", "both", job)
    assert told.returncode == 0, told.stderr
    assert seconds_of(job) == {"mp4": 0.4, "gif": 0.4}
    assert warnings_of(job) == [[ASSUMED], [ASSUMED]]
    lines = [line for line in told.stderr.splitlines() if ASSUMED in line]
    assert len(lines) == 1
    assert f"WARNING {job}: {ASSUMED}" in lines[0]
    # Made anew, it is still assumed.
    encode(job, force=True)
    assert warnings_of(job) == [[ASSUMED], [ASSUMED]]


def test_a_rate_that_is_given_needs_no_warning(tmp_path: Path) -> None:
    job = killed(tmp_path / "job", fps=5)
    (job / "rollout.json").unlink()
    encode(job, fps="24")
    assert seconds_of(job) == {"mp4": 0.5}
    assert warnings_of(job) == [[]]


def test_options_come_first_and_a_manifest_where_there_is_one(tmp_path: Path) -> None:
    job = killed(tmp_path / "job", fps=5, video="both")
    encode(job, fps="12", video="mp4")
    assert seconds_of(job) == {"mp4": 1.0}
    save_frames_as_png(moving_square(12, 16, 16), tmp_path / "other", fps=6, video="gif")
    (tmp_path / "other" / "rollout.json").write_bytes((job / "rollout.json").read_bytes())
    encode(tmp_path / "other")
    assert seconds_of(tmp_path / "other") == {"gif": 2.0}


def test_one_of_an_earlier_recording_deceives_nobody(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(3, 16, 16), tmp_path / "job", fps=50, video="both")
    job = killed(tmp_path / "job", fps=6, overwrite=True)
    encode(job)
    assert seconds_of(job) == {"mp4": 2.0}
    # Another tool's frames in a directory that a recording was removed from by hand.
    other = killed(tmp_path / "other", fps=50, video="both")
    for index, path in enumerate(sorted(other.glob("*.png"))):
        path.rename(other / f"frame_{index}.png")
    encode(other)
    assert seconds_of(other) == {"mp4": 0.4}
    assert warnings_of(other) == [[ASSUMED]]


def test_one_of_version_0_1_0_says_no_rate(tmp_path: Path) -> None:
    job = killed(tmp_path / "job", fps=5)
    (job / "rollout.json").write_text('{"version": 1, "slurm_job_id": "4711", "host": "n1", "pid": 12}')
    encode(job)
    assert (seconds_of(job), warnings_of(job)) == ({"mp4": 0.4}, [[ASSUMED]])
    (job.parent / "job.receipt.json").unlink()
    assert [(status.state, status.rollout) for status in job_statuses(tmp_path)] == [(State.WRITING, "4711")]


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.json"))
    path.symlink_to("elsewhere.json")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _another_user_s(path: Path) -> None:
    if os.geteuid() != 0:
        missing("giving a file away needs root")
    os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)


def _text(text: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text)


# Those of a manifest that are wrong in a rollout's record, too, and a few of each kind.
WRONG = ("empty", "nested deeply", "NaN", "fps zero", "fps over zero", "video as a path", "version 2", "cut off")
FAULTS: dict[str, Callable[[Path], object]] = {
    **{name: _text(HOSTILE[name]) for name in WRONG},
    "a list as meta": _text(b'{"version": 1, "fps": 5, "meta": []}'),
    "a link": _link,
    "a FIFO": _fifo,
    "another user's": _another_user_s,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_cannot_be_used_is_as_good_as_none_and_that_is_said(tmp_path: Path, fault: str) -> None:
    job = killed(tmp_path / "job", 2, fps=5, video="both")
    FAULTS[fault](job / ROLLOUT_NAME)
    result = encode(job)
    assert set(seconds_of(job)) == {"mp4"}
    (why, assumed) = result.warnings
    assert assumed == ASSUMED
    assert warnings_of(job) == [[why, assumed]]
    assert why.startswith(f"{job}/rollout.json: ")
    assert why.endswith("; encoded as if it were not there")
    assert why.isprintable()


def test_one_that_another_user_has_closed_keeps_nobody_from_encoding(tmp_path: Path, nobody: User) -> None:
    job = killed(tmp_path / "spool" / "job", 2, fps=5)
    for path in (job.parent, job, *job.iterdir()):
        os.chown(path, nobody.uid, nobody.gid)
    os.chown(job / "rollout.json", 0, 0)
    (job / "rollout.json").chmod(0o600)
    code = "import sys; from pathlib import Path; from tests.jobs import encode; encode(Path(sys.argv[1]))"
    told = nobody.python(code, job, reach=[job.parent])
    assert told.returncode == 0, told.stderr
    ((why, assumed),) = warnings_of(job)
    assert "rollout.json: cannot be opened: Permission denied" in why
    assert assumed == ASSUMED


def test_no_value_in_it_is_a_path_or_an_option(tmp_path: Path) -> None:
    job = killed(tmp_path / "spool" / "job", fps=5)
    record = json.loads((job / "rollout.json").read_text())
    record |= {
        "host": "../../x\x1b[31m",
        "path": "/etc/x",
        "settings": {"crf": "0 -f null"},
        "meta": {"-i": "/etc/x"},
    }
    (job / "rollout.json").write_text(json.dumps(record))
    encode(job)
    assert sorted(os.listdir(job.parent)) == ["job", "job.mp4", "job.receipt.json"]
    assert seconds_of(job) == {"mp4": 2.4}
