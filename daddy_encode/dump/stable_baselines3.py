"""Stable-Baselines3's vector environments, recorded as they are stepped. Needs the extra `daddy-encode[sb3]`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from daddy_encode.dump.episodes import EpisodeRecorder, Trigger, facts_of, record_settings
from daddy_encode.dump.episodes.settings import never
from daddy_encode.dump.episodes.values import in_json
from daddy_encode.dump.episodes.wrapper import AbandonsRecording
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.recording.frame_store import Container

__all__ = ["VecFrameRecorder"]

# So many ends of episodes a manifest lists.
_MOST_EPISODES = 1000


class VecFrameRecorder(AbandonsRecording, VecEnvWrapper):  # type: ignore[misc]
    """Records a vector environment of Stable-Baselines3 as PNGs with a manifest, one directory per recording.

    Takes the arguments of `VecVideoRecorder`, and starts, ends and names recordings as it does: a recording has the
    picture at its start and one for each of `video_length` steps, each with all environments tiled by SB3.

    A vector environment of SB3 resets an environment in the step that ends its episode: the picture after that step is
    of the next episode, and nobody can render the last state of the one that ended.

    Each frame's annotations hold `step` (steps made so far) and, but for the first of a recording, `reward`, a list.
    Where an environment raises, the recording's manifest says `complete: false`.

    Args:
        venv: The vector environment, with render_mode "rgb_array". Inside `VecNormalize` its rewards are as they are.
        video_folder: Where the directories go: `rl-video-step-0-to-step-200`. A name that is taken gets `-2`, `-3`, ….
        record_video_trigger: Given the number of steps made so far, at a reset and after each step with nothing being
            recorded, says whether a recording begins.
        video_length: Steps per recording. Default 200.
        name_prefix: What the directories' names begin with. Default "rl-video".
        fps: Frames per second of the video; None (default) is the environments' `metadata["render_fps"]`, or where that
            is no rate 30, with a warning.
        video: "mp4", "gif", "both" or None (default): what the encoder should make.
        meta: JSON values for every manifest, beside `environment` (its ID), `env_index` (the list of those shown),
            `process`, `instance`, `seed` (a list, or null), `start_step`, `length` (steps), `return` (for each
            environment the sum of the rewards of these steps), `terminated` and `truncated` (lists, of the last step),
            and `episodes`, those that ended meanwhile, where `Monitor` reports them: `env_index`, `step`, `return` and
            `length` of each. A value of yours stands in place of theirs.
        min_free: See `daddy_encode.dump.FrameWriter`.
        max_bytes: As there.
        when_full: As there.
        container: As there.
        on_error: "stop" (default) ends a recording that fails, with a RuntimeWarning, whatever has failed: the disk,
            what `render` gives or raises, the trigger. A video never kills a training. "raise" raises.

    Raises:
        SettingsError: An argument cannot work (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The folder cannot be made.
    """

    def __init__(
        self,
        venv: VecEnv,
        video_folder: str | os.PathLike[str],
        record_video_trigger: Trigger,
        video_length: int = 200,
        name_prefix: str = "rl-video",
        *,
        fps: object = None,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        if video_length < 1:
            raise SettingsError(f"video_length is {video_length}: give the number of steps that a recording has")
        super().__init__(venv)
        # Those of a SubprocVecEnv are in other processes.
        known: Any = getattr(venv.unwrapped, "envs", [venv])[0]
        first = SimpleNamespace(render_mode=venv.render_mode, unwrapped=known.unwrapped)
        for name in ("metadata", "spec"):
            # Of an environment in another process; it may have none, or one that cannot be sent.
            with contextlib.suppress(Exception):
                setattr(first, name, venv.get_attr(name, 0)[0])
        settings = record_settings(
            first,
            video_folder=video_folder,
            # Both are asked here: SB3 counts steps from the first reset, and lets nothing begin within a recording.
            episode_trigger=never,
            video_length=video_length,
            name_prefix=name_prefix,
            fps=fps,
            video=video,
            meta=meta,
            min_free=min_free,
            max_bytes=max_bytes,
            when_full=when_full,
            container=container,
            on_error=on_error,
        )
        facts = {**facts_of(first), "env_index": list(range(venv.num_envs))}
        self._recorder = EpisodeRecorder(settings, facts, worlds=venv.num_envs)
        self._next_seeds: Sequence[int | None] | None = None
        self._episodes: list[dict[str, Any]] = []
        self.record_video_trigger = record_video_trigger
        self.video_folder, self.video_length, self.name_prefix = os.fspath(settings.folder), video_length, name_prefix
        self.frames_per_sec = settings.options["fps"]

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded; set to False, the recording ends."""
        return self._recorder.recording

    @recording.setter
    def recording(self, recording: bool) -> None:
        if not recording:
            self._recorder.stop()
        elif not self._recorder.recording:
            self._begin()

    @property
    def step_id(self) -> int:
        """Number of steps made so far."""
        return self._recorder.last_step + 1

    @step_id.setter
    def step_id(self, steps: int) -> None:
        self._recorder.last_step = steps - 1

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        self._next_seeds = self.venv.seed(seed)
        return self._next_seeds

    def reset(self) -> Any:
        seeds, self._next_seeds = self._next_seeds, None
        if seeds is None:
            # Given before this wrapper was there, as make_vec_env does; SB3 forgets them at the reset.
            known = getattr(self.venv.unwrapped, "_seeds", None)
            seeds = known if isinstance(known, list) and any(seed is not None for seed in known) else None
        with self._recorder.ends_with():
            observations = self.venv.reset()
        self._recorder.begin_episode(None if seeds is None else list(seeds))
        self._start_where_due()
        return observations

    def step_wait(self) -> Any:
        with self._recorder.ends_with():
            result = self.venv.step_wait()
        _, rewards, dones, infos = result
        self._recorder.count_step()
        if not self.recording:
            self._start_where_due()
            return result
        ends = [_Ended.of(done, info) for done, info in zip(dones, infos, strict=False)]
        known = [
            {"env_index": index, "step": self.step_id, **end.episode} for index, end in enumerate(ends) if end.episode
        ]
        self._episodes = (self._episodes + known)[:_MOST_EPISODES]
        self._recorder.add(
            rewards,
            terminated=[end.terminated for end in ends],
            truncated=[end.truncated for end in ends],
            over=False,
            facts={"episodes": self._episodes},
        )
        self._recorder.capture(self.venv.render)
        self._recorder.end_where_due()
        return result

    def close(self) -> None:
        """Close the environments, end the recording, and wait until everything is on disk."""
        try:
            self.venv.close()
        finally:
            self._recorder.close()

    def _start_where_due(self) -> None:
        if self._recorder.fires(self.record_video_trigger, self.step_id):
            self._begin()
            self._recorder.capture(self.venv.render)

    def _begin(self) -> None:
        self._episodes = []
        self._recorder.start(f"{self.name_prefix}-step-{self.step_id}-to-step-{self.step_id + self.video_length}")


class _Ended(NamedTuple):
    """How a step ended an environment's episode, if it did; of the episode what `Monitor` says."""

    terminated: bool
    truncated: bool
    episode: dict[str, Any]

    @classmethod
    def of(cls, done: Any, info: Any) -> _Ended:
        info = info if done and isinstance(info, Mapping) else {}
        truncated, episode = bool(info.get("TimeLimit.truncated")), info.get("episode")
        named = {"return": "r", "length": "l"}
        known = {name: in_json(episode.get(key)) for name, key in named.items()} if isinstance(episode, Mapping) else {}
        return cls(bool(done) and not truncated, truncated, known)
