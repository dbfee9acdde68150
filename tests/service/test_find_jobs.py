"""Which jobs are at a path, what is passed over, and what is said where there is nothing to encode."""

from __future__ import annotations

from pathlib import Path

import pytest

from daddy_encode.errors import FrameError
from daddy_encode.service.find_jobs import find_all_jobs, passed_over_text
from daddy_encode.service.found_jobs import FoundJobs
from tests.jobs import encode


def touch(directory: Path, *names: str) -> Path:
    """A directory with empty files; finding jobs opens none of them."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch()
    return directory


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What is said is relative to the working directory.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


def told(found: FoundJobs) -> list[str]:
    return [str(fault) for fault in found.faults]


def jobs_of(found: FoundJobs) -> list[str]:
    return [job.paths.job.name for job in found.jobs]


def test_a_tree_says_how_many_it_passed_over_and_why(spool: Path) -> None:
    touch(spool / "done", "000000.png", "manifest.json")
    for name in ("foreign", "unfinished"):
        touch(spool / name, "000000.png")
    found = find_all_jobs([spool])
    assert jobs_of(found) == ["done"]
    assert found.faults == []
    assert passed_over_text(found.passed_over) == "; passed over: 2 without a manifest"
    assert str(found.passed_over[0]).startswith(
        "spool/foreign: no manifest: its rollout still writes, or has died; name "
    )
    assert jobs_of(find_all_jobs([spool], salvage=True)) == ["done", "foreign", "unfinished"]


def test_a_tree_in_which_all_is_passed_over_is_a_fault(spool: Path) -> None:
    for name in ("a", "b"):
        touch(spool / name, "000000.png")
    assert told(find_all_jobs([spool])) == ["spool: nothing to encode; passed over: 2 without a manifest"]


def test_one_path_with_a_job_does_not_excuse_another_without(spool: Path) -> None:
    touch(spool / "job", "000000.png", "manifest.json")
    touch(spool / "tree" / "unfinished", "000000.png")
    found = find_all_jobs([spool / "job", spool / "tree"])
    assert jobs_of(found) == ["job"]
    assert told(found) == ["spool/tree: nothing to encode; passed over: 1 without a manifest"]


def test_a_job_is_found_once_whatever_it_is_named_by(spool: Path) -> None:
    touch(spool / "run" / "job", "000000.png", "manifest.json")
    (spool / "link").symlink_to(spool / "run" / "job")
    for output_dir in (None, spool / "videos"):
        found = find_all_jobs([spool / "run", spool / "run" / "job", spool / "link"], output_dir)
        assert jobs_of(found) == ["job"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "is empty; check the path"),
        (["notes.txt"], "holds no PNG; check the path"),
        (["._000000.png", ".DS_Store"], "is empty; check the path"),
        ([f"{index:06d}.jpg" for index in range(6)], "holds 6 .jpg; only PNG is read"),
        (["0.jpg", "1.jpg", "a.EXR", "x.txt"], "holds 2 .jpg, 1 .exr; only PNG is read"),
        (["a.png"], "holds 1 PNG, which is not numbered: a.png; name frames 000000.png, 000001.png, …"),
        (
            [*"dcba", *[f"{name}.png" for name in "dcba"]],
            "holds 4 PNG, but none is numbered: a.png, b.png, c.png …; name frames 000000.png, 000001.png, …",
        ),
    ],
)
def test_where_nothing_can_be_read_it_says_what_is_there(spool: Path, names: list[str], words: str) -> None:
    touch(spool / "dump", *names)
    assert told(find_all_jobs([spool / "dump"])) == [f"spool/dump: nothing to encode: it {words}"]
    touch(spool / "dump", "manifest.json")
    (spool / "dump" / "manifest.json").write_text('{"version": 1, "frames": 4, "width": 8, "height": 8, "fps": 30}')
    with pytest.raises(FrameError) as caught:
        encode(spool / "dump")
    seen = words.replace("is empty", "holds no PNG")
    assert str(caught.value) == f"{spool}/dump: nothing to encode: its manifest promises 4 frames, but it {seen}"


def test_a_tree_without_frames_says_what_is_below(spool: Path) -> None:
    for index in range(3):
        touch(spool / f"ep{index}", "0.jpg", "1.jpg")
    assert told(find_all_jobs([spool])) == [
        "spool: nothing to encode: it holds 6 .jpg (with the 3 directories below); only PNG is read"
    ]


def test_a_manifest_that_says_why_there_is_no_frame_is_quoted(spool: Path) -> None:
    touch(spool / "dump")
    (spool / "dump" / "manifest.json").write_text(
        '{"version": 1, "frames": 0, "width": 0, "height": 0, "fps": 30, "complete": false, "error": "no display"}'
    )
    with pytest.raises(FrameError, match=r"dump: its rollout ended before its first frame: no display$"):
        encode(spool / "dump")


def test_files_and_patterns_are_told_to_name_their_folder(spool: Path) -> None:
    touch(spool / "dump", *[f"{index:06d}.png" for index in range(3)])
    frames = sorted((spool / "dump").iterdir())
    assert told(find_all_jobs(frames[:1])) == ["spool/dump/000000.png: is a file; name its folder: spool/dump"]
    assert told(find_all_jobs(frames)) == ["spool/dump/000000.png and 2 more are files; name their folder: spool/dump"]
    for name in ("%06d.png", "frame_*.png", "%d.png", "[0-9].png"):
        assert told(find_all_jobs([spool / "dump" / name])) == [
            f"spool/dump/{name}: is a pattern of names, not a directory; name its folder: spool/dump"
        ]
    assert told(find_all_jobs([spool / "nowhere"])) == [
        f"{spool}/nowhere: cannot be listed: No such file or directory; check the path and its permissions"
    ]
    touch(spool / "%06d", "000000.png")
    assert jobs_of(find_all_jobs([spool / "%06d"])) == ["%06d"]


def test_stray_frames_beside_recordings_are_passed_over_and_the_recordings_are_not(spool: Path) -> None:
    touch(spool, "plot1.png", "plot2.png")
    touch(spool / "ep0", "000000.png", "manifest.json")
    touch(spool / "ep1", "000000.png", "rollout.json")
    found = find_all_jobs([spool])
    assert jobs_of(found) == ["ep0"]
    assert passed_over_text(found.passed_over) == "; passed over: 1 beside recordings, 1 without a manifest"
    assert str(found.passed_over[0]) == (
        "spool: holds 2 numbered PNGs of its own, and recordings below it, such as spool/ep0; only these are encoded: "
        "move the PNGs to a directory of their own"
    )


def test_frames_below_frames_are_said_not_to_be_encoded(spool: Path) -> None:
    touch(spool, "000000.png")
    for name in ("depth", "masks"):
        touch(spool / name, "000000.png")
    found = find_all_jobs([spool])
    assert jobs_of(found) == ["spool"]
    assert [str(item) for item in found.passed_over] == [
        "spool: is encoded, but not the frames in spool/depth and 1 more below it; name these to encode them"
    ]
    assert passed_over_text(found.passed_over) == "; passed over: 2 below a directory of frames"
    touch(spool, "manifest.json")
    assert find_all_jobs([spool]).passed_over == [], "a recording is nobody's tree"


def test_a_lone_frame_is_found_where_its_directory_is_named(spool: Path) -> None:
    touch(spool / "dump", "000000_rgb.png")
    assert jobs_of(find_all_jobs([spool / "dump"])) == ["dump"]
    assert not find_all_jobs([spool]).jobs
