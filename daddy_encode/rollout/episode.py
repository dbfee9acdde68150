"""One episode, as it is played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daddy_encode.errors import FrameError
from daddy_encode.rollout.loaders import Policy


def play(environment: Any, policy: Policy | None, steps: int, meta: dict[str, Any]) -> Iterator[Any]:
    """Yield the frames of one episode, one after the reset and one after each step; keep `meta` up to date."""
    observation, _ = environment.reset(seed=meta["seed"])
    environment.action_space.seed(meta["seed"])
    yield render(environment, meta)
    while meta["length"] < steps and not (meta["terminated"] or meta["truncated"]):
        action = environment.action_space.sample() if policy is None else policy(observation)
        observation, reward, terminated, truncated, _ = environment.step(action)
        meta["return"] += float(reward)
        meta["length"] += 1
        meta["terminated"], meta["truncated"] = bool(terminated), bool(truncated)
        yield render(environment, meta)


def render(environment: Any, meta: dict[str, Any]) -> Any:
    """Render a frame. Raises FrameError if it is not uint8 (H, W, 3)."""
    frame = environment.render()
    shape: tuple[int, ...] = getattr(frame, "shape", ())
    dtype = getattr(frame, "dtype", type(frame).__name__)
    if dtype != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise FrameError(f"--env {meta['environment']} renders {dtype} {shape}; only uint8 (H, W, 3) can be recorded")
    return frame
