"""Twelve real rollouts of Gymnasium with their rewards and actions: four policies of each of three short trainings.

The trainings are random searches over linear policies: Mania, Guy, Recht 2018, "Simple random search provides a
competitive approach to reinforcement learning", without the normalisation of observations. HalfCheetah needs the
extra `bench` and Debian's libosmesa6, as the clips do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.options import DADDY_ENCODE

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        environment: Its name in Gymnasium.
        algorithm: As its rollouts' meta has it.
        seed: Of all that is random.
        updates: After how many the policy is recorded.
        noise: Standard deviation of what is tried around the policy.
        rate: Of the steps of the policy.
    """

    environment: str
    algorithm: str
    seed: int
    updates: tuple[int, ...]
    noise: float
    rate: float


TRAININGS = (
    Training("CartPole-v1", "ARS", 0, (0, 2, 6, 20), 0.2, 0.1),
    Training("Acrobot-v1", "ARS", 1, (0, 3, 10, 30), 0.3, 0.2),
    Training("HalfCheetah-v5", "ARS", 2, (0, 5, 15, 40), 0.1, 0.1),
)
DIRECTIONS = 8
# Steps of an episode of HalfCheetah, which never ends by itself.
LONGEST = 300


def record_rollouts(root: Path) -> None:
    """Train, record and encode all twelve below `root`."""
    from daddy_encode.dump.gymnasium import RecordFrames

    for training in TRAININGS:
        run = f"{training.environment.partition('-')[0].lower()}-{training.algorithm.lower()}-{training.seed}"
        for steps, weights in _policies(training):
            environment = _make(training, render_mode="rgb_array")
            meta: dict[str, Any] = {"policy": training.algorithm, "step": steps}
            recorded: Any = RecordFrames(environment, str(root / run), name_prefix=f"step-{steps:06d}", meta=meta)
            observation, _ = recorded.reset(seed=training.seed)
            ended = False
            while not ended:
                observation, _, terminated, truncated, _ = recorded.step(_act(recorded, weights, observation))
                ended = terminated or truncated
            recorded.close()
    subprocess.run([DADDY_ENCODE, "encode", root, "-q"], check=True, timeout=600)


def _make(training: Training, **options: Any) -> Any:
    import gymnasium

    os.environ.setdefault("MUJOCO_GL", "osmesa")
    if training.environment.startswith("HalfCheetah"):
        options["max_episode_steps"] = LONGEST
        # The usual one stays behind.
        options["camera_name"] = "track"
    return gymnasium.make(training.environment, **options)


def _policies(training: Training) -> Iterator[tuple[int, Weights]]:
    """Yield the policy before the first update and after those that are recorded, and how many steps it took."""
    environment = _make(training)
    random = np.random.default_rng(training.seed)
    size = getattr(environment.action_space, "n", None) or environment.action_space.shape[0]
    weights = np.zeros((size, environment.observation_space.shape[0] + 1))
    steps = 0
    for update in range(training.updates[-1] + 1):
        if update in training.updates:
            yield steps, weights
        tried = random.normal(size=(DIRECTIONS, *weights.shape))
        returns = np.empty((DIRECTIONS, 2))
        for number, direction in enumerate(tried):
            for side, sign in enumerate((1, -1)):
                changed = weights + sign * training.noise * direction
                returns[number, side], length = _play(environment, changed, int(random.integers(2**31)))
                steps += length
        gains = returns[:, 0] - returns[:, 1]
        weights = weights + training.rate / DIRECTIONS * np.tensordot(gains / (returns.std() + 1e-9), tried, 1)


def _play(environment: Any, weights: Weights, seed: int) -> tuple[float, int]:
    """The return and the length of an episode."""
    observation, _ = environment.reset(seed=seed)
    total, length, ended = 0.0, 0, False
    while not ended:
        observation, reward, terminated, truncated, _ = environment.step(_act(environment, weights, observation))
        total, length, ended = total + float(reward), length + 1, terminated or truncated
    return total, length


def _act(environment: Any, weights: Weights, observation: Any) -> Any:
    scores = weights @ np.append(observation, 1.0)
    space = environment.action_space
    if hasattr(space, "n"):
        return int(scores.argmax())
    return (space.high * np.tanh(scores)).astype(np.float32)
