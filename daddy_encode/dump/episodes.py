"""Which episodes of an environment are recorded, and where each one goes. Knows nothing of Gymnasium."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported

Trigger = Callable[[int], bool]


def capped_cubic(episode: int) -> bool:
    """Gymnasium's default: episodes 0, 1, 8, 27, …, 729, 1000, and every 1000th from there."""
    return round(episode ** (1 / 3)) ** 3 == episode if episode < 1000 else episode % 1000 == 0


@dataclass(frozen=True)
class RecordSettings:
    """What the recorders of one wrapper share; see `daddy_encode.dump.gymnasium.RecordFrames`.

    `new_writer`: makes the FrameWriter of a directory; what goes wrong with it is raised.
    """

    folder: Path
    episode_trigger: Trigger | None
    step_trigger: Trigger | None
    video_length: int
    min_free: int | None
    on_error: Literal["raise", "stop"]
    new_writer: Callable[[Path], FrameWriter]


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

    def capture(self, frame: Any, *, sole: bool, **annotations: Any) -> None:
        """Record `frame`, what the environment looks like now; `sole`: nobody else will ever see or change it."""
        writer = self._writer
        if writer is None:
            return
        try:
            (writer.take if sole else writer.write)(frame, step=self._steps, **annotations)
        except DaddyEncodeError as error:
            self.stop(error)
            self._tell(error)
        else:
            if writer.frames + writer.dropped == self._settings.video_length:
                self.stop()

    def stop(self, error: BaseException | None = None) -> None:
        """End the recording, if there is one; its manifest follows in the background."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        # One at a time: short episodes on a slow disk shall not pile up in memory.
        self._wait()
        writer.meta.update(self._facts)
        writer.close(error, wait=False)
        self._closing = writer

    def close(self) -> None:
        """End the recording, and wait until everything is on disk."""
        self.stop()
        self._wait()

    def _start(self, name: str, step: int) -> None:
        self.stop()
        settings = self._settings
        try:
            # Else a full disk would gather a directory without frames from every further episode.
            DiskBudget(settings.folder, settings.min_free).spend(f"{settings.folder / name}", 0)
            self._writer = settings.new_writer(new_directory(settings.folder, name))
        except DaddyEncodeError as error:
            self._tell(error)
        self._facts = {
            **self._constant,
            "seed": self._seed,
            "episode": self._episode,
            "start_step": step,
            "return": 0.0,
            "length": 0,
            "terminated": False,
            "truncated": False,
        }

    def _wait(self) -> None:
        writer, self._closing = self._closing, None
        if writer is not None:
            try:
                writer.close()
            except DaddyEncodeError as error:
                self._tell(error)

    def _tell(self, error: DaddyEncodeError) -> None:
        if self._settings.on_error == "raise":
            raise error
        warnings.warn(f"{error}; this recording has stopped", RuntimeWarning, stacklevel=5)


def new_directory(folder: Path, name: str) -> Path:
    """Make and return a directory in `folder` that nobody else has: `name`, or `name-2`, `name-3`, ….

    A name whose directory is gone, but whose video or receipt is still there, is not used again.
    Raises SpoolError where it cannot be made.
    """
    for number in count(1):
        directory = folder / (name if number == 1 else f"{name}-{number}")
        with reported(directory, "make"):
            try:
                # Atomic on network file systems too: of several processes exactly one makes it.
                os.mkdir(directory)
            except FileExistsError:
                continue
            job = JobPaths.of(directory)
            if not any(map(os.path.lexists, (job.output("mp4"), job.output("gif"), job.receipt))):
                return directory
            os.rmdir(directory)
    raise AssertionError
