"""`daddy-encode clean`: frames go once their videos are proved, and only then; everything else stays."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.archive.clean.delete import delete_frames
from daddy_encode.archive.clean.outcome import CleanOptions, KeptError
from daddy_encode.archive.verify.proof import Proof
from daddy_encode.archive.verify.prove import prove
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import DaddyEncodeError, Interrupted
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.archive.commands import told
from tests.archive.jobs import STAYS, change_receipt, copy_job, names, output
from tests.jobs import encode
from tests.media import decode_mp4, moving_square
from tests.service.spools import receipt_of, right_bytes, temporary_files, video_of, write_job
from tests.users import Lab


def done_job(directory: Path, variety: int = 0, container: str = "png") -> Path:
    if container == "tar":
        save_frames_as_png(moving_square(4, 32, 48), directory, container="tar")
    else:
        write_job(directory, variety)
    encode(directory)
    if container == "packed":
        assert told("pack", directory)[0] == 0
    return directory


@pytest.mark.parametrize("container", ["png", "tar", "packed"])
def test_frames_go_the_rest_stays_and_the_job_is_done(tmp_path: Path, container: str) -> None:
    job = done_job(tmp_path / "spool" / "job", container=container)
    video = video_of(job).read_bytes()
    frames = [path for path in job.iterdir() if path.name not in STAYS]
    # By the file system, not by us.
    size = sum(path.stat().st_blocks * 512 for path in frames)
    status, said = told("clean", tmp_path / "spool", "--dry-run", "--json")
    would = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert would == [{"path": str(job), "state": "would", "files": len(frames), "bytes": size}]
    assert names(job) > STAYS

    status, said = told("clean", tmp_path / "spool", "--yes", "--json")
    assert status == 0, said
    assert [json.loads(line)["state"] for line in said.splitlines() if line.startswith("{")] == ["cleaned"]
    assert names(job) == STAYS
    assert video_of(job).read_bytes() == video
    assert receipt_of(job)["frames"] == "deleted"
    assert temporary_files(tmp_path) == []
    assert "already done" in told("encode", tmp_path / "spool")[1]
    status, said = told("clean", tmp_path / "spool", "--yes")
    assert (status, "0 jobs cleaned, 1 without frames already" in said) == (0, True), said
    assert told("verify", tmp_path / "spool")[0] == 0
    status, said = told("pack", tmp_path / "spool")
    assert (status, "0 jobs packed, 1 already, 0 left" in said) == (0, True), said


@pytest.mark.parametrize(("answer", "left"), [("n", True), ("y", False)])
def test_it_asks_in_a_terminal(tmp_path: Path, answer: str, *, left: bool) -> None:
    job = done_job(tmp_path / "job")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "daddy_encode", "clean", str(job)]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.write(ours, f"{answer}\n".encode())
        said, asked = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "the frames of 1 job, 4 files of " in said
    assert "Delete them" in asked
    assert (names(job) == STAYS) is not left


def test_a_watcher_cleans_what_has_been_done_for_long_enough(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    jobs = [done_job(spool / "old"), write_job(spool / "new", 1), done_job(spool / "kept")]
    for job in jobs:
        os.utime(job, (1e9, 1e9))
    for job, is_partial in ((jobs[0], False), (jobs[2], True)):
        # Found done, in a directory of that time.
        assert encode(job).made == []
        change_receipt(job, lambda receipt, is_so=is_partial: receipt.update(finished=1e9, partial=is_so))  # type: ignore[misc]
    status, said = told("watch", spool, "--once", "--clean-after", "1d")
    assert (status, said.count("cleaned "), said.count("kept: its video may not")) == (0, 1, 1), said
    assert [names(job) == STAYS for job in jobs] == [True, False, False]
    status, said = told("watch", spool, "--once", "--clean-after", "0")
    assert [names(job) == STAYS for job in jobs] == [True, True, False], said
    assert temporary_files(spool) == []
    assert video_of(jobs[0]).read_bytes() == right_bytes(0)


def test_where_nobody_can_be_asked_nothing_is_deleted(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    before = names(job)
    status, said = told("clean", job)
    assert (status, "give --yes" in said, names(job)) == (2, True, before)


def change_a_frame(job: Path) -> None:
    (job / "000001.png").write_bytes((job / "000002.png").read_bytes())


def add_a_frame(job: Path) -> None:
    shutil.copy(job / "000003.png", job / "000004.png")


def lose_a_frame(job: Path) -> None:
    (job / "000002.png").unlink()


def link_a_frame(job: Path) -> None:
    (job / "000001.png").rename(job.parent / "elsewhere.png")
    (job / "000001.png").symlink_to(job.parent / "elsewhere.png")


def another_sequence(job: Path) -> None:
    shutil.copy(job / "000003.png", job / "extra_1.png")
    shutil.copy(job / "000003.png", job / "extra_2.png")


def later_version(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(version=2))


def no_receipt(job: Path) -> None:
    output(job, "receipt.json").unlink()


def failed(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(error="no"))


def unfinished(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(unfinished={"gif": {}}))


def cut_the_video(job: Path) -> None:
    os.truncate(video_of(job), video_of(job).stat().st_size - 10)


def swap_the_video(job: Path) -> None:
    video_of(job).write_bytes(right_bytes(1))


def no_video(job: Path) -> None:
    video_of(job).unlink()


def link_the_video(job: Path) -> None:
    video_of(job).rename(job.parent / "other.mp4")
    video_of(job).symlink_to(job.parent / "other.mp4")


def salvaged(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(salvaged=True))


def partial_video(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(partial=True))


SPOILED: dict[Callable[[Path], None], str] = {
    change_a_frame: "have changed since",
    add_a_frame: "000004.png is not one of the frames",
    lose_a_frame: "have changed since",
    link_a_frame: "have changed since",
    another_sequence: "extra_1.png is not one of the frames",
    later_version: "version 2 is not one this program reads",
    no_receipt: "is not encoded",
    failed: "has failed",
    unfinished: "is not made",
    cut_the_video: "job.mp4: ",
    swap_the_video: "job.mp4: ",
    no_video: "job.mp4: ",
    link_the_video: "job.mp4: ",
    salvaged: "salvaged; --include-salvaged",
    partial_video: "partial; --include-salvaged",
}


def test_what_is_not_proved_is_kept_and_said_why(tmp_path: Path) -> None:
    spool, first = tmp_path / "spool", done_job(tmp_path / "first" / "job")
    jobs = {spoil: copy_job(first, spool / spoil.__name__) for spoil in SPOILED}
    good = copy_job(first, spool / "good")
    for spoil, job in jobs.items():
        spoil(job)
    before = {path: path.read_bytes() for path in spool.rglob("*") if path.is_file() and "good" not in str(path)}
    status, said = told("clean", spool, "--yes")
    assert (status, "15 kept" in said) == (0, True), said
    for spoil, why in SPOILED.items():
        lines = [line for line in said.splitlines() if f"/{spoil.__name__}/" in line]
        assert [why in line and "kept" in line for line in lines] == [True], (spoil.__name__, said)
    after = {path: path.read_bytes() for path in spool.rglob("*") if path.is_file() and "good" not in str(path)}
    assert after == before
    # They cost no other job.
    assert names(good) == STAYS
    assert temporary_files(spool) == []


@pytest.mark.parametrize("other", ["000000.json", ".npz", "depth_0.png"])
def test_an_archive_that_holds_something_else_is_kept(tmp_path: Path, other: str) -> None:
    job = tmp_path / "job"
    save_frames_as_png(moving_square(4, 32, 48), job, container="tar")
    with tarfile.open(job / "frames.tar", "a") as archive:
        archive.add(job / "manifest.json", other)
    encode(job)
    before = (job / "frames.tar").read_bytes()
    for option in ("--dry-run", "--yes"):
        status, said = told("clean", job, option)
        assert (status, f"frames.tar also holds {other}, which would be lost" in said) == (0, True), said
    assert (job / "frames.tar").read_bytes() == before
    assert receipt_of(job)["frames"] is None


def test_a_reader_of_its_lines_that_has_seen_enough_stops_nothing(tmp_path: Path) -> None:
    first = done_job(tmp_path / "first" / "job")
    jobs = [copy_job(first, tmp_path / "spool" / name) for name in ("a", "b")]
    command = [sys.executable, "-m", "daddy_encode", "clean", str(tmp_path / "spool"), "--yes", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr.count("closed by its reader")) == (0, 1), done.stderr
    assert [names(job) for job in jobs] == [STAYS, STAYS]


def test_options_say_which_are_kept(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    status, said = told("clean", job, "--yes", "--min-psnr", "99")
    assert (status, " dB, less than 99" in said, len(names(job))) == (0, True, 6), said
    status, said = told("clean", job, "--yes", "--older-than", "1h")
    assert (status, "1 younger" in said, len(names(job))) == (0, True, 6), said
    change_receipt(job, lambda receipt: receipt.update(salvaged=True))
    assert told("clean", job, "--yes", "--include-salvaged")[0] == 0
    assert names(job) == STAYS
    assert told("clean", job, "--keep-every", "2", "--keep-posters")[0] == 2


@pytest.mark.parametrize(
    ("container", "options", "kept"),
    [
        ("png", ["--keep-every", "3"], [0, 3]),
        ("tar", ["--keep-posters"], [0, 2]),
        ("packed", ["--keep-every", "2"], [0, 2]),
    ],
)
def test_kept_frames_are_in_a_tar_which_is_no_job(
    tmp_path: Path, container: str, options: list[str], kept: list[int]
) -> None:
    job = done_job(tmp_path / "spool" / "job", container=container)
    assert told("clean", job, "--yes", *options)[0] == 0
    assert names(job) == {*STAYS, "kept.tar"}
    with tarfile.open(job / "kept.tar") as archive:
        assert archive.getnames() == [f"{index:06d}.png" for index in kept]
        for index, member in zip(kept, archive, strict=True):
            with Image.open(archive.extractfile(member)) as picture:  # type: ignore[arg-type]
                assert (np.asarray(picture) == moving_square(4, 32, 48)[index]).all()
    assert "already done" in told("encode", tmp_path / "spool")[1]
    assert '"state": "done"' in told("status", tmp_path / "spool", "--json")[1]
    again = tmp_path / "again"
    shutil.copytree(job, again)
    save_frames_as_png(moving_square(3, 32, 48), again, overwrite=True)
    assert names(again) == {*STAYS, "000000.png", "000001.png", "000002.png"}
    # Nor where the manifest goes as well.
    for name in STAYS:
        (job / name).unlink()
    assert "already done" in told("encode", tmp_path / "spool")[1]


def test_kept_frames_of_an_earlier_recording_are_never_replaced(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    copy = tmp_path / "copy"
    shutil.copytree(job, copy)
    assert told("clean", job, "--yes", "--keep-posters")[0] == 0
    kept = (job / "kept.tar").read_bytes()
    # The same recording, put back.
    shutil.copytree(copy, job, dirs_exist_ok=True)
    assert told("encode", job)[0] == 0
    status, said = told("clean", job, "--yes", "--keep-posters")
    assert (status, "1 job cleaned" in said, names(job)) == (0, True, {*STAYS, "kept.tar"}), said
    # Another one, by a program that knows nothing of the file.
    for name in STAYS:
        (job / name).unlink()
    for index, frame in enumerate(moving_square(4, 32, 50)):
        Image.fromarray(frame).save(job / f"{index:06d}.png")
    assert told("encode", job)[0] == 0
    for option in ("--dry-run", "--yes"):
        status, said = told("clean", job, option, "--keep-posters")
        assert (status, "job: kept: kept.tar in it holds other frames" in said, len(names(job))) == (0, True, 5), said
        assert (job / "kept.tar").read_bytes() == kept
    assert told("clean", job, "--yes")[0] == 0
    assert (names(job), (job / "kept.tar").read_bytes()) == ({"kept.tar"}, kept)


def test_the_oldest_go_until_there_is_room(small_disk: Path) -> None:
    jobs = [done_job(small_disk / name) for name in ("new", "old", "older")]
    for age, job in enumerate(jobs):
        change_receipt(job, lambda receipt, age=age: receipt.update(finished=1e9 - age))  # type: ignore[misc]
        os.utime(job, (1e9 - age, 1e9 - age))
    disk = os.statvfs(small_disk)
    # A page of the disk for each frame: one job does not suffice, two do.
    wanted = disk.f_bavail * disk.f_frsize + 6 * 4096
    status, said = told("clean", small_disk, "--yes", "--until-free", str(wanted))
    assert (status, "the frames of 2 jobs, 8 files of " in said) == (0, True), said
    assert [names(job) == STAYS for job in jobs] == [False, True, True]
    status, said = told("clean", small_disk, "--yes", "--until-free", "5G")
    assert (status, "nothing more to delete" in said, names(jobs[0]) == STAYS) == (1, True, True), said
    status, said = told("clean", small_disk, "--yes", "--until-free", "1")
    assert (status, "is free already, so nothing has to be deleted" in said) == (0, True), said
    assert told("clean", small_disk, "--until-free", "many")[0] == 2


def test_a_job_that_is_claimed_is_kept(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    with Claims(120.0).hold(JobPaths.of(job), lambda: None):
        status, said = told("clean", job, "--yes")
    assert (status, "works on it" in said, len(names(job))) == (0, True, 6), said


def test_a_job_that_cannot_be_claimed_is_kept(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    shutil.rmtree(tmp_path / ".daddy-encode", ignore_errors=True)
    (tmp_path / ".daddy-encode").write_text("")
    status, said = told("clean", job, "--yes")
    assert (status, "cannot be claimed" in said, len(names(job))) == (0, True, 6), said


@pytest.mark.soak
def test_anothers_job_is_kept_until_its_owner_is_trusted(lab: Lab, shared: Path) -> None:
    code = "from tests.archive.test_clean import done_job; import sys, pathlib; done_job(pathlib.Path(sys.argv[1]))"
    made = lab.victim.python(code, shared / "job", reach=[shared], umask=0o002)
    assert made.returncode == 0, made.stderr
    for user in (lab.mallory, lab.stranger):
        asked = user.run("clean", shared / "job", "--yes", reach=[shared])
        assert (asked.returncode, "belongs to" in asked.stderr, len(names(shared / "job"))) == (0, True, 6), (
            asked.stderr
        )
    asked = lab.mallory.run("clean", shared / "job", "--yes", "--trust-owner", lab.victim.name, reach=[shared])
    assert (asked.returncode, names(shared / "job")) == (0, STAYS), asked.stderr


def proved(job: Path, directory: JobDirectory) -> Proof:
    proof = prove(JobPaths.of(job), directory, RunLimits(threading.Event())).proof
    assert proof is not None
    return proof


def begin_to_delete(job: Path) -> None:
    """As a `clean` leaves it that is stopped once the first frame has gone."""

    def stop() -> None:
        if not (job / "000000.png").exists():
            raise Interrupted("stopped")

    with JobDirectory(job) as directory, pytest.raises(Interrupted):
        delete_frames(proved(job, directory), directory, CleanOptions(), stop)


def replace_directory(job: Path) -> None:
    job.rename(job.with_name("moved"))
    shutil.copytree(job.with_name("moved"), job)


def rewrite_receipt(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt.update(host="elsewhere"))


def rewrite_frame_with_its_time(job: Path) -> None:
    status = (job / "000001.png").stat()
    change_a_frame(job)
    os.truncate(job / "000001.png", status.st_size)
    os.utime(job / "000001.png", ns=(status.st_atime_ns, status.st_mtime_ns))


def touch_video(job: Path) -> None:
    os.utime(video_of(job))


def test_what_changes_after_the_proof_is_noticed_before_anything_is_deleted(tmp_path: Path) -> None:
    first = done_job(tmp_path / "first" / "job")
    for spoil in (
        change_a_frame,
        rewrite_frame_with_its_time,
        add_a_frame,
        lose_a_frame,
        link_a_frame,
        replace_directory,
        rewrite_receipt,
        touch_video,
        swap_the_video,
        no_video,
        no_receipt,
    ):
        job = copy_job(first, tmp_path / spoil.__name__)
        with JobDirectory(job) as directory:
            proof = proved(job, directory)
            spoil(job)
            before = names(job)
            with pytest.raises(DaddyEncodeError):
                delete_frames(proof, directory, CleanOptions(), lambda: None)
        assert names(job) == before, spoil
        assert not any("deleting" in name for name in before)


@pytest.mark.parametrize("other", ["000000.png", "000003.png"])
def test_a_frame_that_is_replaced_while_the_others_go_stays(tmp_path: Path, other: str) -> None:
    job = done_job(tmp_path / "job")
    new = (job / other).read_bytes()
    is_other = len(new) != (job / "000003.png").stat().st_size
    assert is_other == (other == "000000.png")
    calls: list[int] = []

    def replace_one() -> None:
        calls.append(len(names(job)))
        if len(calls) == 3:
            (tmp_path / "new").write_bytes(new)
            (tmp_path / "new").rename(job / "000003.png")

    # A frame of the same size may be a copy of what is left.
    kept = contextlib.nullcontext() if is_other else pytest.raises(KeptError, match="1 of its files are left")
    with JobDirectory(job) as directory, kept:
        delete_frames(proved(job, directory), directory, CleanOptions(), replace_one)
    assert names(job) == {*STAYS, "000003.png", *(() if is_other else ("frames.deleting.json",))}
    assert (job / "000003.png").read_bytes() == new


@pytest.mark.parametrize(
    ("container", "call"), [("png", 1), ("png", 3), ("tar", 2), ("packed", 2), ("packed", 3), ("packed", 4)]
)
def test_what_was_stopped_is_finished_by_the_next_run_and_never_encoded(
    tmp_path: Path, container: str, call: int
) -> None:
    job = done_job(tmp_path / "spool" / "job", container=container)
    frames = len(names(job) - STAYS)
    calls: list[None] = []

    def stop() -> None:
        calls.append(None)
        if len(calls) == call:
            raise Interrupted("stopped")

    with JobDirectory(job) as directory:
        proof = proved(job, directory)
        if call <= 1 + frames:
            with pytest.raises(Interrupted):
                delete_frames(proof, directory, CleanOptions(), stop)
            assert "frames.deleting.json" in names(job)
        else:
            delete_frames(proof, directory, CleanOptions(), stop)
    assert told("encode", tmp_path / "spool", "--gaps", "skip", "--video", "both")[0] == 0
    assert [path.name for path in (tmp_path / "spool").glob("*.gif")] == []
    status, said = told("clean", tmp_path / "spool", "--yes")
    assert status == 0, said
    assert names(job) == STAYS
    assert receipt_of(job)["frames"] == "deleted"


def test_what_was_begun_is_not_finished_without_the_videos(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    begin_to_delete(job)
    left = names(job)
    swap_the_video(job)
    status, said = told("clean", job, "--yes")
    assert (status, "3 of its files are left" in said, names(job)) == (0, True, left), said
    status, said = told("encode", job)
    assert (status, "are being deleted" in said) == (1, True), said


def test_of_videos_in_another_tree_it_is_said_where_their_frames_may_be(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_job(tmp_path / "jobs" / name)
    assert told("encode", tmp_path / "jobs", "--output-dir", tmp_path / "videos")[0] == 0
    told("clean", tmp_path / "jobs" / "a", "--output-dir", tmp_path / "videos", "--yes")
    for command in (["clean", "--yes"], ["clean", "--dry-run"], ["pack"]):
        status, said = told(*command, tmp_path / "videos")
        assert (status, "2 jobs without a directory beside the videos" in said, "--output-dir" in said) == (
            0,
            True,
            True,
        ), said
        status, said = told(*command, tmp_path / "jobs", "--output-dir", tmp_path / "videos", "--dry-run")
        assert (status, "beside the videos" in said) == (0, False), said


def test_what_a_killed_clean_has_left_goes_only_where_that_recording_was_marked(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    source = json.loads((tmp_path / "job.receipt.json").read_text())["source"]["sha256"][:16]
    begin_to_delete(job)
    before = names(job)
    marks = tmp_path / "marks.json"

    def clean(*options: str, **mark: str) -> tuple[int, str]:
        marks.write_text(json.dumps({"version": 1, "root": "", "marks": [{"job": "job", "mark": "bad", **mark}]}))
        return told("clean", tmp_path, "--from", marks, "--mark", "bad", *options)

    for options in (["--dry-run"], ["--yes"]):
        for mark, why in (
            ({"source": "0" * 16}, "kept: another recording than the one that was marked has this name"),
            ({}, "kept: its mark does not say of which recording it is"),
        ):
            status, said = clean(*options, **mark)
            assert (status, why in said, names(job)) == (0, True, before), said
    assert clean("--yes", source=source)[0] == 0
    assert names(job) == STAYS


def test_recorded_anew_after_a_clean_that_was_killed(tmp_path: Path) -> None:
    job = done_job(tmp_path / "job")
    begin_to_delete(job)
    save_frames_as_png(moving_square(7, 32, 48), job, overwrite=True)
    status, said = told("clean", job, "--yes")
    assert (status, "have changed since" in said, len(names(job))) == (0, True, 9), said
    encode(job)
    assert len(decode_mp4(video_of(job), 48, 32)) == 7
    assert told("clean", job, "--yes")[0] == 0
    assert names(job) == STAYS
