"""PettingZoo's environments, recorded as they are stepped. Needs the extra `daddy-encode[pettingzoo]`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pettingzoo.utils import BaseParallelWrapper, BaseWrapper
from pettingzoo.utils.env import AECEnv, ParallelEnv

from daddy_encode.dump.episodes import AgentRecorder, Trigger, facts_of, record_settings
from daddy_encode.dump.episodes.agents import add_rewards, agent_is_over, all_agents_over
from daddy_encode.dump.episodes.wrapper import AbandonsRecording
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.recording.frame_store import Container

__all__ = ["RecordAECFrames", "RecordParallelFrames"]


class _Recorded(AbandonsRecording):
    """What both wrappers have: the environment is `env`."""

    env: Any
    _recorder: AgentRecorder

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded: until the step at which its episode is over."""
        return self._recorder.recording

    def close(self) -> None:
        """Close the environment, end the recording, and wait until everything is on disk."""
        try:
            self.env.close()
        finally:
            self._recorder.close()


class RecordParallelFrames(_Recorded, BaseParallelWrapper):  # type: ignore[misc]
    """Records episodes of a parallel environment as PNGs with a manifest, one directory per recording.

    An episode is over when no agent is left: its manifest is written at that step, while the training goes on. Each
    frame's annotations hold `step` (steps made so far, over all episodes) and, but for the frame after a reset,
    `reward`, by agent. Where the environment raises, the recording's manifest says `complete: false`. A copy of it
    (`copy.deepcopy`, pickle) records nothing.

    Args:
        env: Its render_mode is one that gives images, "rgb_array".
        video_folder: Where the directories go: `rl-video-episode-0`, or `rl-video-step-100` with `step_trigger`. A name
            that is taken, by an earlier run or another process, gets `-2`, `-3`, …: nothing is ever overwritten.
        episode_trigger: Given the number of an episode, from 0, says whether it is recorded. Default, where there is no
            `step_trigger` either: episodes 0, 1, 8, 27, …, 729, 1000, 2000, ….
        step_trigger: Given the number of a step over all episodes, from 0, says whether a recording begins there.
        video_length: Steps per recording, over several episodes if need be: it has one frame more, the first picture. 0
            (default) records until the episode is over, or the next reset.
        name_prefix: What the directories' names begin with. Default "rl-video".
        fps: Frames per second of the video; None (default) is the environment's `metadata["render_fps"]`, or where that
            is no rate 30, with a warning.
        video: "mp4", "gif", "both" or None (default): what the encoder should make.
        meta: JSON values for every manifest, beside `environment` (its name), `agents` (all that may appear),
            `process`, `instance`, `seed`, `episode`, `start_step` and `length` as Gymnasium's `RecordFrames` has them,
            and `return`, `terminated` and `truncated`, which are objects with a value for each agent: the sum of its
            rewards in the steps recorded, and how its part ended. A value of yours stands in place of theirs.
        min_free: See `daddy_encode.dump.FrameWriter`.
        max_bytes: As there; it counts for each environment.
        when_full: As there.
        container: As there.
        on_error: "stop" (default) ends a recording that fails, with a RuntimeWarning, whatever has failed: the disk,
            what `render` gives or raises, a trigger. A video never kills a training. "raise" raises.

    Raises:
        SettingsError: An argument cannot work (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The folder cannot be made.
    """

    def __init__(
        self,
        env: ParallelEnv[Any, Any, Any],
        video_folder: str | os.PathLike[str],
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: object = None,
        *,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env", "__class__")}
        if isinstance(env, AECEnv):
            raise SettingsError("the environment is an AECEnv, not a parallel one: use RecordAECFrames")
        super().__init__(env)
        self._recorder = _recorder(env, arguments)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        with self._recorder.ends_with():
            result = self.env.reset(seed=seed, options=options)
        self._recorder.reset(self.env.render, seed=seed)
        return result

    def step(self, actions: dict[Any, Any]) -> Any:
        with self._recorder.ends_with():
            result = self.env.step(actions)
        _, rewards, terminations, truncations, _ = result
        over = all_agents_over(_read(self.env, "agents"), terminations, truncations)
        self._recorder.step_agents(self.env.render, rewards, terminations, truncations, over=over)
        return result


class RecordAECFrames(_Recorded, BaseWrapper):  # type: ignore[misc]
    """Records episodes of an agent environment cycle (AEC), as `RecordParallelFrames` those of a parallel environment.

    There is a frame after each agent's step, as in a game where they take turns. Where the environment changes only
    when all have acted, as `metadata["is_parallelizable"]` says, there is one for each round, and a step is a round.
    The steps that remove an agent whose part is over are not counted.

    Args:
        env: As `RecordParallelFrames` has it, and so are all arguments.
        video_folder: As there.
        episode_trigger: As there.
        step_trigger: As there.
        video_length: As there.
        name_prefix: As there.
        fps: As there.
        video: As there.
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

    def __init__(
        self,
        env: AECEnv[Any, Any, Any],
        video_folder: str | os.PathLike[str],
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: object = None,
        *,
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env", "__class__")}
        if isinstance(env, ParallelEnv):
            raise SettingsError("the environment is a parallel one, not an AECEnv: use RecordParallelFrames")
        super().__init__(env)
        self._recorder = _recorder(env, arguments)
        metadata = _read(env, "metadata")
        self._in_rounds = isinstance(metadata, Mapping) and bool(metadata.get("is_parallelizable"))
        # Rewards since the last frame, by agent.
        self._rewards: dict[Any, Any] = {}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        with self._recorder.ends_with():
            self.env.reset(seed=seed, options=options)
        self._rewards = {}
        self._recorder.reset(self.env.render, seed=seed)

    def step(self, action: Any) -> None:
        removes = self._selected_is_over()
        with self._recorder.ends_with():
            self.env.step(action)
        if removes:
            return
        add_rewards(self._rewards, _read(self.env, "rewards"))
        terminations, truncations = _read(self.env, "terminations"), _read(self.env, "truncations")
        agents = _read(self.env, "agents") or []
        over = all_agents_over(agents, terminations, truncations)
        # An agent that is over is selected, to be removed, when a round is.
        if (
            self._in_rounds
            and not over
            and not self._selected_is_over()
            and _read(self.env, "agent_selection") != agents[0]
        ):
            return
        rewards, self._rewards = self._rewards, {}
        self._recorder.step_agents(self.env.render, rewards, terminations, truncations, over=over)

    def _selected_is_over(self) -> bool:
        terminations, truncations = _read(self.env, "terminations"), _read(self.env, "truncations")
        return agent_is_over(_read(self.env, "agent_selection"), terminations, truncations)


def _recorder(env: Any, arguments: Mapping[str, Any]) -> AgentRecorder:
    metadata, agents = _read(env, "metadata"), _read(env, "possible_agents")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    known = {"environment": name} if isinstance(name, str) else {}
    listed = {"agents": [str(agent) for agent in agents]} if isinstance(agents, (list, tuple)) else {}
    return AgentRecorder(record_settings(env, **arguments), {**facts_of(env), **known, **listed})


def _read(env: Any, name: str) -> Any:
    """An attribute of the environment, None where it has none: before its first `reset` it may raise anything."""
    try:
        return getattr(env, name)
    except Exception:
        return None
