"""Environments of a few pixels, whose every frame, reward and flag a test can name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from daddy_encode.spool.png.pixels import Pixels

HEIGHT, WIDTH = 4, 6


def always(number: int) -> bool:
    return True


def picture(value: int) -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), value % 256, np.uint8)


def job_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


class Counter(gym.Env[Any, Any]):
    """Shows how many resets and steps it has made in all, from `first`; an episode has `length` steps.

    What `step` or `render` gives may be another thing: `reward`, `flags` and `view` are called with that number.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 - Gymnasium's spelling
    observation_space: Any = gym.spaces.Discrete(2)
    action_space: Any = gym.spaces.Discrete(2)
    render_mode = "rgb_array"

    def __init__(
        self,
        length: int = 3,
        *,
        first: int = 0,
        reward: Callable[[int], Any] = float,
        flags: Callable[[int], tuple[Any, Any]] | None = None,
        view: Callable[[int], Any] = picture,
    ) -> None:
        self.length, self.shown, self.made = length, first - 1, 0
        self.reward, self.flags, self.view = reward, flags, view

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.shown += 1
        self.made = 0
        return 0, {}

    def step(self, action: Any) -> tuple[int, Any, Any, Any, dict[str, Any]]:
        self.shown += 1
        self.made += 1
        terminated, truncated = (self.made == self.length, False) if self.flags is None else self.flags(self.made)
        return 0, self.reward(self.shown), terminated, truncated, {}

    def render(self) -> Any:
        return self.view(self.shown)
