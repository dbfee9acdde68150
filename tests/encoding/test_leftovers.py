"""What a killed encoder or rollout was still writing is removed by the next encoder, unless somebody may be at it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.errors import FrameError
from daddy_encode.spool.orphans import temp_name
from tests.conftest import Require
from tests.encoding.frames.faults import short_image
from tests.jobs import encode
from tests.media import leftovers, moving_square, run_command
from tests.service.spools import Encoder, assert_right, temporary_files, write_job
from tests.stand_in import write_ffmpeg


def elsewhere() -> str:
    """The name of a temporary file of a process on another machine."""
    return re.sub(r"-[0-9a-f]{8}(-\d+-[0-9a-f]{12}\.tmp)", r"-00000000\1", temp_name())


# One that never gets ready, as long as whoever has started it lives, who may be gone before it begins.
NEVER_READY = "while [ $PPID -ne 1 ] && kill -0 $PPID 2>&-; do sleep 0.1; done"


@pytest.mark.parametrize("same_job", [True, False])
def test_what_a_killed_encoder_left_in_a_tmp_dir_goes_with_the_next(tmp_path: Path, same_job: bool) -> None:
    job, other, scratch = tmp_path / "spool" / "job", tmp_path / "spool" / "other", tmp_path / "scratch"
    write_job(job)
    write_job(other)
    scratch.mkdir()
    stand_in = {"IMAGEIO_FFMPEG_EXE": str(write_ffmpeg(tmp_path / "bin" / "ffmpeg", NEVER_READY))}
    with Encoder("encode", job, "--tmp-dir", scratch, environment=stand_in) as encoder:
        encoder.until(lambda: leftovers(scratch), "the temporary file")
    assert len(leftovers(scratch)) == 1
    done = run_command("encode", job if same_job else other, "--tmp-dir", scratch)
    assert done.returncode == 0, done.stderr
    assert leftovers(scratch) == []
    if same_job:
        assert temporary_files(tmp_path / "spool") == []


@pytest.mark.parametrize(
    "rename", [pytest.param(1, marks=pytest.mark.soak), 2, pytest.param(3, marks=pytest.mark.soak)]
)
def test_what_a_killed_force_left_beside_the_video_goes_with_the_next(
    tmp_path: Path, require_program: Require, rename: int
) -> None:
    """Killed before the receipt is withdrawn, before the video and before the new receipt get their names."""
    spool, scratch = tmp_path / "spool", tmp_path / "scratch"
    write_job(spool / "job")
    scratch.mkdir()
    assert run_command("encode", spool).returncode == 0
    kill = ["-e", "trace=renameat", f"--inject=renameat:signal=KILL:when={rename}"]
    strace = [require_program("strace", "strace"), "-f", "-qq", "-o", "/dev/null", *kill]
    encode_again = [sys.executable, "-m", "daddy_encode", "encode", str(spool), "--force", "--tmp-dir", str(scratch)]
    subprocess.run([*strace, *encode_again], timeout=120, check=False, capture_output=True)
    assert (len(leftovers(scratch)), len(leftovers(spool)) > 0) == (rename < 3, True)
    done = run_command("encode", spool, "--tmp-dir", scratch)
    assert done.returncode == 0, done.stderr
    assert leftovers(scratch) + temporary_files(spool) == []
    assert_right({spool / "job": 0})


MANIFEST_KILL = (
    "import sys; from daddy_encode import save_frames_as_png; from tests.media import moving_square\n"
    "save_frames_as_png(moving_square(4, 16, 16), sys.argv[1], overwrite=True)"
)


def kill_at_the_manifest(directory: Path, strace: str) -> None:
    """Write a dump; the process is killed when it gives the manifest its name."""
    kill = ["-e", "trace=renameat", "--inject=renameat:signal=KILL:when=1"]
    command = [strace, "-f", "-qq", "-o", "/dev/null", *kill, sys.executable, "-c", MANIFEST_KILL, str(directory)]
    subprocess.run(command, timeout=120, check=False, cwd=Path(__file__).parents[2])
    assert len(leftovers(directory)) == 1
    assert not (directory / "manifest.json").exists()


@pytest.mark.parametrize("then", ["salvage", "record again"])
def test_the_manifest_that_a_killed_rollout_never_finished_goes(
    tmp_path: Path, require_program: Require, then: str
) -> None:
    job = tmp_path / "job"
    kill_at_the_manifest(job, require_program("strace", "strace"))
    if then == "record again":
        save_frames_as_png(moving_square(4, 16, 16), job, overwrite=True)
    else:
        assert encode(job, salvage=True).receipt.salvaged
    assert leftovers(job) == []


def foreign(job: Path, seconds: int) -> Path:
    """A temporary file of another machine in `job`, `seconds` older than the manifest."""
    path = job / elsewhere()
    path.touch()
    time = (job / "manifest.json").stat().st_mtime
    os.utime(path, (time - seconds, time - seconds))
    return path


def test_one_that_is_older_than_the_manifest_goes_and_a_younger_one_stays(job: Path) -> None:
    old, young = foreign(job, 1), foreign(job, -1)
    receipt = encode(job).receipt
    assert (old.exists(), young.exists()) == (False, True)
    assert receipt.source.directory_mtime_ns == job.stat().st_mtime_ns, "else it would be examined again and again"
    assert encode(job).made == []


def test_without_a_manifest_only_a_salvage_is_sure_that_nobody_writes(job: Path) -> None:
    path = foreign(job, 1000)
    (job / "manifest.json").unlink()
    encode(job)
    assert path.exists()
    encode(job, salvage=True, crf=30)
    assert not path.exists()


def test_another_users_stays(job: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    path = foreign(job, 1)
    os.chown(path, 65534, 65534)
    encode(job)
    assert path.exists()


@pytest.mark.parametrize("frame", [0, 11])
def test_a_gif_of_a_bad_frame_leaves_nothing(job: Path, frame: int) -> None:
    short_image(job / f"{frame:06}.png")
    with pytest.raises(FrameError):
        encode(job, video="both")
    assert leftovers(job.parent) == []
