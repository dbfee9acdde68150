"""`rollout.json`: under Slurm a directory says from its first frame on which Slurm job writes it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter

FRAME = np.zeros((4, 4, 3), np.uint8)


def test_under_slurm_the_record_is_there_before_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with FrameWriter(tmp_path / "job") as frames:
        frames.write(FRAME)
        record = json.loads((tmp_path / "job" / "rollout.json").read_text())
        assert record == {"version": 1, "slurm_job_id": "4711", "host": os.uname().nodename, "pid": os.getpid()}
        assert not (tmp_path / "job" / "manifest.json").exists()


@pytest.mark.parametrize("identifier", ["", "4711; rm", "٤"])
def test_without_a_slurm_id_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identifier: str) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", identifier)
    save_frames_as_png([FRAME], tmp_path / "job")
    assert sorted(os.listdir(tmp_path / "job")) == ["000000.png", "manifest.json"]


def test_overwriting_or_discarding_removes_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    save_frames_as_png([FRAME], tmp_path / "job")
    monkeypatch.delenv("SLURM_JOB_ID")
    save_frames_as_png([FRAME], tmp_path / "job", overwrite=True)
    assert sorted(os.listdir(tmp_path / "job")) == ["000000.png", "manifest.json"]
    monkeypatch.setenv("SLURM_JOB_ID", "4712")
    with FrameWriter(tmp_path / "other") as frames:
        frames.write(FRAME)
        frames.discard()
    assert not (tmp_path / "other").exists()
