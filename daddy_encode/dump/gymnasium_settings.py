"""What RecordFrames and VectorRecordFrames share: their arguments, checked, and what they say of an environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
from gymnasium.vector import VectorEnv

from daddy_encode.dump.episodes import RecordSettings, Trigger, capped_cubic
from daddy_encode.dump.writer import MAX_BYTES, FrameWriter
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.publish import reported

# Render modes that give no images.
NO_IMAGES = (None, "human", "ansi")


def record_settings(
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
    *,
    video_folder: str | os.PathLike[str],
    episode_trigger: Trigger | None,
    step_trigger: Trigger | None,
    video_length: int,
    fps: object,
    disable_logger: bool = True,
    gc_trigger: Trigger | None = None,
    video: Video | None = None,
    meta: Mapping[str, Any] | None = None,
    min_free: int | None = None,
    max_bytes: int = MAX_BYTES,
    when_full: Literal["block", "drop"] = "block",
    on_error: Literal["raise", "stop"] = "stop",
) -> RecordSettings:
    """For the recorders of `env`; see `RecordFrames` for the arguments and what is raised. Makes the folder."""
    if env.render_mode in NO_IMAGES:
        raise SettingsError(f"render_mode is {env.render_mode!r}: make the environment with render_mode='rgb_array'")
    if video_length < 0:
        raise SettingsError(f"video_length is {video_length}: give 0 for whole episodes, or more")
    if episode_trigger is None and step_trigger is None:
        episode_trigger = capped_cubic
    folder = Path(video_folder).absolute()
    new_writer = partial(
        FrameWriter,
        fps=env.metadata.get("render_fps", 30) if fps is None else fps,
        video=video,
        meta=meta,
        # One outruns any renderer, and there may be many environments.
        workers=1,
        # One recording may still be closing while the next one fills.
        max_bytes=max_bytes // 2,
        when_full=when_full,
        min_free=min_free,
    )
    # For its checks, and that the processes it needs are there at the first frame: nothing happens on disk before that.
    new_writer(folder, overwrite=True, on_error=on_error)
    with reported(folder, "make"):
        os.makedirs(folder, exist_ok=True)
    return RecordSettings(folder, episode_trigger, step_trigger, video_length, min_free, on_error, new_writer)


def facts_of(env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """For every manifest's meta."""
    return {"environment": env.spec.id if env.spec is not None else type(env.unwrapped).__name__}
