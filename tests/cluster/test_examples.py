"""The scripts in docs/examples, unchanged, on a real Slurm."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.cluster.slurm import CHECKOUT, Slurm
from tests.media import moving_square

EXAMPLES = CHECKOUT / "docs" / "examples"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CHECKOUT": str(CHECKOUT), "PYTHON": sys.executable, "ROLLOUTS": str(tmp_path / "my rollouts")}


def videos(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("episode-*") if path.suffix in (".mp4", ".gif")
    )


@pytest.mark.soak
def test_a_rollout_and_its_follow_up(slurm: Slurm, tmp_path: Path, environ: dict[str, str]) -> None:
    printed = slurm.run("bash", EXAMPLES / "rollout-and-follow-up.sh", "--steps", "20", environ=environ, cwd=tmp_path)
    rollout, encoder = re.fullmatch(r"rollout (\d+), encoders (\d+)\n", printed).groups()  # type: ignore[union-attr]
    assert slurm.wait(rollout)["JobState"] == "COMPLETED", (tmp_path / f"rollout-{rollout}.log").read_text()
    for task in range(2):
        assert slurm.wait(f"{encoder}_{task}")["JobState"] == "COMPLETED"
    assert videos(Path(environ["ROLLOUTS"])) == [
        f"run-0001/episode-{episode:04d}.{kind}" for episode in range(6) for kind in ("gif", "mp4")
    ]


@pytest.mark.soak
def test_a_watcher_in_a_slurm_job(slurm: Slurm, tmp_path: Path, environ: dict[str, str]) -> None:
    rollouts = Path(environ["ROLLOUTS"])
    save_frames_as_png(moving_square(5), rollouts / "episode-0000")
    watcher = slurm.run(
        "sbatch", "--parsable", EXAMPLES / "watcher.sbatch", environ={**environ, "IDLE": "1"}, cwd=tmp_path
    )
    assert slurm.wait(watcher.strip())["JobState"] == "COMPLETED"
    assert videos(rollouts) == ["episode-0000.mp4"]


def test_a_watcher_stops_cleanly_before_its_time_limit(slurm: Slurm, tmp_path: Path, environ: dict[str, str]) -> None:
    rollouts = Path(environ["ROLLOUTS"])
    rollouts.mkdir()
    watcher = slurm.run("sbatch", "--parsable", EXAMPLES / "watcher.sbatch", environ=environ, cwd=tmp_path).strip()
    log = tmp_path / f"watcher-{watcher}.log"
    slurm.wait_until(lambda: log.exists() and "watching" in log.read_text(), "watcher")
    slurm.run("scancel", "--batch", "--signal=USR2", watcher)
    assert slurm.wait(watcher)["ExitCode"] == "0:0"


@pytest.mark.soak
def test_a_rollout_in_python_that_submits_its_own_follow_up(slurm: Slurm, tmp_path: Path) -> None:
    rollouts = tmp_path / "rollouts"
    command = shlex.join([sys.executable, str(EXAMPLES / "rollout.py"), str(rollouts)])
    rollout = slurm.run("sbatch", "--parsable", "--gres=gpu:1", "--output=%j.log", f"--wrap={command}", cwd=tmp_path)
    log = tmp_path / f"{rollout.strip()}.log"
    assert slurm.wait(rollout.strip())["JobState"] == "COMPLETED", log.read_text()
    [follower] = re.findall(r"Slurm job (\d+) is queued", log.read_text())
    assert slurm.wait(follower)["JobState"] == "COMPLETED"
    assert len(videos(rollouts)) == 6
