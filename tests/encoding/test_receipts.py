"""A receipt never says what a video is not, wherever an encoder is killed, and whoever replaces a video."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.gif.reader import read_gif
from daddy_encode.encoding.job import done_already, encode_job
from daddy_encode.encoding.mp4.reader import read_mp4
from daddy_encode.encoding.receipts import record_failure
from daddy_encode.errors import FrameError, SpoolError
from daddy_encode.service.job_status import job_statuses
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.rate import parse_fps
from tests.conftest import Require
from tests.encoding.frames.faults import cut
from tests.jobs import context, encode
from tests.media import leftovers, moving_square, run_command

KINDS: tuple[Kind, ...] = ("mp4", "gif")
RENAMES = "rename,renameat,renameat2"


def stored(job: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((job.parent / f"{job.name}.receipt.json").read_text())
    return read


def recorded(job: Path) -> dict[str, dict[str, Any]]:
    return {record["format"]: record for record in stored(job)["outputs"]}


def assert_true(job: Path) -> set[str]:
    """All that the receipt says of a video is so; returns the kinds that it names."""
    records = recorded(job)
    for kind, record in records.items():
        path = job.parent / f"{job.name}.{kind}"
        data = path.read_bytes()
        assert (record["bytes"], record["sha256"]) == (len(data), hashlib.sha256(data).hexdigest()), kind
        assert record["mtime_ns"] == path.stat().st_mtime_ns
        with open(path, "rb") as stream:
            if kind == "mp4":
                mp4 = read_mp4(stream)
                found = (mp4.frames, mp4.rate, mp4.width, mp4.height)
            else:
                gif = read_gif(stream)
                found = (len(gif.delays), parse_fps(record["fps"]), gif.width, gif.height)
        assert found == (record["frames"], parse_fps(record["fps"]), record["width"], record["height"]), kind
    return set(records)


def replace_by_another(video: Path) -> None:
    """Put another file of the same size there."""
    video.write_bytes(bytes(video.stat().st_size))
    # The clock of a file system may tick only every 10 ms.
    os.utime(video, (2, 2))


def state(job: Path) -> str:
    (status,) = job_statuses(job)
    return status.state.value


def copy_of(spool: Path, name: str) -> Path:
    """A copy of a spool's one job, with all its times."""
    shutil.copytree(spool, spool.parent / name)
    return spool.parent / name / "job"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    job = tmp_path_factory.mktemp("pattern") / "spool" / "job"
    save_frames_as_png(moving_square(6, 32, 48), job)
    encode(job, video="both")
    return job


@pytest.fixture
def done(pattern: Path, tmp_path: Path) -> Path:
    """A job of which both videos are there, at 30 frames per second."""
    shutil.copytree(pattern.parent, tmp_path / "spool")
    return tmp_path / "spool" / "job"


def injected(strace: str, calls: str, what: str, when: int, job: Path) -> subprocess.CompletedProcess[str]:
    """`encode` with other settings, and the call of that number going wrong: of opens, those beside the job."""
    own = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}:when={when}"]
    own += ["-P", str(job.parent)] if calls == "openat" else []
    encoder = [sys.executable, "-m", "daddy_encode", "encode", str(job), "--video-fps", "25", "--video", "both"]
    return subprocess.run([*own, *encoder], capture_output=True, text=True, timeout=300, check=False)


def failing(call: Callable[..., None], number: int) -> Callable[..., None]:
    """`call`, which the file system refuses that time."""
    calls = count(1)

    def failing_call(*arguments: Any, **more: Any) -> None:
        if next(calls) == number:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        call(*arguments, **more)

    return failing_call


