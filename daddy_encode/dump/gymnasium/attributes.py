"""What Gymnasium's RecordVideo has beside `reset`, `step`, `render` and `close`, for programs that use it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

from daddy_encode.dump.episodes import EpisodeRecorder, SeparateRecorders, TiledRecorder, Trigger
from daddy_encode.dump.episodes.settings import never
from daddy_encode.dump.episodes.wrapper import AbandonsRecording
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.spool.paths import user_path
from daddy_encode.spool.recording.frame_store import stored_path


class RecordedFrames(Sequence[Path]):
    """The frames of the recording under way: the paths of their PNGs, since they are on disk and not in memory.

    The last ones may be on their way there. Of a PNG in a `frames.tar` the path has that as if it were a directory.
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
        return Path(stored_path(self._writer.container, self._writer.directory, number))


class VideoRecorder:
    """The recording under way, as Gymnasium 0.29's RecordVideo has it in `video_recorder`."""

    enabled = functional = True
    broken = False

    def __init__(self, wrapper: RecordVideoAttributes) -> None:
        self._wrapper = wrapper

    @property
    def path(self) -> str | None:
        """The recording's directory."""
        writer = self._wrapper._recorder.writer
        return None if writer is None else os.fspath(writer.directory)

    @property
    def recorded_frames(self) -> RecordedFrames:
        """As the wrapper's."""
        return self._wrapper.recorded_frames

    @property
    def frames_per_sec(self) -> Any:
        """As the wrapper's."""
        return self._wrapper.frames_per_sec

    @property
    def render_history(self) -> list[Any]:
        """As the wrapper's."""
        return self._wrapper.render_history

    def capture_frame(self) -> None:
        """Record what the environment looks like now; some environments do, within a step."""
        self._wrapper._capture_frame()

    def close(self) -> None:
        """End the recording."""
        self._wrapper.stop_recording()


