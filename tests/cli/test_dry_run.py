"""`encode --dry-run` says what the run would do, and does nothing; `encode -o FILE` makes one video alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from daddy_encode import save_frames_as_png
from daddy_encode.cli.main import group
from daddy_encode.encoding.job import is_done
from daddy_encode.errors import DaddyEncodeError, SettingsError
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.preview import preview
from daddy_encode.spool.paths import JobPaths
from tests.encoding.frames.faults import cut
from tests.jobs import context, encode
from tests.media import decode_gif, decode_mp4, moving_square, run_command


def all_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below `folder`, with inodes and times."""
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        save_frames_as_png(moving_square(4, 12, 16), tmp_path / "spool" / name, fps=10)
    encode(tmp_path / "spool" / "a", crf=30)
    return tmp_path / "spool"


def test_what_is_shown_is_what_is_made_then(tree: Path) -> None:
    asked = context(crf=25, video="both", gif_fps="4")
    found = find_all_jobs([tree], tidy=False)
    before = all_below(tree)
    shown = {
        (str(video.path), video.frames, video.fps, json.dumps(video.settings), video.replaces)
        for _, videos in preview(found.jobs, asked)
        if isinstance(videos, list)
        for video in videos
    }
    assert all_below(tree) == before
    made = set()
    for job in found.jobs:
        result = encode(job.paths.directory, crf=25, video="both", gif_fps="4")
        for record in result.made:
            path = str(result.paths.output(record.format))
            replaced = result.replaced.get(record.format, "")
            made.add((path, record.frames, record.fps, json.dumps(record.settings), replaced))
    assert shown == made
    assert {replaces for *_, replaces in shown} == {"", "replaces a.mp4 made with crf 30"}
    assert [videos for _, videos in preview(found.jobs, asked)] == [[], [], []]
    cut(tree / "b" / "000001.png")
    (tree / "c" / "000001.png").unlink()
    ((_, lost),) = preview(find_all_jobs([tree / "c"]).jobs, context(gaps="skip", crf=26))
    assert isinstance(lost, list)
    assert str(lost[0]).endswith(
        "; crf 26, gaps skip; replaces c.mp4 made before frames or manifest changed, with crf 25"
    )
    ends = [videos for _, videos in preview(found.jobs, context(crf=26))]
    assert isinstance(ends[2], DaddyEncodeError)
    assert "000001.png missing" in str(ends[2])


def test_the_command_shows_it_without_an_ffmpeg_and_with_the_exit_status_of_a_run(tree: Path) -> None:
    (tree / "b" / "manifest.json").unlink()
    (tree / ".daddy-encode").mkdir(exist_ok=True)
    # What an encoder would take away: it was left by one that was killed.
    (tree / ".daddy-encode" / "gone-0123456789abcdef").write_text("")
    before = all_below(tree)
    environment = {**os.environ, "IMAGEIO_FFMPEG_EXE": "/nowhere/ffmpeg"}
    told = run_command("encode", ".", "--dry-run", "--scale", "2", cwd=tree, env=environment)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        "would save a.mp4: 4 frames, 10 fps, MP4; crf 30, scale 2; replaces a.mp4 made with scale 1",
        "would save c.mp4: 4 frames, 10 fps, MP4; scale 2",
    ]
    assert "2 videos would be saved, 0 jobs already done, 0 failed; passed over: 1 without a manifest" in told.stderr
    assert all_below(tree) == before
    empty = tree / "nothing"
    empty.mkdir()
    assert run_command("encode", empty, "--dry-run", env=environment).returncode == 1


def test_one_video_goes_to_the_file_and_nothing_else_is_written(tree: Path, tmp_path: Path) -> None:
    before = all_below(tree)
    file = tmp_path / "new" / "my run.v1.MP4"
    told = run_command("encode", tree / "b", "-o", file, "--scale", "2", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["path"] == str(file)
    assert os.listdir(file.parent) == [file.name]
    assert decode_mp4(file, 32, 24).shape[0] == 4
    assert all_below(tree) == before
    told = run_command("encode", tree / "b", "--output", file.with_name("run.gif"), "--gaps", "hold", "-q")
    assert (told.returncode, told.stderr) == (0, "")
    assert decode_gif(file.with_name("run.gif"))[0].shape[0] == 4
    # It is made each time, with the defaults, and says what it replaces.
    again = run_command("encode", tree / "b", "-o", file)
    assert "; replaces my run.v1.MP4" in again.stderr
    assert decode_mp4(file, 16, 12).shape[0] == 4


@pytest.mark.parametrize(
    ("before", "file"),
    [
        (None, "b.mp4"),
        (None, "b.gif"),
        # Another job's, or one whose frames are gone.
        (None, "c.mp4"),
        ("a", "a.gif"),
    ],
)
def test_a_file_is_not_the_video_that_a_job_has_without_it(tree: Path, before: str | None, file: str) -> None:
    if before is not None:
        shutil.rmtree(tree / before)
    existing = all_below(tree)
    result = CliRunner().invoke(group, ["encode", str(tree / "b"), "-o", str(tree / file)], standalone_mode=False)
    assert isinstance(result.exception, SettingsError)
    assert f"{file}: is the name of a job's own video; leave --output out" in str(result.exception)
    assert all_below(tree) == existing


def test_a_file_that_is_replaced_is_no_receipts(tree: Path) -> None:
    (tree / "x.mp4").touch()
    (told,) = preview(
        [replace(job, paths=job.paths.into(tree / "x.mp4")) for job in find_all_jobs([tree / "b"]).jobs], context()
    )
    assert isinstance(told[1], list)
    assert [video.replaces for video in told[1]] == ["replaces x.mp4"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "x.avi"], "should end in .mp4 or .gif"),
        (["-o", "x.gif", "--video", "mp4"], "contradict each other"),
        (["-o", "x.gif", "--output-dir", "out"], "give one of them"),
    ],
)
def test_what_contradicts_the_files_name_is_a_clear_error(tree: Path, options: list[str], words: str) -> None:
    result = CliRunner().invoke(group, ["encode", str(tree / "b"), *options], standalone_mode=False)
    assert isinstance(result.exception, SettingsError)
    assert words in str(result.exception)


def test_a_file_is_for_one_job(tree: Path) -> None:
    told = run_command("encode", tree, "-o", "x.mp4", cwd=tree)
    assert (told.returncode, "is for one video, and there are 3 jobs" in told.stderr) == (2, True), told.stderr
    (tree / "empty").mkdir()
    told = run_command("encode", tree / "empty", "-o", "x.mp4", cwd=tree)
    assert (told.returncode, "nothing to encode" in told.stderr) == (1, True), told.stderr
    assert not (tree / "x.mp4").exists()


def test_a_rollout_that_was_salvaged_is_done_and_not_passed_over(tree: Path) -> None:
    (tree / "c" / "manifest.json").unlink()
    (tree / "c" / "000001.png").unlink()
    plain = context()
    assert [job.directory.name for job in find_all_jobs([tree]).passed_over] == ["c"]
    encode(tree / "c", salvage=True)
    found = find_all_jobs([tree], is_done=lambda paths: is_done(paths, plain))
    assert (len(found.jobs), found.passed_over) == (3, [])
    assert is_done(JobPaths.of(tree / "c"), plain)
    # Its rollout goes on after all.
    save_frames_as_png(moving_square(1, 12, 16), tree / "more")
    os.rename(tree / "more" / "000000.png", tree / "c" / "000004.png")
    assert len(find_all_jobs([tree / "c" / ".."], is_done=lambda paths: is_done(paths, plain)).passed_over) == 1
