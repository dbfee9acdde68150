"""Real episodes of real environments, the whole way: Gymnasium -> PNGs -> the command -> MP4 and GIF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from tests.media import decode_gif, decode_mp4, run_command

gymnasium.register_envs(ale_py)


def episode(environment: str, steps: int) -> list[Any]:
    env: Any = gymnasium.make(environment, render_mode="rgb_array")
    env.reset(seed=3)
    env.action_space.seed(3)
    frames = [env.render()]
    for _ in range(steps):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        frames.append(env.render())
        if terminated or truncated:
            break
    env.close()
    return frames


@pytest.mark.parametrize(("environment", "tolerance"), [("CartPole-v1", 1.0), ("ALE/Breakout-v5", 3.0)])
def test_a_real_episode_becomes_its_video_and_its_gif(tmp_path: Path, environment: str, tolerance: float) -> None:
    frames = np.stack(episode(environment, 60))
    save_frames_as_png(frames, tmp_path / "episode", meta={"environment": environment})
    completed = run_command("encode", tmp_path / "episode", "--video", "both")
    assert completed.returncode == 0, completed.stderr
    height, width = frames.shape[1:3]
    video = decode_mp4(tmp_path / "episode.mp4", width, height)
    assert video.shape == frames.shape
    assert np.abs(video.astype(int) - frames).mean(axis=(1, 2, 3)).max() < tolerance
    gif, delays, loop = decode_gif(tmp_path / "episode.gif")
    assert np.abs(gif.astype(int) - frames[::2]).mean(axis=(1, 2, 3)).max() < 1
    assert abs(sum(delays) - len(frames) * 1000 / 30) <= 10
    assert loop == 0
