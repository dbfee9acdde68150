"""A job whose frames are gone is done, as long as its receipt and its videos are there; new frames are a new job."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daddy_encode import encode as encode_tree
from daddy_encode import receipts, save_frames_as_png
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import SpoolError
from daddy_encode.service.state import State
from daddy_encode.service.watcher.scanner import Scanner
from daddy_encode.spool.recording.deleting import Deleting, deleting_name
from daddy_encode.spool.records import encode_record
from tests.archive.commands import told
from tests.jobs import encode
from tests.media import decode_mp4, moving_square
from tests.service.spools import receipt_of, right_bytes, video_of, write_job, write_sequences

# With those of the other modules here they take too long for the default tests.
pytestmark = pytest.mark.soak


def remove_frames(job: Path) -> None:
    for frame in job.glob("*.png"):
        frame.unlink()


def remove_all_in_it(job: Path) -> None:
    for path in job.iterdir():
        path.unlink()


def states(root: Path, *options: str) -> dict[str, str]:
    rows = [json.loads(line) for line in told("status", root, "--json", *options)[1].splitlines()]
    return {row["job"]: f"{row['state']} {row['note']}" for row in rows}


@pytest.mark.parametrize(
    ("remove", "elsewhere"),
    [(remove_frames, True), (remove_all_in_it, True), (shutil.rmtree, True), (shutil.rmtree, False)],
)
def test_it_is_done_for_every_command_and_stays_as_it_is(
    tmp_path: Path, remove: Callable[[Path], None], elsewhere: bool
) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out" if elsewhere else tmp_path / "spool"
    options = ["--output-dir", str(out)] if elsewhere else []
    job, other = write_job(spool / "run" / "job"), write_job(spool / "run" / "other", 1)
    assert told("encode", spool, *options)[0] == 0
    remove(job)
    video, receipt = out / "run/job.mp4", out / "run/job.receipt.json"
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in (video, receipt)]

    status, said = told("encode", spool, *options)
    assert (status, said.count("0 videos saved, 2 jobs already done, 0 failed")) == (0, 1), said
    status, said = told("watch", "--once", spool, *options)
    assert (status, said.count("0 videos saved"), said.count("0 failed")) == (0, 1, 1), said
    for more in ([], ["--undo"], ["--dry-run"]):
        status, said = told("pack", spool, *options, *more)
        assert (status, said.count("0 failed"), (out / "run/job.receipt.json").read_bytes()) == (0, 1, before[1][0]), (
            said
        )
    assert states(spool, *options) == {"spool/run/job": "done mp4 (frames gone)", "spool/run/other": "done mp4"}
    assert "6 frames" not in told("log", spool, *options)[1]
    rows = [json.loads(line)["path"] for line in told("log", spool, "--json", *options)[1].splitlines()]
    assert sorted(rows) == sorted(str(out / f"run/{name}.mp4") for name in ("job", "other"))

    # Named itself, it is beside DIR alone.
    named = ["--output-dir", str(out / "run")] if elsewhere else []
    status, said = told("encode", job, *named)
    assert (status, "already done" in said, "its frames are gone" in said, "--force" in said) == (0, True, True, False)
    status, said = told("encode", job, "--force", *named)
    assert status == 1
    assert "its frames are gone, so there is nothing to make it from" in said
    status, said = told("encode", job, "--video", "gif", *named)
    assert status == 0
    assert "what the options ask for is not made" in said
    assert states(job, *named) == {"job": "done mp4 (frames gone)"}
    assert "job.mp4" in told("log", job, *named)[1]
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in (video, receipt)] == before

    # Of a tree, the others are made anew.
    status, said = told("encode", spool, "--force", *options)
    assert (status, "1 video saved" in said, "1 skipped" in said) == (0, True, True), said
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in (video, receipt)] == before
    assert other.is_dir()


def test_a_tree_of_which_only_videos_are_left_is_done_in_python_too(tmp_path: Path) -> None:
    jobs = [write_job(tmp_path / name) for name in ("a", "b")]
    encode_tree(tmp_path)
    for job in jobs:
        shutil.rmtree(job)
    assert [video.path.name for video in encode_tree(tmp_path)] == ["a.mp4", "b.mp4"]
    assert [receipt.job.name for receipt in receipts(jobs[0])] == ["a"]
    with pytest.raises(SpoolError, match="there is nothing to make it from"):
        encode_tree(jobs[0], force=True)


@pytest.mark.parametrize("lost", ["mp4", "receipt.json"])
def test_without_its_video_or_its_receipt_it_is_not_done(tmp_path: Path, lost: str) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    shutil.rmtree(job)
    (tmp_path / f"job.{lost}").unlink()
    assert states(tmp_path) == {}
    assert told("encode", job)[0] == 1
    assert told("encode", tmp_path)[0] == 1


@pytest.mark.parametrize("how", ["removed", "other", "cut"])
@pytest.mark.parametrize("remove", [remove_frames, remove_all_in_it])
def test_a_video_that_is_lost_is_an_error_until_it_is_back(
    tmp_path: Path, how: str, remove: Callable[[Path], None]
) -> None:
    spool, job = tmp_path / "spool", write_job(tmp_path / "spool" / "job")
    encode(job)
    remove(job)
    video, receipt = video_of(job), (spool / "job.receipt.json").read_bytes()
    data, times = video.read_bytes(), (video.stat().st_atime_ns, video.stat().st_mtime_ns)
    video.unlink()
    if how != "removed":
        video.write_bytes(data[:100] if how == "cut" else right_bytes(1))
    why = f"its frames are gone and job.mp4 {'is missing' if how == 'removed' else 'has changed'}: nothing to make it"
    if remove is remove_frames or how != "removed":
        for command in ([job], [spool], [spool, "--force"]):
            status, said = told("encode", *command)
            assert (status, why in said) == (1, True), said
        assert why in states(spool)["spool/job"] and states(spool)["spool/job"].startswith("failed")
    assert (spool / "job.receipt.json").read_bytes() == receipt
    video.write_bytes(data)
    # A copy has another time.
    for _ in range(2):
        assert states(spool) == {"spool/job": "done mp4 (frames gone)"}
        assert "already done" in told("encode", spool)[1]
        os.utime(video, ns=times)
    assert (spool / "job.receipt.json").read_bytes() == receipt


def test_what_else_is_wrong_with_a_job_whose_frames_were_deleted_leaves_its_receipt(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    remove_frames(job)
    path = tmp_path / "job.receipt.json"
    path.write_text(json.dumps(receipt_of(job) | {"frames": "deleted"}))
    before, manifest = path.read_bytes(), (job / "manifest.json").read_bytes()
    (job / "manifest.json").write_text("{")
    assert told("encode", job)[0] == 1
    assert path.read_bytes() == before
    (job / "manifest.json").write_bytes(manifest)
    assert told("encode", job)[0] == 0


def test_frames_that_come_anew_are_a_new_recording(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    scanner = Scanner(tmp_path, make_settings())
    remove_frames(job)
    assert scanner.scan() == []
    assert scanner.counts() == {State.DONE: 1}
    save_frames_as_png(moving_square(9, 32, 48), job, overwrite=True)
    assert [attempt.paths.directory for attempt in scanner.scan()] == [job]
    assert len(decode_mp4(encode(job).paths.output("mp4"), 48, 32)) == 9
    shutil.rmtree(job)
    write_job(job, 1)
    encode(job)
    assert video_of(job).read_bytes() == right_bytes(1)


def test_frames_that_were_put_back_are_those_that_were_encoded(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    shutil.copytree(job, tmp_path / "kept")
    remove_frames(job)
    receipt = receipt_of(job)
    (tmp_path / "job.receipt.json").write_text(json.dumps(receipt | {"frames": "deleted"}))
    assert states(tmp_path / "job") == {"job": "done mp4 (frames deleted)"}
    shutil.rmtree(job)
    shutil.copytree(tmp_path / "kept", job)
    assert encode(job).made == []
    assert receipt_of(job)["frames"] is None


def pretend_to_delete(job: Path, *gone: str) -> None:
    """As a `clean` leaves it that was killed: its record is there, and some of the frames are not."""
    record = Deleting.of("", {path.name: path.stat() for path in sorted(job.glob("*.png"))})
    (job / deleting_name(None)).write_bytes(encode_record(record))
    for name in gone:
        (job / name).unlink()


@pytest.mark.parametrize("options", [["--gaps", "hold"], ["--gaps", "skip", "--video", "both"], ["--force"]])
def test_no_video_is_made_of_what_is_left(tmp_path: Path, options: list[str]) -> None:
    job = write_job(tmp_path / "spool" / "job")
    encode(job)
    pretend_to_delete(job, "000002.png", "000003.png")
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    status, said = told("encode", job, *options)
    assert status == ("--force" in options), said
    assert ("are being deleted" in said) == ("--force" in options)
    if "--force" not in options:
        assert told("watch", "--once", tmp_path / "spool", *options)[0] == 0
    assert states(tmp_path / "spool") == {"spool/job": "done mp4 (frames gone)"}
    # Nor beside other outputs, whose receipt would be another.
    for more in (["--output-dir", str(tmp_path / "else")], ["-o", str(tmp_path / "one.mp4")]):
        status, said = told("encode", job, *options, *more)
        assert status == (2 if "both" in options and "-o" in more else 1)
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


@pytest.mark.parametrize("options", [["--split"], ["--gaps", "skip"]])
def test_no_video_is_made_of_what_is_left_after_its_permissions_changed(tmp_path: Path, options: list[str]) -> None:
    spool, job = tmp_path / "spool", tmp_path / "spool" / "job"
    save_frames_as_png(moving_square(6, 32, 48), job)
    if "--split" in options:
        for path in sorted(job.glob("*.png")):
            shutil.copy(path, path.with_name(f"depth_{path.name}"))
            path.rename(path.with_name(f"rgb_{path.name}"))
        for name in ("manifest.json", "rollout.json"):
            (job / name).unlink()
    assert told("encode", spool, *options)[0] == 0
    before = {path: path.read_bytes() for path in sorted(spool.glob("job.*mp4"))}
    pattern = "rgb_*.png" if "--split" in options else None
    frames = sorted(job.glob(pattern or "*.png"))
    record = job / deleting_name(pattern)
    record.write_bytes(encode_record(Deleting.of("", {path.name: path.stat() for path in frames})))
    for path in frames[:2]:
        path.unlink()
    # What a cleaner knows them by is the change of their inodes too.
    for path in frames[2:]:
        path.chmod(0o660)
    for _ in range(2):
        status, said = told("encode", spool, *options)
        assert (status, "saved job" in said) == (0, False), said
        status, said = told("clean", job, "--yes")
        assert (status, "4 of its files are left" in said, record.exists()) == (0, True, True), said
        # Nor are they packed, when they would be no longer what is left.
        assert told("pack", job)[0] == 0
        assert [path for path in frames if path.exists()] == frames[2:]
    assert {path: path.read_bytes() for path in before} == before
    # One that is copied to another place likewise.
    (tmp_path / "else").mkdir()
    shutil.copytree(job, tmp_path / "else" / "job", copy_function=shutil.copyfile)
    status, said = told("encode", tmp_path / "else" / "job", *options)
    assert not list((tmp_path / "else").glob("*.rgb.mp4" if pattern else "*.mp4")), said


def test_what_is_left_is_neither_packed_nor_unpacked(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    for name in ("manifest.json", "rollout.json"):
        (job / name).unlink(missing_ok=True)
    pretend_to_delete(job, "000003.png")
    before = sorted(path.name for path in job.iterdir())
    for options in ([], ["--undo"], ["--dry-run"]):
        status, said = told("pack", job, *options)
        assert (status, "its frames are being deleted; run daddy-encode clean again" in said) == (0, True), said
    assert sorted(path.name for path in job.iterdir()) == before


def test_a_new_recording_in_a_half_deleted_directory_is_encoded(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    pretend_to_delete(job, "000000.png")
    save_frames_as_png(moving_square(7, 32, 48), job, overwrite=True)
    assert not (job / deleting_name(None)).exists()
    assert len(decode_mp4(encode(job).paths.output("mp4"), 48, 32)) == 7


def test_other_frames_of_the_same_names_are_not_those_being_deleted(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    pretend_to_delete(job)
    remove_frames(job)
    for index, frame in enumerate(_frames_of(write_job(tmp_path / "else", 0))):
        (job / f"{index:06d}.png").write_bytes(frame)
    assert encode(job).made == []
    assert encode(job, crf=40).made != []


def test_one_of_two_sequences_whose_frames_are_gone_is_done_and_the_other_stays_a_job_of_its_own(
    tmp_path: Path,
) -> None:
    spool, job = tmp_path / "spool", tmp_path / "spool" / "job"
    for name in ("rgb", "depth"):
        save_frames_as_png(moving_square(4, 32, 48), tmp_path / name)
        job.mkdir(exist_ok=True, parents=True)
        for path in sorted((tmp_path / name).glob("*.png")):
            path.rename(job / f"{name}_{path.name}")
    assert told("encode", spool, "--split")[0] == 0
    for path in job.glob("depth*"):
        path.unlink()
    status, said = told("encode", spool)
    assert (status, "2 jobs already done" in said) == (0, True), said
    assert states(spool) == {
        "spool/job/rgb_*.png": "done mp4 (1 note)",
        "spool/job/depth_*.png": "done mp4 (frames gone, 1 note)",
    }
    assert sorted(path.name for path in spool.glob("*.mp4")) == ["job.depth.mp4", "job.rgb.mp4"]
    for path in job.glob("rgb*"):
        path.unlink()
    # Named itself or not.
    for named in (job, spool):
        status, said = told("encode", named)
        assert (status, "2 jobs already done" in said) == (0, True), said
        assert sorted(states(named).values()) == ["done mp4 (frames gone, 1 note)"] * 2


def test_receipts_of_version_1_without_the_field_are_read(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    encode(job)
    receipt = receipt_of(job)
    del receipt["frames"]
    (tmp_path / "job.receipt.json").write_text(json.dumps(receipt))
    assert encode(job).made == []
    shutil.rmtree(job)
    assert states(tmp_path) == {f"{tmp_path.name}/job": "done mp4 (frames gone)"}


def _frames_of(job: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(job.glob("*.png"))]


def test_another_sequence_of_a_cleaned_directory_stays_done(tmp_path: Path) -> None:
    job = tmp_path / "spool" / "job"
    write_sequences(job, "depth", "rgb")
    assert told("encode", "--split", job)[0] == 0
    assert told("clean", "--yes", job / "depth_*.png")[0] == 0
    said = told("status", tmp_path / "spool")[1]
    assert "2 jobs, 2 done" in said
    (job / "rgb_000004.png").write_bytes((job / "rgb_000003.png").read_bytes())
    assert "1 writing" in told("status", tmp_path / "spool")[1]


def test_what_clean_has_deleted_is_said_to_be_where_other_outputs_are_asked_for(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    encode(job)
    assert told("clean", job, "--yes")[0] == 0
    for options in (("-o", tmp_path / "x.mp4"), ("--output-dir", tmp_path / "out")):
        status, said = told("encode", job, *options)
        assert (status, "clean has deleted its frames, as job.receipt.json says" in said) == (1, True), said
    assert not list(tmp_path.glob("x*")) and not list(tmp_path.glob("out/*.mp4"))
