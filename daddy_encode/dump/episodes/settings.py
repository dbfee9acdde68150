"""What the recorders of one environment are asked for: checked before the training."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from daddy_encode.dump.writer import FrameWriter
from daddy_encode.errors import SettingsError
from daddy_encode.spool.paths import user_path
from daddy_encode.spool.publish import reported
from daddy_encode.spool.rate import MAX_FPS, MIN_FPS, parse_fps

Trigger = Callable[[int], bool]

# Render modes that give no images.
NO_IMAGES = (None, "human", "ansi", "ansi_list")
# RecordVideo's own where the environment says nothing.
_DEFAULT_FPS = 30
# As Gymnasium's AsyncVectorEnv names the process of each sub-environment.
_WORKER_NAME = re.compile(r"Worker<.*>-(\d+)")


def capped_cubic(episode: int) -> bool:
    """Gymnasium's default: episodes 0, 1, 8, 27, …, 729, 1000, and every 1000th from there."""
    return round(episode ** (1 / 3)) ** 3 == episode if episode < 1000 else episode % 1000 == 0


def never(number: int) -> bool:
    """The trigger of what records nothing."""
    return False


@dataclass
class RecordSettings:
    """What the recorders of one wrapper share: see `RecordFrames`; `options` are those of each FrameWriter.

    `instance`: how many wrappers this process had made before. A change counts for recordings that begin later.
    """

    folder: Path
    prefix: str
    episode_trigger: Trigger | None
    step_trigger: Trigger | None
    gc_trigger: Trigger | None
    video_length: int
    on_error: Literal["raise", "stop"]
    instance: int
    options: dict[str, Any]

    def of_copy(self) -> RecordSettings:
        """Those of a copy, which records nothing: triggers would fire at nothing, and many cannot be pickled."""
        return replace(self, episode_trigger=never, step_trigger=None, gc_trigger=None)


_instances = itertools.count()


def record_settings(
    env: Any,
    *,
    video_folder: str | os.PathLike[str],
    episode_trigger: Trigger | None = None,
    step_trigger: Trigger | None = None,
    gc_trigger: Trigger | None = None,
    video_length: int = 0,
    name_prefix: str = "rl-video",
    fps: object = None,
    render_mode: str | None = None,
    on_error: Literal["raise", "stop"] = "stop",
    max_bytes: int | None = None,
    **options: Any,
) -> RecordSettings:
    """For the recorders of `env`, whose `render_mode` and `metadata` are looked at. Makes the directory.

    The arguments are those of `RecordFrames`; `render_mode` is for an environment that does not say it, and `options`
    go to each FrameWriter.

    Raises:
        SettingsError: An argument cannot work, or the environment gives no images (a ValueError).
        ManifestError: `meta` is not JSON (a ValueError).
        SpoolError: The folder cannot be made.
    """
    mode = render_mode or getattr(env, "render_mode", None)
    if mode in NO_IMAGES:
        raise SettingsError(
            f"Render mode is {mode}, which is incompatible with RecordFrames: make the environment with a render_mode "
            "that returns an image, such as rgb_array"
        )
    if video_length < 0:
        raise SettingsError(f"video_length is {video_length}: give 0 for whole episodes, or more")
    if episode_trigger is None and step_trigger is None:
        episode_trigger = capped_cubic
    folder = user_path(video_folder).absolute()
    options["fps"] = _rate_of(env) if fps is None else fps
    # One thread outruns any renderer, and there may be many environments.
    options["workers"] = 1
    options["sizes_vary"] = True
    # One recording may still be closing while the next one fills.
    options["max_bytes"] = None if max_bytes is None else max_bytes // 2
    # For its checks, and that the worker process is there at the first frame: nothing happens on disk before that.
    FrameWriter(folder, overwrite=True, on_error=on_error, **options)
    with reported(folder, "make"):
        os.makedirs(folder, exist_ok=True)
    triggers = (episode_trigger, step_trigger, gc_trigger)
    return RecordSettings(folder, name_prefix, *triggers, video_length, on_error, next(_instances), options)


def _rate_of(env: Any) -> Any:
    """The environment's own frames per second, or 30 with a warning."""
    metadata = getattr(env, "metadata", None)
    known = isinstance(metadata, Mapping) and "render_fps" in metadata
    rate = metadata["render_fps"] if known and metadata else None
    try:
        parse_fps(rate)
        return rate
    except SettingsError:
        what = f"is {rate!r:.60}, not a rate from {float(MIN_FPS)} to {MAX_FPS}" if known else "is missing"
        text = (
            f'the environment\'s metadata["render_fps"] {what}: its recordings play at {_DEFAULT_FPS} frames per second'
        )
        warnings.warn(f"{text}; set it, or give fps=", RuntimeWarning, stacklevel=5)
        return _DEFAULT_FPS


def facts_of(env: Any) -> dict[str, Any]:
    """For every manifest's meta: `environment`, the environment's ID or the name of its class."""
    identity = getattr(getattr(env, "spec", None), "id", None)
    return {"environment": identity if isinstance(identity, str) else type(getattr(env, "unwrapped", env)).__name__}


def process_facts(settings: RecordSettings) -> dict[str, Any]:
    """For every manifest's meta: which of the processes, and which of a process's environments, it is of."""
    name = multiprocessing.current_process().name
    worker = _WORKER_NAME.fullmatch(name)
    index = {"env_index": int(worker.group(1))} if worker else {}
    return {"process": name, "instance": settings.instance, **index}
