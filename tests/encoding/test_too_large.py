"""Frames too large for a format: one line that says so, before ffmpeg; the other format is made all the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import daddy_encode
from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.encoding.mp4.encode import mp4_fault
from daddy_encode.encoding.receipts import record_failure
from daddy_encode.errors import EncodeError
from daddy_encode.report.ledger import read_ledger
from daddy_encode.service.workers import attempt_job
from daddy_encode.spool.paths import JobPaths
from tests.archive.commands import told
from tests.jobs import context, encode
from tests.media import decode_gif, decode_mp4, leftovers, run_command


def wide_job(folder: Path, width: int, height: int = 2) -> Path:
    """Two frames, one grey and one white."""
    frames = np.full((2, height, width, 3), 255, np.uint8)
    frames[0] = 90
    save_frames_as_png(frames, folder, fps=10)
    return folder


@pytest.mark.parametrize("size", [(16_384, 2), (2, 16_383)], ids=["wide", "high"])
def test_sixteen_thousand_pixels_are_encoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (record,) = encode(wide_job(tmp_path / "job", *size)).made
    width, height = (16_384, 2) if size[0] > 2 else (2, 16_384)
    assert (record.width, record.height) == (width, height)
    assert np.abs(decode_mp4(tmp_path / "job.mp4", width, height)[1].astype(int) - 255).max() <= 2


@pytest.mark.parametrize(
    ("width", "height", "scale", "said"),
    [
        (16_384, 16_384, 1, ""),
        (16_385, 2, 1, "this one would be 16386x2; --scale only enlarges; --video gif with --gif-width"),
        (2, 16_386, 1, "this one would be 2x16386; --scale only enlarges"),
        (3000, 2, 6, "this one would be 18000x12; --scale 5 is the largest that fits"),
        (2, 3000, 16, "this one would be 32x48000; --scale 5 is the largest that fits"),
        (3000, 2, 5, ""),
    ],
)
def test_what_libx264_does_not_take_is_said_with_a_way_out(width: int, height: int, scale: int, said: str) -> None:
    fault = mp4_fault(width, height, scale)
    assert said in fault
    assert bool(fault) == bool(said)
    assert fault.startswith("libx264 takes at most 16384 pixels a side, ") or not said


def test_the_gif_is_made_where_the_mp4_cannot_be(tmp_path: Path) -> None:
    job = wide_job(tmp_path / "job", 16_400)
    done = run_command("encode", job, "--video", "both")
    assert done.returncode == 1
    assert "ERROR" in done.stderr
    assert f"{tmp_path}/job.mp4: not made: libx264 takes at most 16384 pixels a side" in done.stderr
    assert "INFO saved" in done.stderr
    assert decode_gif(tmp_path / "job.gif")[0][:, 0, 0, 0].tolist() == [90, 255]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["job.gif", "job.receipt.json"]
    receipt = json.loads((tmp_path / "job.receipt.json").read_text())
    assert "job.mp4: not made: libx264" in receipt["error"]
    assert [output["path"] for output in receipt["outputs"]] == ["job.gif"]
    assert receipt["source"]["frames"] == 2
    # In the ledger, the GIF is a video like any other, and what failed is a row of its own.
    gif, failure = read_ledger(tmp_path).rows
    assert (gif["path"], gif["frames"], gif["error"]) == (f"{tmp_path}/job.gif", 2, None)
    assert (failure["path"], failure["type"], failure["error"]) == (f"{tmp_path}/job", "FAILED", receipt["error"])
    # It is still so the next time, and what is there is not made again.
    with pytest.raises(EncodeError, match=r"job\.mp4: not made: libx264") as raised:
        encode(job, video="both")
    record_failure(JobPaths.of(job), raised.value, context(video="both"), job.stat().st_mtime_ns)
    assert "job.mp4: not made" in json.loads((tmp_path / "job.receipt.json").read_text())["error"]
    # What was asked for stays so until something else is: a GIF alone is what there can be.
    with pytest.raises(EncodeError, match=r"job\.mp4: not made: libx264"):
        encode(job)
    assert encode(job, video="gif").made == []
    assert encode(job).made == []
    assert leftovers(tmp_path) == []


def test_the_advice_makes_what_could_not_be_made(tmp_path: Path) -> None:
    job = wide_job(tmp_path / "job", 1100)
    first = encode(job, video="both", scale=15)
    assert [record.format for record in first.made] == ["gif"]
    assert "--scale 14 is the largest that fits" in str(first.error)
    assert {record.format: record.width for record in encode(job, scale=1).made} == {"mp4": 1100, "gif": 1100}
    assert encode(job).made == []


def test_a_kind_that_failed_after_another_was_made_is_still_asked_for(tmp_path: Path) -> None:
    job = wide_job(tmp_path / "job", 1100)
    encode(job, video="gif")
    with pytest.raises(EncodeError, match="not made: libx264") as raised:
        encode(job, video="mp4", scale=15)
    asked = context(video="mp4", scale=15)
    record_failure(JobPaths.of(job), raised.value, asked, job.stat().st_mtime_ns)
    with pytest.raises(EncodeError, match="not made: libx264"):
        encode(job)
    assert [record.format for record in encode(job, scale=1).made] == ["mp4"]


def test_where_neither_can_be_made_the_error_says_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = wide_job(tmp_path / "job", 5000, 1)
    with pytest.raises(EncodeError) as raised:
        encode(job, video="both", scale=16)
    assert "job.mp4: not made: libx264 takes" in str(raised.value)
    assert "job.gif: not made: a GIF is at most 65535 pixels wide and high" in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["job"]
    # A watcher tries once. No signal is waited for here that may have ended ffmpeg.
    monkeypatch.setattr(attempt_job, "SIGNAL_SECONDS", 0)
    for failed in (1, 0):
        status, said = told("watch", tmp_path, "--once", "--video", "both", "--scale", "16")
        assert (status, said.count("job.gif: not made: a GIF is at most 65535")) == (failed, failed), said


def test_from_python_the_error_is_raised_and_the_gif_is_there(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"job\.mp4: not made: libx264 takes"):
        daddy_encode.encode(wide_job(tmp_path / "job", 16_400), video="both")
    assert (tmp_path / "job.gif").exists()


def test_save_mp4_says_it_as_well(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"a\.mp4: not made: libx264 takes at most .*16400x2; give smaller frames$"):
        save_mp4([np.zeros((2, 16_400, 3), np.uint8)], tmp_path / "a.mp4", fps=10)
    assert [*tmp_path.iterdir()] == []
