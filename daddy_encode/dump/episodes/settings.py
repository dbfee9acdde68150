"""What the recorders of one environment are asked for: checked before the training."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from daddy_encode.dump.user_warning import warn_user
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.errors import SettingsError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.paths import MAX_NAME_BYTES, RECEIPT_SUFFIX, new_job_directory, user_path
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

    def new_directory(self, name: str) -> Path:
        """Make a directory for the recording of this name. Raises SettingsError as `checked_name`, SpoolError."""
        wanted = self.folder / checked_name("the name of the recording", name)
        # Else a full disk would gather a directory without frames from every further episode.
        DiskBudget(self.folder, self.options.get("min_free")).spend(f"{wanted}", 0)
        if wanted.parent != self.folder:
            with reported(wanted.parent, "make"):
                os.makedirs(wanted.parent, exist_ok=True)
        return new_job_directory(wanted.parent, wanted.name)

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
    # What comes after it in the longest names.
    checked_name("name_prefix", f"{name_prefix}-env-1000-episode-1000000000")
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
    return RecordSettings(folder, str(name_prefix), *triggers, video_length, on_error, next(_instances), options)


def checked_name(what: str, name: object) -> str:
    """The name of a recording, which is a path in the video folder: `/` in it, as in an environment's ID, is a folder.

    Raises:
        SettingsError: It would lie outside, or is too long.
    """
    text, most = str(name), MAX_NAME_BYTES - len(RECEIPT_SUFFIX)
    for part in text.split("/"):
        if part in ("", ".", "..") or "\0" in part:
            raise SettingsError(
                f"{what} is {text!r:.200}: give a name, with folders at most, that stays in the video folder"
            )
        if len(os.fsencode(part)) > most:
            raise SettingsError(f"{what} is {text!r:.60}…: too long for a file system; give a shorter one")
    return text


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
        warn_user(f"{text}; set it, or give fps=")
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
