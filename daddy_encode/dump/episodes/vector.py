"""Environments that step together: all of them in one recording, or one recording each."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Literal

from daddy_encode.dump.episodes.pictures import Tiles, pictures_of
from daddy_encode.dump.episodes.recorder import EpisodeRecorder, Render
from daddy_encode.dump.episodes.settings import RecordSettings
from daddy_encode.dump.episodes.values import all_over
from daddy_encode.dump.writer import FrameWriter

# When an environment that is over is reset: by the next step, in the same step, or by whoever steps it.
Autoreset = Literal["NextStep", "SameStep", "Disabled"]


class TiledRecorder:
    """One recording of several environments, all of them in each picture, as Gymnasium's RecordVideo makes it.

    Episodes are those of environment 0, and so is what ends a recording. `return`, `terminated` and `truncated` in meta
    are lists, of what each environment gave while it was recorded; `env_index` is the list of those shown, and `tiles`
    says in how many rows and columns. With `first_only` they are those of environment 0.

    Tell it of every reset and step, when the environments have made it, and of nothing while they do.
    """

    def __init__(
        self,
        settings: RecordSettings,
        facts: Mapping[str, Any],
        count: int,
        *,
        autoreset: Autoreset,
        aspect_ratio: tuple[float, float] = (1, 1),
        first_only: bool = False,
    ) -> None:
        """Of `count` environments, in a picture of about this width to height. Raises SettingsError as `Tiles` does."""
        self.tiles = Tiles(1 if first_only else count, aspect_ratio)
        shown: Any = 0 if first_only else list(range(count))
        worlds = None if first_only else count
        self.recorder = EpisodeRecorder(settings, {**facts, "env_index": shown}, worlds=worlds)
        self._first_only, self._autoreset = first_only, autoreset
        # Whether the next step resets environment 0; whether that was over before, and nobody has reset it.
        self._resets = self._was_over = False

    def after_reset(self, seed: Any = None, mask: Any = None) -> None:
        """The environments were reset: those of the mask, or all; `capture` their picture next."""
        self._resets = False
        if mask is None or mask[0]:
            self._was_over = False
            self.recorder.begin_episode(_item(seed, 0, seed) if self._first_only else seed)

    def after_step(self, rewards: Any, terminations: Any, truncations: Any) -> None:
        """The environments made a step; `capture` their picture next."""
        recorder = self.recorder
        over = all_over(_item(terminations, 0), _item(truncations, 0))
        if over and self._autoreset == "SameStep":
            # What is shown now is the next episode's first picture.
            self._add(rewards, terminations, truncations, over=False)
            recorder.begin_episode()
            recorder.count_step()
        elif self._resets:
            before = recorder.writer
            recorder.begin_episode()
            recorder.count_step()
            if recorder.writer is before:
                self._add(rewards, terminations, truncations, over=False)
        else:
            recorder.count_step()
            # Where it is over and the others are stepped on, they are recorded on.
            self._add(rewards, terminations, truncations, over=over and not self._was_over)
        self._resets = over and self._autoreset == "NextStep"
        self._was_over = self._was_over or (over and self._autoreset == "Disabled")

    def capture(self, render: Render) -> None:
        """Record a picture of them, if something is recorded."""
        self.recorder.capture(lambda: self.tiles.join(render()))
        if self.recorder.writer is not None and self.tiles.rows:
            self.recorder.writer.meta.setdefault("tiles", [self.tiles.rows, self.tiles.columns])

    def end_where_due(self) -> None:
        """As `EpisodeRecorder.end_where_due`."""
        self.recorder.end_where_due()

    def start(self, name: str) -> None:
        """As `EpisodeRecorder.start`."""
        self.recorder.start(name)

    def stop(self, error: BaseException | None = None) -> None:
        """As `EpisodeRecorder.stop`."""
        self.recorder.stop(error)

    def close(self) -> None:
        """As `EpisodeRecorder.close`."""
        self.recorder.close()

    def abandon(self) -> None:
        """As `EpisodeRecorder.abandon`."""
        self.recorder.abandon()

    def ends_with(self) -> contextlib.AbstractContextManager[None]:
        """As `EpisodeRecorder.ends_with`."""
        return self.recorder.ends_with()

    @property
    def settings(self) -> RecordSettings:
        """As `EpisodeRecorder.settings`."""
        return self.recorder.settings

    @property
    def episode(self) -> int:
        """Number of environment 0's episode."""
        return self.recorder.episode

    @property
    def last_step(self) -> int:
        """Number of the last step."""
        return self.recorder.last_step

    @property
    def writer(self) -> FrameWriter | None:
        """Of the recording under way, or None."""
        return self.recorder.writer

    def _add(self, rewards: Any, terminations: Any, truncations: Any, *, over: bool) -> None:
        if self._first_only:
            rewards, terminations, truncations = (_item(each, 0) for each in (rewards, terminations, truncations))
        self.recorder.add(rewards, terminated=terminations, truncated=truncations, over=over)


