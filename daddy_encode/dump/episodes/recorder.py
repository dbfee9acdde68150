"""Which episodes of an environment are recorded, and what each one's manifest says."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.dump.episodes.pictures import as_picture
from daddy_encode.dump.episodes.settings import RecordSettings, Trigger, process_facts
from daddy_encode.dump.episodes.values import add, all_over, as_flag, as_number, in_json
from daddy_encode.dump.user_warning import warn_user
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.errors import DaddyEncodeError, one_line
from daddy_encode.spool.recording.directory import remove_empty

Render = Callable[[], Any]


class EpisodeRecorder:
    """Follows one environment and records the episodes that the triggers choose, each in a new directory.

    When the environment was reset, tell it so: `reset`, or what that consists of where something comes between. When it
    has made a step: `count_step`, `add`, `capture`, `end_where_due`. `render` is called only while something is
    recorded, and may give what any `env.render()` does.

    A recording of whole episodes (no `video_length`) ends with the frame of the step at which its episode is over: its
    manifest is written then, while the training goes on. Where the environment is stepped on without a reset, because
    it resets itself, a further recording of the same name follows, as `-2`, `-3`, ….

    With on_error="stop" nothing that goes wrong with a recording raises, be it the disk, what `render` gives or raises,
    or a trigger: it warns, and that recording ends. A copy, by `copy.deepcopy` or pickle, records nothing.

    Attributes:
        episode: Number of the episode, -1 before the first.
        last_step: Number of the last step over all episodes, -1 before the first.
        writer: The FrameWriter of the recording under way, or None.
        settings: As given; in a copy such that no trigger fires.
    """

    def __init__(
        self, settings: RecordSettings, facts: Mapping[str, Any], infix: str = "", *, worlds: int | None = None
    ) -> None:
        """No episode has begun.

        `facts`: what every manifest's meta says beside the episode's own; `infix`: in names, after the prefix;
        `worlds`: how many rewards and flags each step gives, in lists; None: one of each, or nobody knows.
        """
        self.settings = settings
        self._infix, self._worlds = infix, worlds
        self._is_copy = False
        self._constant = dict(facts)
        self.episode = self.last_step = -1
        self._seed: Any = None
        self._over = False
        self._forget()

    def _forget(self) -> None:
        self.writer: FrameWriter | None = None
        # Its last frames may be on their way to the disk while the next episode runs.
        self._closing: FrameWriter | None = None
        self._name = ""
        # Of the recording whose episode is over, until a reset.
        self._ended_name: str | None = None
        self._facts: dict[str, Any] = {}
        self._given: dict[str, Any] = {}  # the user's meta, which stands in place of facts of the same name
        self._annotations: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Of a copy of the environment, which a planner steps to look ahead, say.
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._forget()
        copied._is_copy = True
        copied.settings = self.settings.of_copy()
        return copied.__dict__

    @property
    def recording(self) -> bool:
        """Whether the next frame will be recorded."""
        return self.writer is not None

    def reset(self, render: Render, *, seed: Any = None) -> None:
        """The environment was reset, with this seed if any."""
        self.begin_episode(seed)
        self.capture(render)
        self.end_where_due()

    def begin_episode(self, seed: Any = None) -> None:
        """The environment was reset: ends the recording, unless it has a length, and may start another."""
        self.episode += 1
        self._seed, self._over, self._ended_name = seed, False, None
        if not self.settings.video_length:
            self.stop()
        if self.fires(self.settings.episode_trigger, self.episode):
            self.start(f"{self.settings.prefix}{self._infix}-episode-{self.episode}")

    def count_step(self) -> None:
        """The environment made a step: may start a recording."""
        self.last_step += 1
        if self.fires(self.settings.step_trigger, self.last_step):
            self.start(f"{self.settings.prefix}{self._infix}-step-{self.last_step}", self.last_step)

    def add(
        self,
        reward: Any,
        *,
        terminated: Any,
        truncated: Any,
        over: bool | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """What the step gave, for the frame that is captured next.

        Args:
            reward: Summed up for meta's `return`. An array or a list, of several worlds: element by element. What is no
                number, such as None or a dict, makes it null. In the frame's annotations as it is, where JSON can.
            terminated: Whether the episode ended so: a bool, an array of several worlds, or a dict of agents.
            truncated: Likewise.
            over: Whether the episode is over; None (default): where all worlds or agents have terminated or been
                truncated.
            facts: JSON values that the meta shall have from now on, over its own.
        """
        if self.writer is None and self._ended_name is None:
            return
        self._over = all_over(terminated, truncated) if over is None else over
        if self._ended_name is not None and self.writer is None and not self._over:
            self._seed = None
            self.start(self._ended_name, self.last_step)
        if self.writer is None:
            return
        number = as_number(reward)
        self._annotations = {"reward": in_json(reward)}
        self._facts["return"] = number if not self._facts["length"] else add(self._facts["return"], number)
        self._facts["length"] += 1
        self._facts |= {"terminated": as_flag(terminated), "truncated": as_flag(truncated), **(facts or {})}

    def capture(self, render: Render) -> None:
        """Record what the environment looks like now, if something is recorded."""
        writer = self.writer
        if writer is None:
            return
        annotations, self._annotations = self._annotations, {}
        try:
            rendered = render()
            # Of a list of frames that somebody has just taken.
            if isinstance(rendered, list) and not rendered:
                return
            writer.write(as_picture(rendered), step=self.last_step + 1, **annotations)
            # Only now: a rollout that is killed leaves the meta of its first frame, in which a return would be wrong.
            self._tell(writer)
        except Exception as error:
            # A handler of a signal may have ended the recording meanwhile.
            if self.writer is writer:
                self.stop(error)
                self._report(error)
        except BaseException as error:
            self.stop(error)
            raise

    def end_where_due(self) -> None:
        """After the frame of a reset or a step: ends a recording that has its length, or whose episode is over."""
        writer = self.writer
        if writer is None:
            return
        # As RecordVideo counts: the first picture, and one for each step.
        length = self.settings.video_length
        if length and writer.frames + writer.dropped > length:
            self.stop()
        elif not length and self._over:
            name = self._name
            self.stop()
            self._ended_name = name

    def start(self, name: str, step: int | None = None) -> None:
        """Start a recording of this name, at this step (default: the next); one that is under way ends."""
        self.stop()
        if self._is_copy:
            return
        settings = self.settings
        start_step = self.last_step + 1 if step is None else step
        known = {**self._constant, **process_facts(settings), "seed": in_json(self._seed), "episode": self.episode}
        known["start_step"] = start_step
        directory: Path | None = None
        try:
            directory = settings.new_directory(name)
            writer = FrameWriter(directory, **settings.options)
            # What a manifest says of a rollout that was killed; how far it came, its annotations say.
            self._given = dict(settings.options.get("meta") or {})
            writer.meta.update({**known, **self._given})
            self._facts = {**known, **self._without_steps()}
            self._annotations = {}
            self._name, self._ended_name, self.writer = name, None, writer
        except BaseException as error:
            if directory is not None:
                remove_empty(directory)
            if not isinstance(error, Exception):
                raise
            self._report(error)

    def stop(self, error: BaseException | str | None = None) -> None:
        """End the recording, if there is one; its manifest follows in the background. `error`: why it is not whole."""
        self._ended_name = None
        if (writer := self.writer) is None:
            return
        try:
            # One at a time: short episodes on a slow disk should not pile up in memory.
            self._wait()
        finally:
            self._tell(writer)
            self._end(writer, error)
            self.writer = None
        if self.fires(self.settings.gc_trigger, self.episode):
            gc.collect()

    @contextlib.contextmanager
    def ends_with(self) -> Iterator[None]:
        """An exception that leaves the block, the environment's own, ends the recording and is its error."""
        try:
            yield
        except BaseException as error:
            self.stop(error)
            raise

    def close(self) -> None:
        """End the recording, and wait until everything is on disk."""
        self.stop()
        self._wait()

    def abandon(self) -> None:
        """Nobody holds the environment any more, and nobody has closed it: waits for nothing."""
        writer, self.writer = self.writer, None
        if writer is not None:
            self._end(writer, "the environment was not closed")

    def fires(self, trigger: Trigger | None, number: int) -> bool:
        """Whether a trigger says yes to this number; one that raises says no, which is reported."""
        try:
            return trigger is not None and bool(trigger(number))
        except Exception as error:
            # Without the number: at every step, this is one warning to Python's filter.
            self._report(error, "a trigger failed: ", "nothing was started")
            return False

    def _without_steps(self) -> dict[str, Any]:
        given: dict[str, Any] = {"return": 0.0, "terminated": False, "truncated": False}
        if self._worlds is not None:
            given = {name: [value] * self._worlds for name, value in given.items()}
        return {**given, "length": 0}

    def _tell(self, writer: FrameWriter) -> None:
        writer.meta.update(self._facts)
        writer.meta.update(self._given)

    def _end(self, writer: FrameWriter, error: BaseException | str | None) -> None:
        if error is None or writer.frames + writer.dropped:
            writer.close(error, wait=False)
            self._closing = writer
        else:  # there is nothing to encode
            writer.discard()
            remove_empty(writer.directory)

    def _wait(self) -> None:
        writer, self._closing = self._closing, None
        if writer is None:
            return
        try:
            writer.close()
        except Exception as error:
            self._report(error)
        finally:
            if not writer.closed:  # this is a signal's handler, and what it interrupts goes on
                self._closing = writer
            elif not writer.frames:
                remove_empty(writer.directory)

    def _report(self, error: Exception, before: str = "", then: str = "this recording has stopped") -> None:
        if self.settings.on_error == "raise":
            raise error
        text = str(error) if isinstance(error, DaddyEncodeError) else f"{type(error).__name__}: {error}"
        warn_user(f"{before}{one_line(text)}; {then}")
