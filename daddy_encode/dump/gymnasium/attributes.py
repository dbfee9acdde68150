"""What Gymnasium's RecordVideo has beside `reset`, `step`, `render` and `close`, for programs that use it."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

from daddy_encode.dump.episodes import EpisodeRecorder, SeparateRecorders, TiledRecorder
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.spool.frames import frame_path


def never(number: int) -> bool:
    """The triggers of a copy, which records nothing."""
    return False


class RecordedFrames(Sequence[Path]):
    """The frames of the recording under way: the paths of their PNGs, since they are on disk and not in memory.

    The last ones may be on their way there.
    """

    def __init__(self, writer: FrameWriter | None) -> None:
        """Of this writer; of none there are none."""
        self._writer = writer

    def __len__(self) -> int:
        return 0 if self._writer is None else self._writer.frames

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        number = range(len(self))[index]
        assert self._writer is not None
        return Path(frame_path(self._writer.directory, number))


class RecordVideoAttributes:
    """For a wrapper that gives these their values by `_record`.

    Attributes:
        episode_trigger: As given, or RecordVideo's own where neither trigger was.
        step_trigger: As given.
        gc_trigger: As given.
        disable_logger: As given.
        video_folder: Absolute.
        video_length: As given; infinite where that was 0, which means whole episodes.
        name_prefix: As given.
        frames_per_sec: Of the recordings: `fps`, or the environment's.
        render_history: Frames of a list that were recorded, for the next caller of `render`.
    """

    _recorder: EpisodeRecorder | TiledRecorder | SeparateRecorders

    def _record(self, recorder: EpisodeRecorder | TiledRecorder | SeparateRecorders, disable_logger: bool) -> None:
        self._recorder = recorder
        settings = recorder.settings
        assert settings is not None
        self.episode_trigger, self.step_trigger = settings.episode_trigger, settings.step_trigger
        self.gc_trigger, self.disable_logger = settings.gc_trigger, disable_logger
        self.video_folder = os.fspath(settings.folder)
        self.video_length: float = settings.video_length or math.inf
        self.name_prefix = settings.prefix
        self.frames_per_sec: Any = settings.options["fps"]
        self.render_history: list[Any] = []

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded: until the step at which its episode is over."""
        return self._recorder.writer is not None

    @property
    def recorded_frames(self) -> RecordedFrames:
        """The frames recorded so far: as many as RecordVideo's list has, of which each is a path."""
        return RecordedFrames(self._recorder.writer)

    @property
    def episode_id(self) -> int:
        """Number of the episode, -1 before the first."""
        return self._recorder.episode

    @property
    def step_id(self) -> int:
        """Number of the last step over all episodes, -1 before the first."""
        return self._recorder.last_step

    def start_recording(self, video_name: str) -> None:
        """Start a recording of this name, whose first frame is the next; one that is under way ends."""
        self._recorder.start(video_name)

    def stop_recording(self) -> None:
        """End the recording, if there is one; its manifest follows in the background."""
        self._recorder.stop()

    def __getstate__(self) -> dict[str, Any]:
        # Of a copy, which records nothing. Its triggers would fire at nothing, and many can not be pickled.
        state = dict(self.__dict__)
        if "_recorder" in state:
            state.update(episode_trigger=never, step_trigger=None, gc_trigger=None, render_history=[])
            triggers = {"episode_trigger": never, "step_trigger": None, "gc_trigger": None}
            state["_saved_kwargs"] = {**state.get("_saved_kwargs", {}), **triggers}
            state["_cached_spec"] = None
        return state

    def __del__(self) -> None:
        # Nobody can close it any more; without a __del__ its recording would wait for the end of the process.
        with contextlib.suppress(Exception):
            if self._recorder.writer is not None:
                self._recorder.abandon()
