"""A dump that changes while it is encoded: no video of two dumps; the new one is encoded, or nothing appears."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.job import TRIES, encode_job
from daddy_encode.errors import TransientError
from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest, write_manifest
from daddy_encode.spool.paths import JobPaths
from tests.encoding.frames.faults import cut
from tests.jobs import context, encode
from tests.media import Frames, leftovers, moving_square, shaded
from tests.service.spools import until

COUNT = 8
OLD = moving_square(COUNT, 32, 48)
# Of more than 256 colours: a GIF of them is made in two passes.
SHADED = shaded(COUNT, 32, 48)


def write(directory: Path, frames: Frames) -> Path:
    """A dump whose files are all of one size, whatever they show."""
    directory.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        # In place, where there is one already.
        Image.fromarray(frame).save(directory / frame_name(index), compress_level=0)
    until_the_clock_ticks(directory)
    return directory


def until_the_clock_ticks(directory: Path) -> None:
    """Wait until what is written next gets a later time: the clock of a file system may tick every 10 ms."""
    latest = max(path.stat().st_ctime_ns for path in directory.iterdir())
    probe = directory.parent / "probe"
    until(lambda: probe.write_bytes(b"") == 0 and probe.stat().st_ctime_ns > latest, "a later time")
    probe.unlink()


def write_promised(directory: Path, frames: Frames) -> Path:
    write(directory, frames)
    count, height, width = frames.shape[:3]
    write_manifest(directory, Manifest(frames=count, width=width, height=height))
    return directory


@pytest.fixture
def job(spool: Path) -> Path:
    return write_promised(spool / "job", OLD)


def mirrored(frames: Frames) -> Frames:
    return frames[:, :, ::-1].copy()


def new_dump(job: Path) -> Path:
    """The same job again, somewhere else."""
    return write_promised(job.parent.parent / "new" / "job", mirrored(OLD))


def all_in_place(job: Path) -> None:
    write(job, mirrored(OLD))


def one_in_place(index: int) -> Callable[[Path], None]:
    def change(job: Path) -> None:
        (job / frame_name(index)).write_bytes((new_dump(job) / frame_name(index)).read_bytes())

    return change


def in_place_with_its_time(job: Path) -> None:
    for new in new_dump(job).glob("*.png"):
        old = (job / new.name).stat()
        (job / new.name).write_bytes(new.read_bytes())
        os.utime(job / new.name, ns=(old.st_atime_ns, old.st_mtime_ns))


def replaced(job: Path) -> None:
    for new in new_dump(job).iterdir():
        os.replace(new, job / new.name)


def replaced_with_its_time(job: Path) -> None:
    for new in new_dump(job).glob("*.png"):
        old = (job / new.name).stat()
        os.utime(new, ns=(old.st_atime_ns, old.st_mtime_ns))
        os.replace(new, job / new.name)


def manifest_replaced_by_its_equal(job: Path) -> None:
    (job / "copy").write_bytes((job / MANIFEST_NAME).read_bytes())
    os.replace(job / "copy", job / MANIFEST_NAME)


def manifest_changed(job: Path) -> None:
    write_manifest(job, Manifest(frames=COUNT, width=48, height=32, fps=10))


def manifest_gone(job: Path) -> None:
    (job / MANIFEST_NAME).unlink()


def another_directory(job: Path) -> None:
    new = new_dump(job)
    os.utime(new, ns=(job.stat().st_mtime_ns, job.stat().st_mtime_ns))
    job.rename(job.parent / "moved.away")
    new.rename(job)


def longer(job: Path) -> None:
    write_promised(job, moving_square(COUNT + 3, 32, 48))


def other_size(job: Path) -> None:
    write_promised(job, moving_square(COUNT, 40, 64))


def added(job: Path) -> None:
    shutil.copyfile(job / frame_name(0), job / frame_name(COUNT))


def removed(job: Path) -> None:
    (job / frame_name(COUNT - 1)).unlink()


def changing(change: Callable[[Path], object], job: Path, at: int) -> Callable[[float], None]:
    """What is called for each frame that is read: `change` is made when `at` were."""
    read = 0

    def progress(share: float) -> None:
        nonlocal read
        read += 1
        if read == at:
            change(job)

    return progress


def assert_it_shows_what_is_there(job: Path, **settings: Any) -> None:
    """The videos and the receipt are those of the dump that is there now."""
    again = job.parent.parent / "again" / job.name
    shutil.copytree(job, again)
    encode(again, **settings)
    outputs = [path.name for path in again.parent.iterdir() if path.suffix in (".mp4", ".gif")]
    assert outputs
    for name in outputs:
        assert (job.parent / name).read_bytes() == (again.parent / name).read_bytes(), name
    receipt, wanted = (json.loads((path.parent / "job.receipt.json").read_text()) for path in (job, again))
    assert receipt["source"]["sha256"] == wanted["source"]["sha256"]
    assert {record["path"]: record["sha256"] for record in receipt["outputs"]} == {
        name: hashlib.sha256((job.parent / name).read_bytes()).hexdigest() for name in outputs
    }
    assert leftovers(job.parent) == []


CHANGES: list[Any] = [
    all_in_place,
    pytest.param(one_in_place(1), id="one that was read"),
    pytest.param(one_in_place(COUNT - 1), id="one that was not read yet"),
    in_place_with_its_time,
    replaced,
    replaced_with_its_time,
    manifest_replaced_by_its_equal,
    manifest_changed,
    manifest_gone,
    another_directory,
    longer,
    other_size,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_dump_that_changes_is_encoded_anew(
    job: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    encode_job(JobPaths.of(job), context(), changing(change, job, at=COUNT // 2))
    assert_it_shows_what_is_there(job)
    assert [record.getMessage() for record in caplog.records] == [
        f"{job}: its frames changed while they were encoded; encoding it anew"
    ]


@pytest.mark.parametrize("change", [all_in_place, replaced, added, removed])
def test_so_is_one_without_a_manifest(spool: Path, change: Callable[[Path], None]) -> None:
    job = write(spool / "job", OLD)
    encode_job(JobPaths.of(job), context(), changing(change, job, at=COUNT // 2))
    assert_it_shows_what_is_there(job)


@pytest.mark.parametrize("flush", [1, 2, 3], ids=["the video's flush", "the old receipt's", "its directory's"])
def test_so_is_one_that_changes_while_its_video_only_waits_for_the_disk(
    job: Path, flush: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encode(job, fps="10")
    fsync, calls = os.fsync, itertools.count(1)

    def change_and_flush(descriptor: int) -> None:
        fsync(descriptor)
        if next(calls) == flush:
            all_in_place(job)

    monkeypatch.setattr(os, "fsync", change_and_flush)
    encode(job, fps="30")
    monkeypatch.undo()
    assert_it_shows_what_is_there(job)
    assert len(caplog.records) == 1


def test_so_is_one_that_changes_when_it_was_read_once_more(
    job: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_same = DirectorySource.is_same

    def find_the_same_and_change(source: DirectorySource) -> bool:
        found = is_same(source)
        monkeypatch.undo()
        all_in_place(job)
        return found

    monkeypatch.setattr(DirectorySource, "is_same", find_the_same_and_change)
    encode_job(JobPaths.of(job), context(), changing(more_permissions, job, at=COUNT // 2))
    assert_it_shows_what_is_there(job)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("video", "pass_"), [("gif", 0), ("gif", 1), ("both", 1), pytest.param("both", 0, marks=pytest.mark.soak)]
)
def test_so_is_one_that_a_gif_reads_twice(spool: Path, video: str, pass_: int) -> None:
    job = write_promised(spool / "job", SHADED)
    progress = changing(lambda job: write(job, mirrored(SHADED)), job, at=pass_ * COUNT + 4)
    encode_job(JobPaths.of(job), context(video=video), progress)
    assert_it_shows_what_is_there(job, video=video)


def mended(job: Path) -> None:
    shutil.copyfile(job / frame_name(2), job / frame_name(3))


def mended_with_its_time(job: Path) -> None:
    bad = (job / frame_name(3)).stat()
    mended(job)
    os.utime(job / frame_name(3), ns=(bad.st_atime_ns, bad.st_mtime_ns))


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"gaps": "hold"}, mended),
        ({"gaps": "hold"}, mended_with_its_time),
        ({"gaps": "hold"}, all_in_place),
        ({"gaps": "skip"}, mended_with_its_time),
        ({"salvage": True}, mended),
    ],
)
def test_so_is_one_with_bad_frames(spool: Path, change: Callable[[Path], None], settings: dict[str, Any]) -> None:
    job = write(spool / "job", OLD)
    # Of the same size.
    (job / frame_name(3)).write_bytes(bytes((job / frame_name(3)).stat().st_size))
    # The first pass ends at the bad one, and the second one is the whole.
    encode_job(JobPaths.of(job), context(**settings), changing(change, job, at=COUNT))
    assert_it_shows_what_is_there(job, **settings)


def test_a_frame_that_is_half_written_while_its_dump_is_replaced_fails_no_job(job: Path) -> None:
    whole = (job / frame_name(5)).read_bytes()
    read = 0

    def progress(share: float) -> None:
        nonlocal read
        read += 1
        if read == 4:
            cut(job / frame_name(5))
        elif read == 7:
            # In the second attempt.
            (job / frame_name(5)).write_bytes(whole)

    encode_job(JobPaths.of(job), context(), progress)
    assert_it_shows_what_is_there(job)


@pytest.mark.parametrize("asked", [context(), replace(context(), settled=True)], ids=["", "settled"])
def test_a_dump_that_does_not_stay_is_tried_later_and_nothing_appears(job: Path, asked: Context) -> None:
    encode(job)
    files = {path: path.read_bytes() for path in job.parent.iterdir() if path.is_file()}
    write(job, moving_square(COUNT, 32, 48)[::-1])
    attempts = 0

    def progress(share: float) -> None:
        nonlocal attempts
        attempts += 1
        if attempts % COUNT == 0:
            # Not what it was at first: that is done.
            write(job, mirrored(OLD)[::-1] if attempts // COUNT % 2 else mirrored(OLD))

    with pytest.raises(TransientError, match=r"job: its frames changed while they were encoded; run again when"):
        encode_job(JobPaths.of(job), asked, progress)
    assert attempts == COUNT * (1 if asked.settled else TRIES)
    assert {path: path.read_bytes() for path in job.parent.iterdir() if path.is_file()} == files


def a_file_beside(job: Path) -> None:
    (job / "notes.txt").write_text("Not a frame.")


def more_permissions(job: Path) -> None:
    for path in job.iterdir():
        path.chmod(0o664)


def copied_with_their_times(job: Path) -> None:
    """What a file system looks like that has numbered its files anew."""
    for path in list(job.iterdir()):
        shutil.copy2(path, job / "copy")
        os.replace(job / "copy", path)


@pytest.mark.parametrize("change", [a_file_beside, more_permissions, copied_with_their_times])
def test_what_leaves_the_frames_as_they_were_costs_no_second_encode(
    job: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    encode_job(JobPaths.of(job), context(), changing(change, job, at=COUNT // 2))
    assert caplog.records == []
    assert_it_shows_what_is_there(job)
    assert encode(job).made == []


@pytest.mark.parametrize("change", [more_permissions, copied_with_their_times])
def test_nor_does_it_where_a_bad_frame_stays_bad(
    job: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    cut(job / frame_name(3))
    encode_job(JobPaths.of(job), context(gaps="hold"), changing(change, job, at=COUNT))
    assert caplog.records == []
    assert_it_shows_what_is_there(job, gaps="hold")


def test_a_frame_that_was_another_one_for_a_moment_is_noticed(job: Path) -> None:
    """Put back before the end with all its times, so that only the directory's tells of it."""
    other, kept = new_dump(job) / frame_name(5), job.parent.parent / "kept.png"
    read = 0

    def progress(share: float) -> None:
        nonlocal read
        read += 1
        if read == 3:
            os.rename(job / frame_name(5), kept)
            os.rename(other, job / frame_name(5))
        elif read == COUNT:
            os.rename(job / frame_name(5), other)
            os.rename(kept, job / frame_name(5))

    encode_job(JobPaths.of(job), context(), progress)
    assert_it_shows_what_is_there(job)
    assert read == 2 * COUNT
