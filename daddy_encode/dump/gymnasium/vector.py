"""`RecordFrames` of a vector environment: what Gymnasium's vector RecordVideo does."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from daddy_encode.dump.episodes import SeparateRecorders, TiledRecorder, Trigger, facts_of, record_settings
from daddy_encode.dump.gymnasium.attributes import RecordVideoAttributes
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.recording.frame_store import Container

# Until Gymnasium 1.0 vector environments had wrappers of another name, and all of them reset in the same step.
_BEFORE_1 = not hasattr(gym.vector, "VectorWrapper")
VectorWrapper: Any = getattr(gym.vector, "VectorEnvWrapper" if _BEFORE_1 else "VectorWrapper")


class VectorRecordFrames(RecordVideoAttributes, VectorWrapper, RecordConstructorArgs):  # type: ignore[misc]
    """`RecordFrames` of a vector environment, which makes one of these.

    Takes the arguments of `gymnasium.wrappers.vector.RecordVideo`, in their order. One recording has all
    sub-environments, tiled into each frame as RecordVideo tiles them; `rl-video-episode-0` and so on are the episodes
    of sub-environment 0, and `video_length`, triggers and steps count as RecordVideo's. With autoreset mode NEXT_STEP
    it ends with the last picture of sub-environment 0's episode, with SAME_STEP before that, which nobody can render
    then; with DISABLED when all sub-environments are over, or sub-environment 0 is reset.

    `separate=True` records each sub-environment's episodes on their own: the directories are `rl-video-env-0-episode-0`
    and so on, and triggers get the numbers of each sub-environment's own episodes and steps.

    In meta, `env_index` says which sub-environment it is; of a tiled recording it is the list of all, `tiles` is
    [rows, columns], and `return`, `terminated` and `truncated` are lists: what each gave while it was recorded, over
    several of its episodes if need be.

    Args:
        env: A vector environment whose render_mode is one that gives images.
        video_folder: See `RecordFrames`.
        video_aspect_ratio: Width to height that the tiles should come near to, (1, 1) by default.
        record_first_only: Record sub-environment 0 only. Default False.
        episode_trigger: See `RecordFrames`.
        step_trigger: As there.
        video_length: As there.
        name_prefix: As there.
        fps: As there.
        disable_logger: Changes nothing.
        gc_trigger: See `RecordFrames`.
        separate: A recording of each sub-environment instead of one of all. Default False.
        video: See `RecordFrames`.
        meta: As there.
        min_free: As there.
        max_bytes: As there.
        when_full: As there.
        container: As there.
        on_error: As there.

    Raises:
        SettingsError: An argument cannot work (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The folder cannot be made.
    """

    _recorder: TiledRecorder | SeparateRecorders

    def __init__(
        self,
        env: Any,
        video_folder: str | os.PathLike[str],
        video_aspect_ratio: tuple[float, float] = (1, 1),
        record_first_only: bool = False,
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: object = None,
        disable_logger: bool = True,
        gc_trigger: Trigger | None = None,
        *,
        separate: bool = False,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env", "__class__")}
        RecordConstructorArgs.__init__(self, **arguments)
        VectorWrapper.__init__(self, env)
        for name in ("video_aspect_ratio", "record_first_only", "disable_logger", "separate"):
            del arguments[name]
        self._render_all: Callable[[], Any] = env.render
        mode = env.render_mode
        if _BEFORE_1 and mode is None:
            # There a vector environment has neither mode nor pictures, but its sub-environments do.
            mode, self._render_all = env.get_attr("render_mode")[0], functools.partial(env.call, "render")
        settings = record_settings(env, render_mode=mode, **arguments)
        self.autoreset_mode = env.metadata.get("autoreset_mode") if isinstance(env.metadata, Mapping) else None
        # Gymnasium 1.0 knows NextStep only, and no enum.
        default = "SameStep" if _BEFORE_1 else "NextStep"
        options: Any = {"autoreset": getattr(self.autoreset_mode, "value", self.autoreset_mode) or default}
        options["first_only"] = record_first_only
        self.record_first_only, self.video_aspect_ratio = record_first_only, video_aspect_ratio
        # A SyncVectorEnv of functions has no ID of its own.
        facts = facts_of(getattr(env.unwrapped, "envs", [env])[0] if env.spec is None else env)
        recorder: TiledRecorder | SeparateRecorders
        if separate:
            recorder = SeparateRecorders(settings, facts, env.num_envs, **options)
        else:
            recorder = TiledRecorder(settings, facts, env.num_envs, aspect_ratio=video_aspect_ratio, **options)
        self._record(recorder, disable_logger)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        # Gymnasium takes the mask out of the caller's dict.
        mask = (options or {}).get("reset_mask")
        with self._recorder.ends_with():
            result: tuple[Any, dict[str, Any]] = self.env.reset(seed=seed, options=options)
        self.render_history = []
        self._recorder.after_reset(seed, mask)
        self._capture_due()
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        with self._recorder.ends_with():
            result: tuple[Any, Any, Any, Any, dict[str, Any]] = self.env.step(actions)
        _, rewards, terminations, truncations, _ = result
        with contextlib.suppress(Exception):  # nobody knows what they are
            self.terminated, self.truncated = terminations[0], truncations[0]
        self._recorder.after_step(rewards, terminations, truncations)
        self._capture_due()
        return result

    def render(self) -> Any:
        """What each of the environments renders."""
        return self._render_all()

    def close(self, **kwargs: Any) -> None:
        """Close the environments, end the recordings, and wait until everything is on disk."""
        try:
            VectorWrapper.close(self, **kwargs)
        finally:
            self._recorder.close()

    def _capture_frame(self) -> None:
        self._recorder.capture(self._render_all)
