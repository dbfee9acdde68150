"""A real PPO of Stable-Baselines3 that records while it trains. It needs torch, so it runs with the soaks."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from daddy_encode.errors import SettingsError
from tests.dump.reading import annotations_of, assert_same, manifest_of, pixels_of

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("sb3")]


@pytest.fixture
def sb3() -> None:
    """What imports it does so in the test: the import takes seconds, and it is not installed everywhere."""
    pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed: see .ci/run")


class Steps(gym.Env[Any, Any]):
    """An episode has four steps, and the picture says how many of them are made."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012
    observation_space = gym.spaces.Box(0, 10, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = "rgb_array", fails: bool = False) -> None:
        self.render_mode, self.fails, self.steps = render_mode, fails, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return np.full(1, self.steps, np.float32), float(self.steps), self.steps == 4, False, {}

    def render(self) -> Any:
        if self.fails:
            raise RuntimeError("no display")
        return np.full((8, 8, 3), 10 * self.steps, np.uint8)


def steps_of(venv: Any, count: int) -> None:
    venv.seed(5)
    venv.reset()
    for _ in range(count):
        venv.step(np.zeros(venv.num_envs, int))


def test_ppo_records_as_sb3s_own_recorder_would_while_it_trains(tmp_path: Path) -> None:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    from daddy_encode.dump.stable_baselines3 import VecFrameRecorder

    # On machines with many others, torch's threads wait for each other.
    torch.set_num_threads(1)
    cartpoles = make_vec_env("CartPole-v1", 2, seed=0, env_kwargs={"render_mode": "rgb_array"})
    venv = VecFrameRecorder(cartpoles, tmp_path, lambda step: step in (0, 60), video_length=50, video="gif")
    PPO("MlpPolicy", venv, n_steps=64, batch_size=64, n_epochs=1, device="cpu").learn(256)
    venv.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rl-video-step-0-to-step-50",
        "rl-video-step-60-to-step-110",
    ]
    for start, job in zip((0, 60), sorted(tmp_path.iterdir()), strict=True):
        manifest = manifest_of(job)
        assert (manifest["frames"], manifest["complete"], manifest["fps"], manifest["video"]) == (51, True, 50, "gif")
        meta = manifest["meta"]
        assert (meta["environment"], meta["env_index"], meta["start_step"]) == ("CartPole-v1", [0, 1], start)
        # CartPole gives 1 for each step.
        assert (meta["length"], meta["return"]) == (50, [50.0, 50.0])
        assert meta["episodes"]
        assert all(ended["return"] == ended["length"] for ended in meta["episodes"] if ended["step"] < 50)
        # Two environments of 600x400, as SB3 tiles them: below each other.
        assert pixels_of(job)[0].shape == (800, 600, 3)
        assert [line["step"] for line in annotations_of(job)] == list(range(start, start + 51))


def test_the_pictures_are_what_sb3_renders_and_after_an_episodes_end_that_is_the_next_one(tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

    from daddy_encode.dump.stable_baselines3 import VecFrameRecorder

    venv = VecFrameRecorder(VecMonitor(DummyVecEnv([Steps, Steps])), tmp_path, lambda step: step == 0, video_length=6)
    steps_of(venv, 10)
    venv.close()
    (job,) = tmp_path.iterdir()
    # Two of 8x8; the fourth step ends the episode, and what is seen then is the reset.
    expected = [np.full((16, 8, 3), 10 * steps, np.uint8) for steps in (0, 1, 2, 3, 0, 1, 2)]
    assert_same(pixels_of(job), expected)
    meta = manifest_of(job)["meta"]
    assert meta["return"] == [1 + 2 + 3 + 4 + 1 + 2.0] * 2
    ended = {"step": 4, "return": 10.0, "length": 4}
    assert meta["episodes"] == [{"env_index": 0, **ended}, {"env_index": 1, **ended}]
    assert (meta["environment"], meta["seed"]) == ("Steps", [5, 6])
    assert annotations_of(job)[1] == {"step": 1, "reward": [1.0, 1.0]}


def test_seeds_that_were_given_before_are_known_and_counts_can_be_set(tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv

    from daddy_encode.dump.stable_baselines3 import VecFrameRecorder

    plain = DummyVecEnv([Steps, Steps])
    plain.seed(3)
    venv = VecFrameRecorder(plain, tmp_path, lambda step: step in (0, 500), video_length=2)
    for _ in range(2):
        venv.reset()
        venv.recording = False
        venv.step_id = 500
    venv.close()
    jobs = [tmp_path / name for name in ("rl-video-step-0-to-step-2", "rl-video-step-500-to-step-502")]
    assert [manifest_of(job)["meta"]["seed"] for job in jobs] == [[3, 4], None]
    assert [manifest_of(job)["meta"]["return"] for job in jobs] == [[0.0, 0.0]] * 2


def test_a_render_that_fails_ends_the_recording_and_not_the_training(tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv

    from daddy_encode.dump.stable_baselines3 import VecFrameRecorder

    venv = VecFrameRecorder(DummyVecEnv([lambda: Steps(fails=True)]), tmp_path, lambda step: step == 0)
    with pytest.warns(RuntimeWarning, match="no display; this recording has stopped"):
        steps_of(venv, 6)
    venv.close()
    assert not list(tmp_path.rglob("*.png"))

    def broken(step: int) -> bool:
        raise ValueError("no number")

    venv = VecFrameRecorder(DummyVecEnv([Steps]), tmp_path, broken)
    with pytest.warns(RuntimeWarning, match="a trigger failed: ValueError: no number"):
        steps_of(venv, 0)
    venv.close()


def test_a_wrong_argument_is_refused(tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv

    from daddy_encode.dump.stable_baselines3 import VecFrameRecorder

    with pytest.raises(SettingsError, match="video_length is 0"):
        VecFrameRecorder(DummyVecEnv([Steps]), tmp_path, lambda step: True, video_length=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        silent = DummyVecEnv([lambda: Steps(render_mode=None)])
    with pytest.raises(SettingsError, match="such as rgb_array"):
        VecFrameRecorder(silent, tmp_path, lambda step: True)