def test_between_any_two_renames_what_a_receipt_says_is_true(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = []
    for when in count(1):
        job = copy_of(done.parent, f"failing-{when}")
        with monkeypatch.context() as patched, contextlib.suppress(SpoolError):
            patched.setattr(os, "replace", failing(os.replace, when))
            encode(job, fps="25", video="both")
            break
        named.append(assert_true(job))
        assert leftovers(job.parent) == []
        encode(job, fps="25", video="both")
        assert assert_true(job) == {"mp4", "gif"}
        assert {record["settings"]["fps"] for record in recorded(job).values()} == {"25"}
    # The receipt that names neither, the two videos, and the receipt that names both.
    assert named == [{"mp4", "gif"}, set(), set(), set()]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("calls", "what"),
    [
        (RENAMES, "signal=KILL"),
        ("fsync", "signal=KILL"),
        ("unlink,unlinkat", "signal=KILL"),
        (RENAMES, "error=EDQUOT"),
        ("fsync", "error=EDQUOT"),
        ("openat", "error=EIO"),
    ],
)
def test_at_each_moment_what_a_receipt_says_is_true_and_one_more_run_mends_all(
    done: Path, require_program: Require, calls: str, what: str
) -> None:
    strace = require_program("strace", "strace")
    named = []
    for when in count(1):
        job = copy_of(done.parent, f"killed-{when}")
        run = injected(strace, calls, what, when, job)
        named.append(assert_true(job))
        if run.returncode == 0:
            break
        mended = run_command("encode", job, "--video-fps", "25", "--video", "both", "--lease", "1")
        assert (mended.returncode, leftovers(job.parent)) == (0, []), mended.stderr
        assert assert_true(job) == {"mp4", "gif"}
        assert {record["settings"]["fps"] for record in recorded(job).values()} == {"25"}
    if calls == RENAMES:
        # The receipt that names neither, the two videos, and the receipt that names both.
        assert [names for names, _ in groupby(named)] == [{"mp4", "gif"}, set(), {"mp4", "gif"}]
        assert named.count(set()) == 3
    assert len(named) > 1