class RecordVideoAttributes(AbandonsRecording):
    """For a wrapper with a recorder, which `_record` gives it. What is set counts for recordings that begin later."""

    _recorder: EpisodeRecorder | TiledRecorder | SeparateRecorders
    # Of the last step, as 0.29's RecordVideo has them; of several environments those of the first.
    terminated: Any = False
    truncated: Any = False

    def _record(self, recorder: EpisodeRecorder | TiledRecorder | SeparateRecorders, disable_logger: bool) -> None:
        self._recorder = recorder
        self.disable_logger = disable_logger
        # Frames of a list that were recorded, for the next caller of `render`.
        self.render_history: list[Any] = []

    @property
    def episode_trigger(self) -> Trigger | None:
        """As given, or RecordVideo's own where neither trigger was."""
        return self._recorder.settings.episode_trigger

    @episode_trigger.setter
    def episode_trigger(self, trigger: Trigger | None) -> None:
        self._recorder.settings.episode_trigger = trigger

    @property
    def step_trigger(self) -> Trigger | None:
        """As given."""
        return self._recorder.settings.step_trigger

    @step_trigger.setter
    def step_trigger(self, trigger: Trigger | None) -> None:
        self._recorder.settings.step_trigger = trigger

    @property
    def gc_trigger(self) -> Trigger | None:
        """As given."""
        return self._recorder.settings.gc_trigger

    @gc_trigger.setter
    def gc_trigger(self, trigger: Trigger | None) -> None:
        self._recorder.settings.gc_trigger = trigger

    @property
    def video_folder(self) -> str:
        """As given, absolute; it has to be there."""
        return os.fspath(self._recorder.settings.folder)

    @video_folder.setter
    def video_folder(self, folder: str | os.PathLike[str]) -> None:
        self._recorder.settings.folder = user_path(folder).absolute()

    @property
    def video_length(self) -> float:
        """As given; infinite where that was 0, which means whole episodes."""
        return self._recorder.settings.video_length or math.inf

    @video_length.setter
    def video_length(self, steps: float) -> None:
        self._recorder.settings.video_length = 0 if steps == math.inf else int(steps)

    @property
    def name_prefix(self) -> str:
        """As given."""
        return self._recorder.settings.prefix

    @name_prefix.setter
    def name_prefix(self, prefix: str) -> None:
        self._recorder.settings.prefix = prefix

    @property
    def frames_per_sec(self) -> Any:
        """Of the recordings: `fps`, or the environment's."""
        return self._recorder.settings.options["fps"]

    @frames_per_sec.setter
    def frames_per_sec(self, fps: object) -> None:
        self._recorder.settings.options["fps"] = fps

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded: until the step at which its episode is over.

        Set to False, the recording ends; to True, one starts, named as a trigger would name it.
        """
        return self._recorder.writer is not None

    @recording.setter
    def recording(self, recording: bool) -> None:
        if not recording:
            self.stop_recording()
        elif not self.recording:
            self.start_recording(self._name_now())

    @property
    def recorded_frames(self) -> RecordedFrames:
        """The frames recorded so far: as many as RecordVideo's list has, of which each is a path.

        To set it changes nothing: there is no memory to free.
        """
        return RecordedFrames(self._recorder.writer)

    @recorded_frames.setter
    def recorded_frames(self, frames: object) -> None:
        pass

    @property
    def episode_id(self) -> int:
        """Number of the episode, -1 before the first. A training that is resumed may set it."""
        return self._recorder.episode

    @episode_id.setter
    def episode_id(self, number: int) -> None:
        for recorder in self._recorders():
            recorder.episode = int(number)

    @property
    def step_id(self) -> int:
        """Number of the last step over all episodes, -1 before the first. A training that is resumed may set it."""
        return self._recorder.last_step

    @step_id.setter
    def step_id(self, number: int) -> None:
        for recorder in self._recorders():
            recorder.last_step = int(number)

    @property
    def video_recorder(self) -> VideoRecorder | None:
        """The recording under way, None where there is none; None, set, ends it. As Gymnasium 0.29 has it."""
        return VideoRecorder(self) if self.recording else None

    @video_recorder.setter
    def video_recorder(self, recorder: None) -> None:
        if recorder is None:
            self.stop_recording()

    @property
    def is_vector_env(self) -> bool:
        """Whether these are several environments. As Gymnasium 0.29 has it."""
        return not isinstance(self._recorder, EpisodeRecorder)

    def start_video_recorder(self) -> None:
        """Start a recording, named as a trigger would name it, with a first picture now. As Gymnasium 0.29 has it."""
        self.start_recording(self._name_now())
        self._capture_frame()

    def close_video_recorder(self) -> None:
        """As `stop_recording`. As Gymnasium 0.29 has it."""
        self.stop_recording()

    def start_recording(self, video_name: str) -> None:
        """Start a recording of this name, whose first frame is the next; one that is under way ends."""
        self._recorder.start(video_name)

    def stop_recording(self) -> None:
        """End the recording, if there is one; its manifest follows in the background."""
        self._recorder.stop()

    def _capture_frame(self) -> None:
        """Record what the environment looks like now, if something is recorded: each wrapper in its way."""

    def _capture_due(self) -> None:
        """Record the frame of a reset or a step, and end what ends with it."""
        if self.recording:
            self._capture_frame()
            self._recorder.end_where_due()

    def _name_now(self) -> str:
        # The numbers start at -1 here, and before the first reset there is no episode.
        if self.episode_trigger is None:
            return f"{self.name_prefix}-step-{max(self.step_id, 0)}"
        return f"{self.name_prefix}-episode-{max(self.episode_id, 0)}"

    def _recorders(self) -> list[EpisodeRecorder]:
        if isinstance(self._recorder, SeparateRecorders):
            return self._recorder.recorders
        return [self._recorder.recorder if isinstance(self._recorder, TiledRecorder) else self._recorder]

    def __getstate__(self) -> dict[str, Any]:
        # Of a copy, which records nothing; what it would be made of again does neither.
        state = dict(self.__dict__)
        if "_recorder" in state:
            triggers = {"episode_trigger": never, "step_trigger": None, "gc_trigger": None}
            state["_saved_kwargs"] = {**state.get("_saved_kwargs", {}), **triggers}
            state.update(render_history=[], _cached_spec=None)
        return state
