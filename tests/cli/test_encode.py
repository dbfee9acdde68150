"""`daddy-encode encode`, as its users run it: a process, its two streams, its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.cli.encode.run import print_saved
from tests.jobs import encode
from tests.media import decode_gif, decode_mp4, leftovers, moving_square, run_command


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three jobs at two depths, and a folder that is none."""
    for name, count in (("run-1/episode-0000", 5), ("run-1/episode-0001", 7), ("run-2/deep/er/episode-0000", 3)):
        save_frames_as_png(moving_square(count), tmp_path / "spool" / name, video="mp4")
    (tmp_path / "spool" / "notes").mkdir()
    return tmp_path / "spool"


def test_a_tree_is_encoded_whole_and_then_skipped(tree: Path) -> None:
    told = run_command("encode", tree)
    assert told.returncode == 0, told.stderr
    videos = sorted(str(path.relative_to(tree)) for path in tree.rglob("*.mp4"))
    assert videos == ["run-1/episode-0000.mp4", "run-1/episode-0001.mp4", "run-2/deep/er/episode-0000.mp4"]
    assert re.search(r"3 videos saved, 0 jobs already done, 0 failed; \d\.\d kB in \d+\.\d s\n", told.stderr)
    again = run_command("encode", tree, "--json")
    assert again.returncode == 0
    assert again.stdout == ""
    (line,) = again.stderr.splitlines()
    assert "0 videos saved, 3 jobs already done, 0 failed; " in line
    assert run_command("encode", tree, "--verbose").stderr.count("already done: ") == 3
    silent = run_command("encode", tree, "-q", "--force", "--crf", "30")
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    forced = run_command("encode", tree, "--json", "--force", "--workers", "3")
    assert len(forced.stdout.splitlines()) == 3


def test_a_reader_that_has_gone_ends_no_encode(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as closed, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", closed)
        for job in ("episode-0000", "episode-0001"):
            result = encode(tree / "run-1" / job)
            print_saved(result.made[0], result.paths.output("mp4"))
    assert [record.getMessage() for record in caplog.records].count(
        "standard output was closed by its reader: no more JSON lines, but encoding goes on"
    ) == 1


def test_an_output_dir_keeps_the_relative_paths(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "videos"
    assert run_command("encode", tree, "--output-dir", out).returncode == 0
    assert (out / "run-2/deep/er/episode-0000.mp4").exists()
    assert (out / "run-2/deep/er/episode-0000.receipt.json").exists()
    assert list(tree.rglob("*.mp4")) == []
    assert run_command("encode", tree / "run-1/episode-0001", "--output-dir", out / "one").returncode == 0
    assert (out / "one/episode-0001.mp4").exists()


def test_two_jobs_that_would_share_a_name_are_refused_before_anything_is_written(tree: Path, tmp_path: Path) -> None:
    jobs = [tree / "run-1/episode-0000", tree / "run-2/deep/er/episode-0000"]
    told = run_command("encode", *jobs, "--output-dir", tmp_path / "videos")
    assert told.returncode == 2
    assert "would both become" in told.stderr
    assert not (tmp_path / "videos").exists()


def test_a_bad_job_is_named_and_the_others_go_on(tree: Path) -> None:
    (tree / "run-1/episode-0000/000003.png").unlink()
    told = run_command("encode", tree, "--json")
    assert told.returncode == 1
    (line,) = [line for line in told.stderr.splitlines() if "ERROR" in line]
    assert "run-1/episode-0000: 000003.png missing, 1 of 5 frames" in line
    assert len(told.stdout.splitlines()) == 2
    assert not (tree / "run-1/episode-0000.mp4").exists()
    assert leftovers(tree) == []


def test_a_dump_without_a_manifest_is_encoded_when_named_and_passed_over_in_a_tree(tree: Path) -> None:
    job = tree / "run-1/episode-0001"
    (job / "manifest.json").unlink()
    told = run_command("encode", tree)
    assert told.returncode == 0
    assert "episode-0001: no manifest" in told.stderr
    assert not (tree / "run-1/episode-0001.mp4").exists()
    assert run_command("encode", job).returncode == 0
    assert decode_mp4(tree / "run-1/episode-0001.mp4", 64, 48).shape[0] == 7


def test_a_job_named_twice_is_encoded_once(tree: Path) -> None:
    job = tree / "run-1/episode-0001"
    told = run_command("encode", job, f"{job}/", tree / "run-1" / "." / "episode-0001", "--json")
    assert len(told.stdout.splitlines()) == 1


def test_a_dot_is_the_working_directory(tree: Path) -> None:
    job = tree / "run-1/episode-0001"
    assert run_command("encode", ".", cwd=job).returncode == 0
    assert (tree / "run-1/episode-0001.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere"], 1, "nowhere: cannot be listed: No such file or directory"),
        (["notes"], 1, "notes: nothing to encode: it is empty; check the path"),
        ([], 2, "Missing argument 'PATH...'"),
        (["run-1", "--video-fps", "0"], 2, "'--video-fps': '0' is outside"),
        (["run-1", "--video-fps", "fast"], 2, "'--video-fps': 'fast' is not a rate"),
        (["run-1", "--video-fps", "nan"], 2, "'--video-fps': 'nan' is not a rate"),
        (["run-1", "--gif-fps", "60"], 2, "above 50"),
        (["run-1", "--crf", "52"], 2, "52 is not in the range 0<=x<=51"),
        (["run-1", "--preset", "fastest"], 2, "'fastest' is not one of"),
        (["run-1", "--video", "webm"], 2, "'webm' is not one of"),
        (["run-1", "--workers", "0"], 2, "0 is not in the range"),
    ],
)
def test_wrong_usage_is_one_clear_error(tree: Path, arguments: list[str], status: int, words: str) -> None:
    told = run_command("encode", *arguments, cwd=tree)
    assert told.returncode == status
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert list(tree.rglob("*.mp4")) == []


def test_the_gif_options_give_the_gif_its_own_rate(tree: Path) -> None:
    job = tree / "run-1/episode-0001"
    run_command("encode", job, "--video", "gif", "--video-fps", "60", "--gif-fps", "20")
    frames, delays, loop = decode_gif(tree / "run-1/episode-0001.gif")
    assert len(frames) == 3
    assert abs(sum(delays) - 7000 / 60) <= 10
    assert loop == 0


def test_a_video_that_is_there_is_replaced_whole(job: Path) -> None:
    output = job.parent / "episode-0003.mp4"
    output.write_bytes(b"an older file, or another tool's")
    assert run_command("encode", job).returncode == 0
    assert decode_mp4(output, 64, 48).shape[0] == 12


def test_a_folder_linked_into_the_tree_is_not_followed(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "run-1", tmp_path / "elsewhere")
    (tree / "linked").symlink_to(tmp_path / "elsewhere")
    told = run_command("encode", tree, "--json")
    assert len(told.stdout.splitlines()) == 3
    assert list((tmp_path / "elsewhere").glob("*.mp4")) == []


def test_the_cpus_that_slurm_gave_are_the_workers(tree: Path) -> None:
    told = run_command("encode", tree, env={**os.environ, "SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_ID": "17"})
    assert told.returncode == 0
    receipt = json.loads((tree / "run-1/episode-0001.receipt.json").read_text())
    assert receipt["slurm"] == {"job_id": "17"}
