"""Which episodes of an environment are recorded, and where each one goes. Knows nothing of Gymnasium."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from daddy_encode.dump.writer import MAX_BYTES, FrameWriter
from daddy_encode.errors import DaddyEncodeError, SettingsError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.paths import new_job_directory
from daddy_encode.spool.publish import reported
from daddy_encode.spool.recording.directory import remove_empty

Trigger = Callable[[int], bool]


def capped_cubic(episode: int) -> bool:
    """Gymnasium's default: episodes 0, 1, 8, 27, …, 729, 1000, and every 1000th from there."""
    return round(episode ** (1 / 3)) ** 3 == episode if episode < 1000 else episode % 1000 == 0


@dataclass(frozen=True)
class RecordSettings:
    """What the recorders of one wrapper share: see `RecordFrames`; `options` are those of each FrameWriter."""

    folder: Path
    episode_trigger: Trigger | None
    step_trigger: Trigger | None
    video_length: int
    on_error: Literal["raise", "stop"]
    options: Mapping[str, Any]


# Render modes that give no images.
NO_IMAGES = (None, "human", "ansi")
# Of RecordVideo's and the wrappers': they change nothing about a recorder.
_OTHER_ARGUMENTS = ("name_prefix", "disable_logger", "gc_trigger", "record_first_only", "video_aspect_ratio")


def record_settings(
    env: Any,
    *,
    video_folder: str | os.PathLike[str],
    episode_trigger: Trigger | None,
    step_trigger: Trigger | None,
    video_length: int,
    fps: object,
    on_error: Literal["raise", "stop"] = "stop",
    max_bytes: int = MAX_BYTES,
    **options: Any,
) -> RecordSettings:
    """For the recorders of `env`; see `RecordFrames` for the arguments and what is raised. Makes the directory."""
    for name in _OTHER_ARGUMENTS:
        options.pop(name, None)
    if env.render_mode in NO_IMAGES:
        raise SettingsError(f"render_mode is {env.render_mode!r}: make the environment with render_mode='rgb_array'")
    if video_length < 0:
        raise SettingsError(f"video_length is {video_length}: give 0 for whole episodes, or more")
    if episode_trigger is None and step_trigger is None:
        episode_trigger = capped_cubic
    folder = Path(video_folder).absolute()
    options["fps"] = env.metadata.get("render_fps", 30) if fps is None else fps
    # One thread outruns any renderer, and there may be many environments.
    options["workers"] = 1
    # One recording may still be closing while the next one fills.
    options["max_bytes"] = max_bytes // 2
    # For its checks, and that the worker process is there at the first frame: nothing happens on disk before that.
    FrameWriter(folder, overwrite=True, on_error=on_error, **options)
    with reported(folder, "make"):
        os.makedirs(folder, exist_ok=True)
    return RecordSettings(folder, episode_trigger, step_trigger, video_length, on_error, options)


def facts_of(env: Any) -> dict[str, Any]:
    """For every manifest's meta."""
    return {"environment": env.spec.id if env.spec is not None else type(env.unwrapped).__name__}


class EpisodeRecorder:
    """Follows one environment and records the episodes that the triggers choose, each in a new directory.

    With on_error="stop" nothing that goes wrong with a recording raises: it warns, and that recording ends.
    `facts`: what every manifest's meta says beside the episode's own.
    """

    def __init__(self, settings: RecordSettings, prefix: str, facts: Mapping[str, Any]) -> None:
        self._settings = settings
        self._prefix = prefix
        self._constant = dict(facts)
        self._facts: dict[str, Any] = {}
        self._episode = -1
        self._steps = 0
        self._seed: int | None = None
        self._writer: FrameWriter | None = None
        # Its last frames may be on their way to the disk while the next episode runs.
        self._closing: FrameWriter | None = None

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded."""
        return self._writer is not None

    def begin_episode(self, seed: int | None) -> None:
        """The environment was reset; `capture` its first frame next."""
        self._episode += 1
        self._seed = seed
        if not self._settings.video_length:
            self.stop()
        trigger = self._settings.episode_trigger
        if trigger is not None and trigger(self._episode):
            self._start(f"{self._prefix}-episode-{self._episode}", self._steps)

    def after_step(self, reward: Any, *, terminated: Any, truncated: Any) -> None:
        """The environment made a step; `capture` its frame next, with the same reward."""
        number = self._steps
        self._steps += 1
        trigger = self._settings.step_trigger
        if trigger is not None and trigger(number):
            self._start(f"{self._prefix}-step-{number}", number)
        if self.recording:
            self._facts["return"] += float(reward)
            self._facts["length"] += 1
            self._facts.update(terminated=bool(terminated), truncated=bool(truncated))

    def capture(self, frame: Any, **annotations: Any) -> None:
        """Record `frame`, what the environment looks like now."""
        writer = self._writer
        if writer is None:
            return
        try:
            writer.write(frame, step=self._steps, **annotations)
        except DaddyEncodeError as error:
            # A handler of a signal may have ended the recording meanwhile.
            if self._writer is writer:
                self.stop(error)
                self._report(error)
        else:
            if writer.frames + writer.dropped == self._settings.video_length:
                self.stop()

    def stop(self, error: BaseException | None = None) -> None:
        """End the recording, if there is one; its manifest follows in the background."""
        if (writer := self._writer) is None:
            return
        try:
            # One at a time: short episodes on a slow disk should not pile up in memory.
            self._wait()
        finally:
            writer.meta.update(self._facts)
            writer.close(error, wait=False)
            self._closing, self._writer = writer, None

    @contextlib.contextmanager
    def ends_with(self, *, unless_over: bool = False) -> Iterator[None]:
        """An exception that leaves the block ends the recording, and is its error, `unless_over`: of the episode."""
        try:
            yield
        except BaseException as error:
            over = unless_over and (self._facts.get("terminated") or self._facts.get("truncated"))
            self.stop(None if over else error)
            raise

    def close(self) -> None:
        """End the recording, and wait until everything is on disk."""
        self.stop()
        self._wait()

    def _start(self, name: str, step: int) -> None:
        self.stop()
        settings = self._settings
        known = {**self._constant, "seed": self._seed, "episode": self._episode, "start_step": step}
        directory: Path | None = None
        try:
            # Else a full disk would gather a directory without frames from every further episode.
            DiskBudget(settings.folder, settings.options.get("min_free")).spend(f"{settings.folder / name}", 0)
            directory = new_job_directory(settings.folder, name)
            writer = FrameWriter(directory, **settings.options)
            # What a manifest says of a rollout that was killed; how far it came, its annotations say.
            writer.meta.update(known)
            self._facts = {**known, "return": 0.0, "length": 0, "terminated": False, "truncated": False}
            self._writer = writer
        except BaseException as error:
            if directory is not None:
                remove_empty(directory)
            if not isinstance(error, DaddyEncodeError):
                raise
            self._report(error)

    def _wait(self) -> None:
        writer, self._closing = self._closing, None
        if writer is None:
            return
        try:
            writer.close()
        except DaddyEncodeError as error:
            self._report(error)
        finally:
            if not writer.closed:  # this is a signal's handler, and what it interrupts goes on
                self._closing = writer
            elif not writer.frames:
                remove_empty(writer.directory)

    def _report(self, error: DaddyEncodeError) -> None:
        if self._settings.on_error == "raise":
            raise error
        warnings.warn(f"{error}; this recording has stopped", RuntimeWarning, stacklevel=5)
