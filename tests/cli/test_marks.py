"""`--from marks.json`: the commands do their work on the jobs that people have marked, and on no other."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from tests.archive.commands import told
from tests.jobs import encode
from tests.media import moving_square, run_command
from tests.service.spools import video_of, write_job, write_sequences

JOBS = ("a/good", "a/bad", "b/good", "b/starred", "b/bad and starred", "b/noted", "b/other")
MARKS: list[dict[str, object]] = [
    {"job": "a/good", "mark": "good"},
    {"job": "a/bad", "mark": "bad", "star": False, "note": ""},
    {"job": "b/good", "mark": "good", "star": False, "note": "walks"},
    {"job": "b/starred", "star": True},
    {"job": "b/bad and starred", "mark": "bad", "star": True},
    {"job": "b/noted", "mark": None, "note": "hops at 120"},
]


@pytest.fixture(scope="session")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of done jobs, only to be copied."""
    root = tmp_path_factory.mktemp("marks") / "spool"
    for job in JOBS:
        encode(write_job(root / job))
    return root


@pytest.fixture
def tree(encoded: Path, tmp_path: Path) -> Path:
    shutil.copytree(encoded, tmp_path / "spool")
    return tmp_path / "spool"


def marks_file(path: Path, marks: list[dict[str, object]] = MARKS) -> Path:
    path.write_text(json.dumps({"version": 1, "root": "spool", "marks": marks}))
    return path


def with_sources(tree: Path, marks: list[dict[str, object]] = MARKS) -> list[dict[str, object]]:
    """The marks as a page exports them, which say what recording each is of."""
    sources = {job: json.loads((tree / f"{job}.receipt.json").read_text())["source"]["sha256"][:16] for job in JOBS}
    return [{**mark, "source": sources[str(mark["job"])]} for mark in marks]


def with_frames(tree: Path) -> set[str]:
    """The jobs that have their PNGs."""
    return {job for job in JOBS if (tree / job / "000000.png").exists()}


def packed(tree: Path) -> set[str]:
    return {job for job in JOBS if (tree / job / "frames.mkv").exists()}