class SeparateRecorders:
    """A recording of its own for each of several environments; what is not explained is as `TiledRecorder` has it.

    Episodes and steps are each environment's own. Where an environment is reset in the step that ends its episode,
    nobody can render its last state: its reward counts, but has no frame.
    """

    def __init__(
        self,
        settings: RecordSettings,
        facts: Mapping[str, Any],
        count: int,
        *,
        autoreset: Autoreset,
        first_only: bool = False,
    ) -> None:
        """Of `count` environments, or environment 0 alone."""
        self.recorders = [
            EpisodeRecorder(settings, {**facts, "env_index": index}, f"-env-{index}")
            for index in range(1 if first_only else count)
        ]
        self._autoreset = autoreset
        # Those whose next step is a reset in disguise; those that the next picture is for.
        self._resets = [False] * len(self.recorders)
        self._shown = [True] * len(self.recorders)

    def after_reset(self, seed: Any = None, mask: Any = None) -> None:
        """As `TiledRecorder.after_reset`."""
        for index, recorder in enumerate(self.recorders):
            self._shown[index] = mask is None or bool(mask[index])
            if self._shown[index]:
                recorder.begin_episode(seed + index if isinstance(seed, int) else _item(seed, index))
                self._resets[index] = False

    def after_step(self, rewards: Any, terminations: Any, truncations: Any) -> None:
        """As `TiledRecorder.after_step`."""
        for index, recorder in enumerate(self.recorders):
            terminated, truncated = _item(terminations, index), _item(truncations, index)
            over = all_over(terminated, truncated)
            if self._resets[index]:
                recorder.begin_episode()
            else:
                recorder.count_step()
                ends = over and self._autoreset != "SameStep"
                recorder.add(_item(rewards, index), terminated=terminated, truncated=truncated, over=ends)
                if over and self._autoreset == "SameStep":
                    recorder.begin_episode()
            self._resets[index] = over and self._autoreset == "NextStep"

    def capture(self, render: Render) -> None:
        """Record a picture of each that is recorded."""
        shown, self._shown = self._shown, [True] * len(self.recorders)
        if not any(wanted and recorder.recording for wanted, recorder in zip(shown, self.recorders, strict=True)):
            return
        pictures: Any = None
        error: Exception | None = None
        try:
            pictures = pictures_of(render(), len(self.recorders))
        except Exception as raised:
            error = raised
        except BaseException as raised:
            self.stop(raised)
            raise

        def picture_of(index: int) -> Any:
            if error is not None:
                raise error
            return pictures[index]

        for index, recorder in enumerate(self.recorders):
            if shown[index]:
                recorder.capture(lambda index=index: picture_of(index))  # type: ignore[misc]

    def end_where_due(self) -> None:
        """As `EpisodeRecorder.end_where_due`."""
        for recorder in self.recorders:
            recorder.end_where_due()

    def start(self, name: str) -> None:
        """Start a recording of each, `name-env-0` and so on."""
        for index, recorder in enumerate(self.recorders):
            recorder.start(f"{name}-env-{index}")

    def stop(self, error: BaseException | None = None) -> None:
        """As `EpisodeRecorder.stop`."""
        for recorder in self.recorders:
            recorder.stop(error)

    def close(self) -> None:
        """As `EpisodeRecorder.close`."""
        for recorder in self.recorders:
            recorder.close()

    def abandon(self) -> None:
        """As `EpisodeRecorder.abandon`."""
        for recorder in self.recorders:
            recorder.abandon()

    def ends_with(self) -> contextlib.AbstractContextManager[Any]:
        """As `EpisodeRecorder.ends_with`."""
        stack = contextlib.ExitStack()
        for recorder in self.recorders:
            stack.enter_context(recorder.ends_with())
        return stack

    @property
    def settings(self) -> RecordSettings:
        """As `EpisodeRecorder.settings`."""
        return self.recorders[0].settings

    @property
    def episode(self) -> int:
        """Number of environment 0's episode."""
        return self.recorders[0].episode

    @property
    def last_step(self) -> int:
        """Number of environment 0's last step."""
        return self.recorders[0].last_step

    @property
    def writer(self) -> FrameWriter | None:
        """Of the first recording that is under way, or None."""
        return next((recorder.writer for recorder in self.recorders if recorder.writer is not None), None)


def _item(values: Any, index: int, otherwise: Any = None) -> Any:
    try:
        return values[index]
    except Exception:  # no sequence, or one that raises anything
        return otherwise
