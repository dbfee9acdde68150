"""`daddy-encode status` on a real Slurm: which Slurm job writes or encodes a job, and whether it still runs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from daddy_encode import save_frames_as_png
from tests.cluster.slurm import Slurm
from tests.media import moving_square
from tests.stand_in import write_ffmpeg

ROLLOUT = """
import sys, time, numpy
from daddy_encode.dump import FrameWriter
with FrameWriter(sys.argv[1]) as frames:
    for index in range(10_000):
        frames.write(numpy.full((8, 8, 3), index % 256, numpy.uint8))
        time.sleep(0.1)
"""


def status(slurm: Slurm, spool: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in slurm.encode("status", spool, "--json").stdout.splitlines()]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def test_a_running_rollout_is_told_apart_from_one_that_has_died(slurm: Slurm, tmp_path: Path) -> None:
    job = tmp_path / "spool" / "episode"
    command = shlex.join([sys.executable, "-c", ROLLOUT, str(job)])
    identifier = slurm.sbatch(f"#!/bin/sh\nexec {command}\n", "--gres=gpu:1", "--output=/dev/null")
    slurm.wait_until((job / "000003.png").exists, "frames")
    (row,) = status(slurm, tmp_path / "spool")
    assert (row["state"], row["note"]) == ("writing", f"by Slurm job {identifier}, running")
    # With its worker process, which would still write a manifest.
    rollout = json.loads((job / "rollout.json").read_text())["pid"]
    for pid in (*children(rollout), rollout):
        os.kill(pid, signal.SIGKILL)
    slurm.wait(identifier)
    slurm.wait_until(lambda: "running" not in status(slurm, tmp_path / "spool")[0]["note"], "note of its end")
    (row,) = status(slurm, tmp_path / "spool")
    assert row["state"] == "writing"
    assert row["note"] in (
        f"its rollout, Slurm job {identifier}, has ended: encode --salvage takes what is there",
        # Slurm takes a moment to clean up after it.
        f"by Slurm job {identifier}, completing",
    )
    # The command in the note.
    encoded = slurm.encode("encode", "--salvage", job)
    assert encoded.returncode == 0, encoded.stderr
    assert (tmp_path / "spool" / "episode.mp4").exists()


def test_a_claimed_job_shows_the_slurm_job_of_its_encoder(slurm: Slurm, tmp_path: Path) -> None:
    save_frames_as_png(moving_square(4), tmp_path / "spool" / "episode")
    slow = tmp_path / "slow"
    waiting = f'while [ -e {shlex.quote(str(slow))} ]; do sleep 0.1; done\nexec "$REAL" "$@"'
    program = write_ffmpeg(tmp_path / "ffmpeg", waiting)
    slow.touch()
    submitted = slurm.encode("submit", tmp_path / "spool", environ={"IMAGEIO_FFMPEG_EXE": str(program)})
    identifier = submitted.stdout.strip()
    slurm.wait_until(lambda: status(slurm, tmp_path / "spool")[0]["state"] == "claimed", "claim")
    slurm.wait_until(
        lambda: f"Slurm job {identifier}" in status(slurm, tmp_path / "spool")[0]["note"], "note of its Slurm job"
    )
    slow.unlink()
    slurm.wait(identifier)
    assert list((tmp_path / "spool" / ".daddy-encode").glob("*.json")) == []
    assert status(slurm, tmp_path / "spool")[0]["state"] == "done"
