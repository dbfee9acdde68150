"""RecordFrames: what Gymnasium's RecordVideo does, at a fraction of its cost. Needs the extra `daddy-encode[gym]`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv

from daddy_encode.dump.episodes import NO_IMAGES, EpisodeRecorder, Trigger, facts_of, record_settings
from daddy_encode.dump.gymnasium.attributes import RecordVideoAttributes
from daddy_encode.dump.gymnasium.vector import VectorRecordFrames
from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import Video
from daddy_encode.spool.recording.frame_store import Container


class RecordFrames(RecordVideoAttributes, gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Records episodes of `env` as PNGs with a manifest, one directory per recording, for an encoder elsewhere.

    Takes the arguments of `gymnasium.wrappers.RecordVideo`, and has its attributes and methods: changing the import is
    the whole migration. Of a vector environment it makes a `VectorRecordFrames`; see there.

    A recording of whole episodes is complete with the frame of the step at which its episode terminates or is
    truncated: its manifest is written then. Each frame's annotations hold `step` (steps made so far, over all episodes)
    and, but for the frame after a reset, `reward`. Where the environment raises, the recording's manifest says
    `complete: false`; one without any frame leaves nothing. A copy of it (`copy.deepcopy`, pickle) records nothing.

    Args:
        env: Its render_mode is one that gives images, "rgb_array" or "rgb_array_list".
        video_folder: Where the directories go: `rl-video-episode-0`, or `rl-video-step-100` with `step_trigger`. A name
            that is taken, by an earlier run or another process, gets `-2`, `-3`, …: nothing is ever overwritten.
        episode_trigger: Given the number of an episode, from 0, says whether it is recorded. Default, where there is no
            `step_trigger` either: episodes 0, 1, 8, 27, …, 729, 1000, 2000, ….
        step_trigger: Given the number of a step over all episodes, from 0, says whether a recording begins there.
        video_length: Steps per recording, over several episodes if need be: it has one frame more, the first picture. 0
            (default) records until the episode is over, or the next reset.
        name_prefix: What the directories' names begin with; `/` in it, as in "ALE/Pong-v5", is a folder. Default
            "rl-video".
        fps: Frames per second of the video; None (default) is the environment's `metadata["render_fps"]`, or where that
            is no rate 30, with a warning.
        disable_logger: Changes nothing.
        gc_trigger: Given the number of the episode when a recording ends, says whether Python's garbage is collected.
            Default: never, since no frames are held.
        separate: Of a vector environment: see `VectorRecordFrames`.
        record_first_only: Likewise.
        video_aspect_ratio: Likewise.
        video: "mp4", "gif", "both" or None (default): what the encoder should make.
        meta: JSON values for every manifest, beside `environment` (its ID), `process` (the name of this process, which
            vector environments choose), `instance` (how many environments this process had wrapped before), `env_index`
            (where it is known), `seed` (given to the reset before), `episode`, `start_step` (the number of the step,
            over all episodes, at which it began), `return` and `length` (sum and number of the rewards of the steps
            recorded), `terminated` and `truncated`. A value of yours stands in place of theirs. Rewards and flags that
            are arrays become lists, and what is neither number nor array becomes null. Of an environment that resets
            itself in a step of its own (Gymnasium's `Autoreset`), that step counts in the recording that it begins.
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

    _recorder: EpisodeRecorder

    def __new__(cls, env: Any = None, *args: Any, **options: Any) -> Any:
        if not isinstance(env, VectorEnv) or issubclass(cls, VectorRecordFrames):
            return super().__new__(cls)
        if cls is RecordFrames:
            # No subclass of this class, so Python does not go on to call this class's __init__.
            return VectorRecordFrames(env, *args, **options)
        return super().__new__(_for_vectors(cls))

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
        separate: bool = False,
        record_first_only: bool = False,
        video_aspect_ratio: tuple[float, float] = (1, 1),
        video: Video | None = None,
        meta: Mapping[str, Any] | None = None,
        min_free: int | None = None,
        max_bytes: int | None = None,
        when_full: Literal["block", "drop"] = "block",
        container: Container = "png",
        on_error: Literal["raise", "stop"] = "stop",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "env", "__class__")}
        if any(kind.__module__.startswith("gymnasium.experimental.vector") for kind in type(env).__mro__):
            raise SettingsError(
                "before Gymnasium 1.0 make_vec makes an experimental kind of vector environment, which this does not "
                "record: make it with gymnasium.vector.SyncVectorEnv, of functions that make each with its render_mode"
            )
        RecordConstructorArgs.__init__(self, **arguments)
        gym.Wrapper.__init__(self, env)
        for name in ("disable_logger", "separate", "record_first_only", "video_aspect_ratio"):
            del arguments[name]
        self._record(EpisodeRecorder(record_settings(env, **arguments), facts_of(env)), disable_logger)

    @property
    def metadata(self) -> dict[str, Any]:
        """The environment's, as it is now, with those render modes only that give images.

        Whoever makes this environment anew in each mode it lists (check_env does) should not be refused.
        """
        # Of a vector environment before Gymnasium 1.0 there is none to set.
        own: Any = vars(self).get("_metadata")
        known: Any = self.env.metadata if own is None else own
        return _ImageModes(known) if isinstance(known, Mapping) else known

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        with self._recorder.ends_with():
            result = self.env.reset(seed=seed, options=options)
        self.render_history = []
        self._recorder.begin_episode(seed)
        self._capture_due()
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        with self._recorder.ends_with():
            result = self.env.step(action)
        _, reward, terminated, truncated, _ = result
        self.terminated, self.truncated = terminated, truncated
        self._recorder.count_step()
        self._recorder.add(reward, terminated=terminated, truncated=truncated)
        self._capture_due()
        return result

    def render(self) -> Any:
        """What the environment renders; of a list, the frames that were recorded meanwhile come first."""
        rendered = self.env.render()
        if isinstance(rendered, list):
            rendered, self.render_history = self.render_history + rendered, []
        return rendered

    def close(self) -> None:
        """Close the environment, end the recording, and wait until everything is on disk."""
        try:
            gym.Wrapper.close(self)
        finally:
            self._recorder.close()

    def _capture_frame(self) -> None:
        self._recorder.capture(self._render_once)

    def _render_once(self) -> Any:
        rendered = self.env.render()
        if isinstance(rendered, list):
            # Rendering empties the environment's list: whoever calls render() next should still get these.
            self.render_history += rendered
        return rendered


class _ImageModes(dict[str, Any]):
    """An environment's metadata with the modes that give images; what is set here is set there."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        modes = metadata.get("render_modes")
        if isinstance(modes, str):
            modes = [modes]
        known = modes if isinstance(modes, (list, tuple, set, frozenset)) else []
        super().__init__(metadata, render_modes=[mode for mode in known if mode not in NO_IMAGES])
        self._all: Any = metadata

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._all[name] = value

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class _VectorsOfSubclass(VectorRecordFrames, RecordFrames):  # type: ignore[misc]
    """Where a subclass of RecordFrames is given a vector environment: VectorRecordFrames comes before RecordFrames."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Pickle finds a class by its name, which is the user's class's.
        make, arguments, *state = super().__reduce_ex__(max(protocol, 2))
        if arguments[:1] == (type(self),):
            make, arguments = _empty, (type(self).__bases__[0], *arguments[1:])
        return (make, arguments, *state)


_of_subclasses: dict[type, type] = {}


def _empty(subclass: type) -> Any:
    made = _for_vectors(subclass)
    return made.__new__(made)  # type: ignore[call-overload]


def _for_vectors(subclass: type) -> type:
    if subclass not in _of_subclasses:
        names = {"__module__": subclass.__module__, "__doc__": subclass.__doc__}
        _of_subclasses[subclass] = type(subclass.__name__, (subclass, _VectorsOfSubclass), names)
    return _of_subclasses[subclass]