def test_clean_deletes_the_frames_of_bad_jobs_alone(tree: Path, tmp_path: Path) -> None:
    marks = marks_file(tmp_path / "marks.json", with_sources(tree))
    # As a user runs it.
    done = run_command("clean", "spool", "--from", "marks.json", "--mark", "bad", "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert with_frames(tree) == set(JOBS) - {"a/bad", "b/bad and starred"}
    assert told("clean", tree, "--from", marks, "--mark", "bad", "--yes")[0] == 0, "they are clean already"
    # What else is asked of the jobs holds as well.
    assert told("clean", tree, "--from", marks, "--mark", "good", "--older-than", "1d", "--yes")[0] == 0
    assert with_frames(tree) == set(JOBS) - {"a/bad", "b/bad and starred"}


def test_what_was_not_marked_is_neither_cleaned_nor_packed_under_its_name(tree: Path, tmp_path: Path) -> None:
    marks = marks_file(tmp_path / "marks.json", with_sources(tree))
    # Recorded anew since; below another tree the same name is another job's.
    shutil.rmtree(tree / "a/bad")
    encode(write_job(tree / "a/bad", 1))
    other = write_job(tree / "b/a/bad", 2)
    encode(other)
    for root in (tree, tree / "b"):
        status, text = told("clean", root, "--from", marks, "--mark", "bad", "--yes")
        assert (status, text.count("kept: another recording than the one that was marked has this name")) == (0, 1), (
            text
        )
    assert with_frames(tree) == set(JOBS) - {"b/bad and starred"}
    assert len(list(other.glob("*.png"))) == 6
    for command in ("pack", "verify", "encode"):
        status, text = told(command, tree, "--from", marks, "--mark", "bad")
        assert (status, text.count("a/bad: left out: another recording than")) == (0, 1), text
    assert packed(tree) == set()
    # Of an earlier version, which does not say.
    marks_file(marks)
    status, text = told("clean", tree, "--from", marks, "--mark", "good", "--yes")
    assert (status, text.count("kept: its mark does not say of which recording it is")) == (0, 2), text
    assert with_frames(tree) == set(JOBS) - {"b/bad and starred"}


def test_a_recording_in_the_place_of_the_marked_one_is_neither_encoded_nor_packed(tree: Path, tmp_path: Path) -> None:
    marks = marks_file(tmp_path / "marks.json", with_sources(tree))
    video = video_of(tree / "a/bad").read_bytes()
    # Recorded anew, and not yet encoded: the receipt is still that of the marked one. The same without a receipt.
    for job in ("a/bad", "b/bad and starred"):
        shutil.rmtree(tree / job)
        write_job(tree / job, 1)
    (tree / "b/bad and starred.receipt.json").unlink()
    for command in ("encode", "pack"):
        status, text = told(command, tree, "--from", marks, "--mark", "bad")
        assert (status, text.count(": left out: another recording than")) == (0, 2), text
    assert (packed(tree), video_of(tree / "a/bad").read_bytes()) == (set(), video)
    # The video is the marked one, and nothing is wrong with it.
    status, text = told("verify", tree, "--from", marks, "--mark", "bad")
    assert (status, "1 video of 1 job verified, 0 faults" in text) == (0, True), text
    status, text = told("verify", tree, "--from", marks, "--mark", "bad", "--against-frames")
    assert (status, text.count("a/bad: left out: another recording"), " 0 faults, 1 skipped" in text) == (1, 1, True), (
        text
    )
    # A copy of the marked one has other times, and is the same recording.
    os.utime(tree / "a/good/000000.png", (1, 1))
    (tree / "b/good.receipt.json").unlink()
    status, text = told("pack", tree, "--from", marks, "--mark", "good")
    assert (status, packed(tree)) == (0, {"a/good", "b/good"}), text


def test_what_was_marked_stays_so_when_it_was_packed_and_unpacked(tmp_path: Path) -> None:
    tree = tmp_path / "spool"
    for job in ("good", "other"):
        save_frames_as_png(moving_square(20), tree / job)
        for frame in (tree / job).glob("*.png"):
            # Compressed as nothing here does it, so that what is unpacked has other bytes.
            with Image.open(frame) as image:
                image.save(frame, compress_level=0)
        encode(tree / job)
    receipt = tree / "good.receipt.json"
    source = json.loads(receipt.read_text())["source"]["sha256"]
    marks = marks_file(tmp_path / "marks.json", [{"job": "good", "mark": "good", "source": source[:16]}])

    def is_selected() -> None:
        for command in (("encode", "--dry-run"), ("verify",), ("pack", "--dry-run")):
            status, text = told(*command, tree, "--from", marks, "--mark", "good")
            assert (status, "left out" in text) == (0, False), text
        status, text = told("clean", tree, "--from", marks, "--mark", "good", "--dry-run")
        assert (status, "1 job would be cleaned" in text) == (0, True), text

    for times in range(2):
        assert told("pack", tree)[0] == 0
        is_selected()
        status, text = told("pack", "--undo", tree)
        assert status == 0, text
        said = json.loads(receipt.read_text())["source"]
        assert (said["sha256"] != source, said["recorded_sha256"]) == (True, source), times
        is_selected()
    # Also where nothing but the bytes of the frames says which they are, and when they were encoded anew.
    os.utime(tree / "good" / "000000.png", (1, 1))
    assert "1 job would be packed" in told("pack", tree, "--from", marks, "--mark", "good", "--dry-run")[1]
    assert told("encode", tree, "--crf", "30")[0] == 0
    is_selected()
    assert json.loads(receipt.read_text())["source"]["recorded_sha256"] == source
    # What is recorded there later is not.
    shutil.rmtree(tree / "good")
    save_frames_as_png(moving_square(20)[::-1], tree / "good")
    assert "good: left out: another recording" in told("pack", tree, "--from", marks, "--mark", "good")[1]
    encode(tree / "good")
    assert json.loads(receipt.read_text())["source"]["recorded_sha256"] == ""
    assert "good: kept: another recording" in told("clean", tree, "--from", marks, "--mark", "good", "--yes")[1]


def test_a_failed_job_whose_frame_was_mended_is_the_recording_that_was_marked(tree: Path, tmp_path: Path) -> None:
    marks = marks_file(tmp_path / "marks.json", with_sources(tree))
    frame = tree / "a/good/000000.png"
    whole = frame.read_bytes()
    frame.write_bytes(b"")
    assert told("encode", tree)[0] == 1
    frame.write_bytes(whole)
    status, text = told("pack", tree, "--from", marks, "--mark", "good")
    assert (status, packed(tree), "left out" in text) == (0, {"a/good", "b/good"}, False), text


def test_of_two_files_neither_is_left_out_without_a_word(tree: Path, tmp_path: Path) -> None:
    one, other = marks_file(tmp_path / "one.json"), marks_file(tmp_path / "other.json")
    for command in ("clean", "encode", "pack", "verify", "submit"):
        status, text = told(command, tree, "--from", one, "--from", other, "--mark", "bad")
        assert (status, str(one) in text, f"{other}: give one of them" in text) == (2, True, True), text
    assert with_frames(tree) == set(JOBS)


def test_a_job_that_two_paths_lead_to_is_found_by_its_name_in_the_outer_one(tree: Path, tmp_path: Path) -> None:
    marks = marks_file(tmp_path / "marks.json")
    for command, words in (("pack", "2 jobs packed"), ("verify", "2 videos of 2 jobs verified")):
        status, text = told(command, tree / "a", tree, "--from", marks, "--mark", "good")
        assert (status, words in text, "not found" in text) == (0, True, False), text
    assert packed(tree) == {"a/good", "b/good"}


def test_clean_wants_to_be_told_which_marks(tree: Path, tmp_path: Path) -> None:
    status, text = told("clean", tree, "--from", marks_file(tmp_path / "marks.json"), "--yes")
    assert (status, with_frames(tree)) == (2, set(JOBS))
    assert "--mark bad" in text
    status, text = told("clean", tree, "--mark", "bad", "--yes")
    assert (status, with_frames(tree)) == (2, set(JOBS))
    assert "--from marks.json" in text


def test_without_mark_all_that_is_listed_and_not_bad_is_packed(tree: Path, tmp_path: Path) -> None:
    status, text = told("pack", tree, "--from", marks_file(tmp_path / "marks.json"))
    assert status == 0, text
    assert packed(tree) == {"a/good", "b/good", "b/starred", "b/noted"}
    status, text = told("pack", tree, "--undo", "--from", tmp_path / "marks.json", "--mark", "star", "--mark", "bad")
    assert status == 0, text
    assert packed(tree) == {"a/good", "b/good", "b/noted"}


def test_encode_makes_videos_of_marked_jobs_alone(tree: Path, tmp_path: Path) -> None:
    marks_file(tmp_path / "marks.json")
    status, text = told("encode", tree, "--video", "gif", "--from", tmp_path / "marks.json", "--mark", "good")
    assert status == 0, text
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*.gif")} == {"a/good.gif", "b/good.gif"}


def test_verify_verifies_marked_jobs_alone(tree: Path, tmp_path: Path) -> None:
    marks_file(tmp_path / "marks.json")
    video_of(tree / "a/bad").write_bytes(b"broken")
    status, text = told("verify", tree, "--from", tmp_path / "marks.json")
    assert (status, "4 videos of 4 jobs verified, 0 faults" in text) == (0, True), text
    status, text = told("verify", tree, "--from", tmp_path / "marks.json", "--mark", "bad")
    assert (status, "a/bad.mp4" in text) == (1, True), text
    # Nobody has asked for it.
    (tree / "a/bad.receipt.json").write_bytes(b"broken")
    status, text = told("verify", tree, "--from", tmp_path / "marks.json", "--mark", "good")
    assert (status, "2 videos of 2 jobs verified, 0 faults" in text) == (0, True), text
    status, text = told("verify", tree, "--from", tmp_path / "marks.json", "--mark", "bad")
    assert (status, "a/bad.receipt.json: not a valid receipt" in text, "not found" in text) == (1, True, False), text


def test_what_verify_leaves_out_is_counted_and_alone_is_no_success(tree: Path, tmp_path: Path) -> None:
    marks = with_sources(tree)
    marks[0] = {**marks[0], "source": "0" * 64}
    status, text = told("verify", tree, "--from", marks_file(tmp_path / "marks.json", marks), "--mark", "good")
    assert (status, "1 video of 1 job verified, 0 faults, 1 skipped" in text) == (0, True), text
    status, text = told("verify", tree, "--from", marks_file(tmp_path / "marks.json", marks[:1]))
    assert (status, "0 videos of 0 jobs verified, 0 faults, 1 skipped" in text) == (1, True), text


@pytest.mark.soak
def test_names_are_relative_to_the_tree_wherever_outputs_are(tmp_path: Path) -> None:
    for job in ("run/a", "run/b"):
        write_job(tmp_path / "spool" / job)
    marks = marks_file(tmp_path / "marks.json", [{"job": "run/b", "star": True}])
    out = tmp_path / "out"
    assert told("encode", tmp_path / "spool", "--output-dir", out, "--from", marks)[0] == 0
    assert [path.name for path in out.rglob("*.mp4")] == ["b.mp4"]
    status, text = told("verify", tmp_path / "spool", "--output-dir", out, "--from", marks)
    assert (status, "1 video of 1 job verified" in text) == (0, True), text
    # With a receipt beside it as well: both are that job's.
    assert told("encode", tmp_path / "spool")[0] == 0
    status, text = told("verify", tmp_path / "spool", "--output-dir", out, "--from", marks)
    assert (status, "2 videos of 2 jobs verified" in text) == (0, True), text


@pytest.mark.soak
def test_a_sequence_of_a_directory_is_named_by_its_pattern(tmp_path: Path) -> None:
    write_sequences(tmp_path / "spool" / "both", "rgb", "depth")
    marks = marks_file(tmp_path / "marks.json", [{"job": "both/rgb_*.png", "mark": "good"}])
    status, text = told("encode", tmp_path / "spool", "--split", "--from", marks)
    assert status == 0, text
    assert [path.name for path in (tmp_path / "spool").rglob("*.mp4")] == ["both.rgb.mp4"]
    status, text = told("verify", tmp_path / "spool", "--from", marks)
    assert (status, "1 video of 1 job verified" in text) == (0, True), text


def test_marks_are_read_from_standard_input(tree: Path) -> None:
    text = "\ufeff" + json.dumps({"version": 1, "marks": [{"job": "a/good", "mark": "good"}], "of": "later versions"})
    status, said = told("pack", tree, "--from", "-", answer=text)
    assert (status, packed(tree)) == (0, {"a/good"}), said


@pytest.mark.soak
def test_names_without_a_job_are_counted_and_the_first_named(tree: Path, tmp_path: Path) -> None:
    gone: list[dict[str, object]] = [{"job": f"gone/{number}\x1b[31m", "mark": "good"} for number in range(5)]
    marks = marks_file(tmp_path / "marks.json", [*gone, *MARKS])
    status, text = told("pack", tree, "--from", marks, "--mark", "good")
    assert (status, packed(tree)) == (0, {"a/good", "b/good"})
    assert "5 of the 7 jobs in the file of marks not found: gone/0\\x1b[31m, gone/1" in text
    assert "gone/2" in text
    assert "gone/3" not in text
    # Nothing at all is hardly what was meant.
    status, text = told("pack", tree / "a", "--from", marks_file(tmp_path / "marks.json"))
    assert (status, "is PATH the tree that the gallery shows?" in text) == (1, True), text
    # But a file that marks nothing is.
    assert told("pack", tree, "--from", marks_file(tmp_path / "marks.json", []))[0] == 0
    assert packed(tree) == {"a/good", "b/good"}


def test_names_are_never_paths(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "a", tmp_path / "outside")
    names = [str(tmp_path / "outside/bad"), str(tree / "a/bad"), "../outside/bad", "b/../a/bad", "./a/bad", "a//bad"]
    marks = [*names, "A/BAD", "a/bad/", "a", "a/*", ".", "/"]
    file = marks_file(tmp_path / "marks.json", [{"job": name, "mark": "bad"} for name in marks])
    status, text = told("clean", tree, "--from", file, "--mark", "bad", "--yes")
    assert (status, with_frames(tree)) == (1, set(JOBS)), text
    assert (tmp_path / "outside" / "bad" / "000000.png").exists()
    assert "12 of the 12 jobs in the file of marks not found" in text


@pytest.mark.soak
def test_a_name_that_two_jobs_share_is_refused(tree: Path, tmp_path: Path) -> None:
    # As text on one line these are the same.
    for name in ("odd\nname", "odd\\nname"):
        encode(write_job(tree / name))
    receipt = json.loads((tree / "odd\nname.receipt.json").read_text())
    mark: dict[str, object] = {"job": "odd\\nname", "mark": "bad", "source": receipt["source"]["sha256"]}
    marks = marks_file(tmp_path / "marks.json", [mark])
    status, text = told("clean", tree, "--from", marks, "--mark", "bad", "--yes")
    assert (status, "marks would name both" in text, "rename one of them" in text) == (2, True, True), text
    # Told apart.
    assert repr(str(tree / "odd\nname")) in text
    assert repr(str(tree / "odd\\nname")) in text
    assert (tree / "odd\\nname" / "000000.png").exists()
    shutil.rmtree(tree / "odd\\nname")
    (tree / "odd\\nname.receipt.json").unlink()
    assert told("clean", tree, "--from", marks, "--mark", "bad", "--yes")[0] == 0
    assert not (tree / "odd\nname" / "000000.png").exists()


def test_what_is_no_file_of_marks_is_refused_in_one_line(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "marks.json").write_text('{"version": 1, "marks": [{"job": "a/bad", "mark": "BAD"}]}')
    status, said = told("clean", tree, "--from", tmp_path / "marks.json", "--mark", "bad", "--yes")
    assert (status, with_frames(tree)) == (2, set(JOBS))
    assert said.startswith("--from ")
    assert "marks.json: not a valid file of marks: Invalid enum value 'BAD'" in said
    assert said.endswith("; export it from the gallery again")
    (tmp_path / "marks.json").write_text('{"version": 2, "marks": []}')
    assert told("pack", tree, "--from", tmp_path / "marks.json")[1].endswith("reads (1); update daddy-encode")
    marks_file(tmp_path / "marks.json", [{"job": "a/bad", "mark": "bad", "source": "0" * 16 + "\n"}])
    assert told("pack", tree, "--from", tmp_path / "marks.json")[0] == 2


@pytest.mark.soak
def test_a_file_of_marks_that_cannot_be_read_is_said(tree: Path, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.json", "cannot be read"), (tmp_path, "is a directory; give the marks.json")):
        status, text = told("pack", tree, "--from", path)
        assert (status, why in text) == (2, True), text


def test_marks_are_no_business_of_the_environment(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DADDY_ENCODE_MARK", "bad")
    monkeypatch.setenv("DADDY_ENCODE_FROM", str(marks_file(tmp_path / "marks.json")))
    status, text = told("pack", tree, "--dry-run")
    assert (status, "7 jobs would be packed" in text) == (0, True), text
