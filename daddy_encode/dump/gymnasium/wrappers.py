"""RecordFrames: what Gymnasium's RecordVideo does, at a fraction of its cost. Needs the extra `daddy-encode[gym]`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, Literal

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper

from daddy_encode.dump.gymnasium.episodes import NO_IMAGES, EpisodeRecorder, Trigger, facts_of, record_settings
from daddy_encode.dump.writer import MAX_BYTES
from daddy_encode.spool.manifest import Video


class RecordFrames(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Records episodes of `env` as PNGs with a manifest, one directory per recording, for an encoder elsewhere.

    Takes the arguments of `gymnasium.wrappers.RecordVideo`: changing the import is the whole migration.

    Of a vector environment every sub-environment's episodes are recorded on their own, or with `record_first_only=True`
    those of the first one. The directories are `rl-video-env-0-episode-0` and so on; triggers get the numbers of each
    sub-environment's own episodes and steps; `meta` says which one it is as `env_index`.

    Each frame's annotations hold `step` (steps made so far, over all episodes) and, but for the frame after a reset,
    `reward`. Where the environment raises, the recording's manifest says `complete: false`.

    Args:
        env: Its render_mode is one that gives images, "rgb_array" or "rgb_array_list".
        video_folder: Where the directories go: `rl-video-episode-0`, or `rl-video-step-100` with `step_trigger`. A name
            that is taken, by an earlier run or another process, gets `-2`, `-3`, …: nothing is ever overwritten.
        episode_trigger: Given the number of an episode, from 0, says whether it is recorded. Default, where there is no
            `step_trigger` either: episodes 0, 1, 8, 27, …, 729, 1000, 2000, ….
        step_trigger: Given the number of a step over all episodes, from 0, says whether a recording begins there.
        video_length: Frames per recording, over several episodes if need be; 0 (default) records until the next reset.
        name_prefix: What the directories' names begin with. Default "rl-video".
        fps: Frames per second of the video; None (default) is the environment's `render_fps`, or 30.
        disable_logger: Changes nothing.
        gc_trigger: Changes nothing.
        video: "mp4", "gif", "both" or None (default): what the encoder should make.
        meta: JSON values for every manifest, beside `environment` (its ID), `seed` (given to the reset before),
            `episode`, `start_step` (the number of the step, over all episodes, at which it began), `return` and
            `length` (sum and number of the rewards of the steps recorded), `terminated` and `truncated`.
        min_free: See `daddy_encode.dump.FrameWriter`.
        max_bytes: As there; it counts for each environment.
        when_full: As there.
        on_error: "stop" (default) ends a recording that fails, with a RuntimeWarning: a video never kills a training.
            "raise" raises.

    Raises:
        SettingsError: An argument cannot work (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The folder cannot be made.
    """

    def __new__(cls, env: Any, *args: Any, **options: Any) -> Any:
        if isinstance(env, VectorEnv):
            # No subclass of this class, so Python does not go on to call this class's __init__.
            return VectorRecordFrames(env, *args, **options)
        return super().__new__(cls)

    def __init__(
        self,
        env: gym.Env[Any, Any],
        video_folder: str | os.PathLike[str],
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: object = None,
        disable_logger: bool = True,
        gc_trigger: Trigger | None = None,
        *,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int = MAX_BYTES,
        when_full: Literal["block", "drop"] = "block",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env")}
        RecordConstructorArgs.__init__(self, **arguments)
        gym.Wrapper.__init__(self, env)
        self._recorder = EpisodeRecorder(record_settings(env, **arguments), name_prefix, facts_of(env))
        # Whoever makes this environment anew in each mode it lists (check_env does) should not be refused.
        modes = [mode for mode in env.metadata.get("render_modes", []) if mode not in NO_IMAGES]
        self.metadata = {**env.metadata, "render_modes": modes}
        self._rendered: list[Any] = []

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded."""
        return self._recorder.recording

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        with self._recorder.ends_with(unless_over=True):
            result = super().reset(seed=seed, options=options)
        self._rendered = []
        self._recorder.begin_episode(seed)
        self._capture()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        with self._recorder.ends_with():
            result = super().step(action)
        _, reward, terminated, truncated, _ = result
        self._recorder.after_step(reward, terminated=terminated, truncated=truncated)
        self._capture(reward=reward)
        return result

    def render(self) -> Any:
        """What the environment renders; of a list, the frames that were recorded meanwhile come first."""
        rendered = super().render()
        if isinstance(rendered, list):
            rendered, self._rendered = self._rendered + rendered, []
        return rendered

    def close(self) -> None:
        """Close the environment, end the recording, and wait until everything is on disk."""
        try:
            super().close()
        finally:
            self._recorder.close()

    def _capture(self, **annotations: Any) -> None:
        if not self._recorder.recording:
            return
        with self._recorder.ends_with():
            frame = self.env.render()
        if isinstance(frame, list):
            # Rendering empties the environment's list: whoever calls render() next should still get these.
            self._rendered += frame
            if not frame:
                return
            frame = frame[-1]
        self._recorder.capture(frame, **annotations)


class VectorRecordFrames(VectorWrapper, RecordConstructorArgs):
    """`RecordFrames` for a vector environment, which makes one of these; see there.

    With autoreset mode SAME_STEP nobody can render an episode's last state: its reward counts, but has no frame.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        video_folder: str | os.PathLike[str],
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: object = None,
        *,
        record_first_only: bool = False,
        video_aspect_ratio: tuple[int, int] = (1, 1),
        **options: Any,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env", "options")}
        arguments.update(options)
        RecordConstructorArgs.__init__(self, **arguments)
        VectorWrapper.__init__(self, env)
        settings = record_settings(env, **arguments)
        self._recorders = [
            EpisodeRecorder(settings, f"{name_prefix}-env-{index}", {**facts_of(env), "env_index": index})
            for index in range(1 if record_first_only else env.num_envs)
        ]
        # Gymnasium 1.0 has no such key and no enum: it knows NextStep only.
        mode = env.metadata.get("autoreset_mode", "NextStep")
        self._mode = getattr(mode, "value", mode)
        # Those whose next step is a reset in disguise.
        self._over = [False] * len(self._recorders)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        # Gymnasium takes the mask out of the caller's dict.
        mask = (options or {}).get("reset_mask")
        with self._ends_with(unless_over=True):
            result = super().reset(seed=seed, options=options)
        seeds = [seed + index for index in range(self.num_envs)] if isinstance(seed, int) else seed
        first = [bool(mask is None or mask[index]) for index in range(len(self._recorders))]
        for index, recorder in enumerate(self._recorders):
            if first[index]:
                recorder.begin_episode(None if seeds is None else seeds[index])
                self._over[index] = False
        self._capture([{} for _ in first], first)
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        with self._ends_with():
            result = super().step(actions)
        _, rewards, terminations, truncations, _ = result
        annotations: list[dict[str, Any]] = []
        for index, recorder in enumerate(self._recorders):
            done = bool(terminations[index] or truncations[index])
            new = self._over[index]
            if not new:
                recorder.after_step(rewards[index], terminated=terminations[index], truncated=truncations[index])
                new = done and self._mode == "SameStep"
            if new:
                recorder.begin_episode(None)
            annotations.append({} if new else {"reward": rewards[index]})
            self._over[index] = done and self._mode == "NextStep"
        self._capture(annotations, [True] * len(annotations))
        return result

    def close(self, **kwargs: Any) -> None:
        """Close the environments, end the recordings, and wait until everything is on disk."""
        try:
            super().close(**kwargs)
        finally:
            for recorder in self._recorders:
                recorder.close()

    def _ends_with(self, *, unless_over: bool = False) -> contextlib.ExitStack:
        stack = contextlib.ExitStack()
        for recorder in self._recorders:
            stack.enter_context(recorder.ends_with(unless_over=unless_over))
        return stack

    def _capture(self, annotations: list[dict[str, Any]], wanted: list[bool]) -> None:
        recorders = [index for index, recorder in enumerate(self._recorders) if recorder.recording and wanted[index]]
        if not recorders:
            return
        with self._ends_with():
            frames: Any = self.env.render()
        for index in recorders:
            frame = frames[index]
            frame = frame[-1] if isinstance(frame, list) else frame
            self._recorders[index].capture(frame, **annotations[index])
