"""Directories and files of every name: they work, or are refused in one line; none is run, expanded or overwritten."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.errors import FrameError, SpoolError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import encode
from tests.media import decode_mp4, moving_square, run_command

NAMES = [
    "-i",
    "--help",
    "-",
    "%06d",
    "%d.png",
    "concat:a|b",
    "file:x",
    "pipe:0",
    "http:",
    "a b",
    " ",
    "a'\"; touch x",
    "$(touch x)",
    "`touch x`",
    "*",
    "[a-z]?",
    "new\nline",
    "tab\tand\rreturn",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "😀🎬",
    "é" * 100,
    "back\\slash",
    os.fsdecode(b"\xff\xfe not UTF-8 \x80"),
    ".hidden-not",
    "..twodots",
    "x" * 242,
]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    save_frames_as_png(moving_square(3, 16, 24), tmp_path / "frames")
    return tmp_path / "frames"


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_directory_of_any_name_becomes_a_video_of_that_name(frames: Path, tmp_path: Path, name: str) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(frames, spool / name)
    result = encode(spool / name)
    assert sorted(os.listdir(spool)) == sorted([name, f"{name}.mp4", f"{name}.receipt.json"])
    assert sorted(os.listdir(spool / name)) == [
        "000000.png",
        "000001.png",
        "000002.png",
        "manifest.json",
        "rollout.json",
    ]
    assert len(decode_mp4(spool / f"{name}.mp4", 24, 16)) == 3
    receipt = json.loads((spool / f"{name}.receipt.json").read_bytes())
    assert receipt["job"].isprintable()
    assert result.made[0].path.isprintable()
    assert encode(spool / name).made == []


def test_all_of_them_in_one_command_which_prints_nothing_that_is_not_printable(frames: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    for name in NAMES:
        shutil.copytree(frames, spool / name)
    completed = run_command("encode", "--json", "--", *NAMES, cwd=spool)
    assert completed.returncode == 0, completed.stderr
    lines = [json.loads(line) for line in completed.stdout.splitlines()]
    assert {line["path"] for line in lines} == {str(spool / f"{name}.mp4") for name in NAMES}
    assert all(line.isprintable() for line in completed.stderr.splitlines())
    assert len(completed.stderr.splitlines()) == len(NAMES) + 1
    beside = {f"{name}{suffix}" for name in NAMES for suffix in ("", ".mp4", ".receipt.json")}
    assert set(os.listdir(spool)) - {".daddy-encode"} == beside


@pytest.mark.parametrize("prefix", [name for name in NAMES if len(name) < 60 and name[0] != "."], ids=ascii)
def test_frames_with_any_prefix_are_read(tmp_path: Path, prefix: str) -> None:
    job = tmp_path / "job"
    save_frames_as_png(moving_square(3, 16, 24), job)
    for index in range(3):
        (job / f"00000{index}.png").rename(job / f"{prefix}-{index}.png")
    assert encode(job).made[0].frames == 3
    (job / f"{prefix}-1.png").write_bytes(b"")
    with pytest.raises(FrameError) as caught:
        encode(job)
    assert str(caught.value).isprintable()
    assert "-1.png: is empty" in str(caught.value)


@pytest.mark.parametrize("length", [243, 255])
def test_a_name_whose_receipt_would_have_too_long_a_name_is_refused_before_any_work(
    frames: Path, tmp_path: Path, length: int
) -> None:
    job = tmp_path / "spool" / ("x" * length)
    shutil.copytree(frames, job)
    with pytest.raises(SpoolError, match=rf"a name of {length + 13} bytes, more than the 255"):
        encode(job)
    assert os.listdir(job.parent) == [job.name]


def test_a_tree_deeper_than_any_path_may_be_is_encoded_as_far_as_paths_reach(frames: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    where = os.open(spool, os.O_RDONLY)
    depth = 0
    for depth in range(24):
        if depth == 10:
            shutil.copytree(frames, Path(f"/proc/self/fd/{where}/job"))
        os.mkdir("d" * 200, dir_fd=where)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=where)
        os.close(where)
        where = below
    os.close(where)
    completed = run_command("encode", spool)
    assert completed.returncode == 1
    errors = [line for line in completed.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert "File name too long" in errors[0]
    assert "Traceback" not in completed.stderr
    assert len(list((spool / Path(*["d" * 200] * 10)).glob("job.mp4"))) == 1
    shutil.rmtree(spool)


def test_a_link_that_is_named_is_followed_and_lends_its_name(frames: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(frames)
    completed = run_command("encode", tmp_path / "latest")
    assert completed.returncode == 0, completed.stderr
    assert (tmp_path / "latest.mp4").exists()
    assert not (tmp_path / "frames.mp4").exists()


def test_a_link_that_takes_a_directorys_place_is_not_followed(frames: Path, tmp_path: Path) -> None:
    (tmp_path / "job").symlink_to(frames)
    with pytest.raises(FrameError, match="name the directory that the link leads to"):
        encode(tmp_path / "job")
    assert JobPaths.of(tmp_path / "job").output("mp4").exists() is False
