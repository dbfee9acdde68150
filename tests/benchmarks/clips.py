"""Real rollouts to measure on, rendered once and kept in the user's cache folder.

Frames are uint8 (T, H, W, 3). MuJoCo needs the Debian package libosmesa6 (MUJOCO_GL=osmesa) and the extra `bench`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CLIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "cartpole": ("CartPole-v1", {}),
    "breakout": ("ALE/Breakout-v5", {}),
    "cheetah": ("HalfCheetah-v5", {}),
    "humanoid": ("Humanoid-v5", {"width": 1280, "height": 720}),
    "humanoid360": ("Humanoid-v5", {"width": 640, "height": 360}),
}
FRAMES = 240
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daddy-encode-benchmarks"


def clip(name: str) -> npt.NDArray[np.uint8]:
    """The frames of the clip `name` (a key of CLIPS), 240 of them, memory-mapped read-only."""
    path = CACHE / f"{name}.npy"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=CACHE, suffix=".npy", delete=False) as temp:
            np.save(temp, _render(*CLIPS[name]))
        os.replace(temp.name, path)
    frames: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return frames


def _render(environment: str, options: dict[str, Any]) -> npt.NDArray[np.uint8]:
    os.environ.setdefault("MUJOCO_GL", "osmesa")
    import gymnasium

    if environment.startswith("ALE/"):
        import ale_py

        gymnasium.register_envs(ale_py)
    env = gymnasium.make(environment, render_mode="rgb_array", **options)
    env.reset(seed=1)
    env.action_space.seed(1)
    frames = []
    for _ in range(FRAMES):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        frames.append(np.asarray(env.render(), np.uint8))
        if terminated or truncated:
            env.reset()
    env.close()
    return np.stack(frames)