def test_the_record_of_a_video_that_stays_is_kept_until_the_next_is_ready(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encode that fails leaves the receipt as it was; one that only adds a GIF names the MP4 all the time."""
    before = stored(done)
    with monkeypatch.context() as patched, pytest.raises(SpoolError):
        patched.setattr(os, "fsync", failing(os.fsync, 1))
        encode(done, fps="25", video="both")
    assert stored(done) == before
    (done.parent / "job.gif").unlink()
    named = []
    os.utime(done.parent / "job.mp4", (1, 1))
    encode_job(JobPaths.of(done), context(video="both"), lambda share: named.append(set(recorded(done))))
    assert set().union(*named) == {"mp4", "gif"}
    assert assert_true(done) == {"mp4", "gif"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_that_somebody_has_replaced_by_one_of_its_size_is_made_again(done: Path, kind: Kind) -> None:
    path = done.parent / f"job.{kind}"
    right = path.read_bytes()
    replace_by_another(path)
    assert state(done) == "ready"
    assert done_already(JobPaths.of(done), context(video="both")) is None
    assert [record.format for record in encode(done, video="both").made] == [kind]
    assert path.read_bytes() == right
    assert assert_true(done) == {"mp4", "gif"}
    assert state(done) == "done"


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_nobody_asks_for_any_more_is_not_named_any_more(done: Path, kind: Kind) -> None:
    other = next(each for each in KINDS if each != kind)
    replace_by_another(done.parent / f"job.{kind}")
    assert encode(done, video=other).made == []
    assert assert_true(done) == {other}
    assert state(done) == "done"


def test_a_video_with_another_time_is_read_once_and_not_made_again(done: Path) -> None:
    path = done.parent / "job.mp4"
    shutil.copy(path, done.parent / "copy")
    os.utime(done.parent / "copy", (1, 1))
    os.replace(done.parent / "copy", path)
    assert state(done) == "ready"
    assert encode(done, video="both").made == []
    assert assert_true(done) == {"mp4", "gif"}
    assert state(done) == "done"
    # Nobody has to read it again: it would not be what is recorded.
    receipt = (done.parent / "job.receipt.json").read_bytes()
    path.write_bytes(bytes(path.stat().st_size))
    os.utime(path, (1, 1))
    assert encode(done, video="both").made == []
    assert (done.parent / "job.receipt.json").read_bytes() == receipt


def test_a_receipt_of_an_earlier_version_is_compared_by_size(done: Path) -> None:
    receipt = stored(done)
    for record in receipt["outputs"]:
        del record["mtime_ns"]
    (done.parent / "job.receipt.json").write_text(json.dumps(receipt))
    assert state(done) == "done"
    assert encode(done, video="both").made == []
    (done.parent / "job.mp4").write_bytes(b"shorter")
    assert state(done) == "ready"
    assert [record.format for record in encode(done, video="both").made] == ["mp4"]
    assert stored(done)["outputs"][0]["mtime_ns"] == (done.parent / "job.mp4").stat().st_mtime_ns


def fail(job: Path) -> None:
    paths = JobPaths.of(job)
    with pytest.raises(FrameError) as caught:
        encode_job(paths, context())
    record_failure(paths, caught.value, context(), job.stat().st_mtime_ns)


def test_a_job_that_fails_keeps_the_records_of_what_is_there(done: Path) -> None:
    cut(done / "000003.png")
    replace_by_another(done.parent / "job.gif")
    fail(done)
    assert stored(done)["error"].endswith("--gaps skip leaves it out")
    assert assert_true(done) == {"mp4"}
    (done.parent / "job.mp4").unlink()
    fail(done)
    assert assert_true(done) == set()


def test_a_failed_job_that_is_killed_when_it_succeeds_has_not_failed(done: Path, require_program: Require) -> None:
    whole = (done / "000003.png").read_bytes()
    cut(done / "000003.png")
    fail(done)
    assert state(done) == "failed"
    (done / "000003.png").write_bytes(whole)
    # In the middle of its renames: a job that has failed is left alone by watchers, what is not done is not.
    injected(require_program("strace", "strace"), RENAMES, "signal=KILL", 3, done)
    assert (assert_true(done), state(done)) == (set(), "claimed")
    shutil.rmtree(done.parent / ".daddy-encode")
    assert state(done) == "ready"


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_nothing_of_another_users_receipt_becomes_ours(done: Path) -> None:
    receipt = stored(done)
    for record in receipt["outputs"]:
        record["frames"] = 1_000_000
    path = done.parent / "job.receipt.json"
    path.write_text(json.dumps(receipt))
    os.chown(path, 65534, 65534)
    cut(done / "000003.png")
    fail(done)
    assert stored(done)["outputs"] == []
    shutil.copyfile(done / "000002.png", done / "000003.png")
    path.write_text(json.dumps(receipt))
    os.chown(path, 65534, 65534)
    encode(done)
    assert assert_true(done) == {"mp4"}


def test_a_receipt_that_cannot_be_replaced_leaves_the_video(done: Path) -> None:
    old = (done.parent / "job.mp4").read_bytes()
    (done.parent / "job.receipt.json").unlink()
    (done.parent / "job.receipt.json").mkdir()
    with pytest.raises(SpoolError, match=r"cannot replace .*job\.receipt\.json: "):
        encode(done, fps="25")
    assert (done.parent / "job.mp4").read_bytes() == old
    assert leftovers(done.parent) == []


def test_a_video_that_was_copied_from_another_directory_has_its_own_time(done: Path, tmp_path: Path) -> None:
    encode_job(JobPaths.of(done), replace(context(force=True, video="both"), tmp_dir=tmp_path / "scratch"))
    assert assert_true(done) == {"mp4", "gif"}
    assert state(done) == "done"


def test_a_watcher_makes_the_replaced_video_again_and_reads_the_one_with_another_time(done: Path) -> None:
    replaced, touched = done, copy_of(done.parent, "other")
    right = (replaced.parent / "job.mp4").read_bytes()
    replace_by_another(replaced.parent / "job.mp4")
    os.utime(touched.parent / "job.mp4", (1, 1))
    completed = run_command("watch", replaced.parent.parent, "--once", "--video", "both")
    assert completed.returncode == 0, completed.stderr
    saved = [line for line in completed.stderr.splitlines() if "INFO saved" in line]
    assert len(saved) == 1
    assert str(replaced.parent / "job.mp4") in saved[0]
    assert (replaced.parent / "job.mp4").read_bytes() == right
    for job in (replaced, touched):
        assert (assert_true(job), state(job)) == ({"mp4", "gif"}, "done")
