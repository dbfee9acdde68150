"""One bar for all jobs of a run, on a terminal; log lines appear above it."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


# Held by whoever writes to the terminal: a bar drawn between the clearing of its line and a log line would stay there.
_terminal = threading.RLock()


class Progress:
    """A context manager around a run; `add` may be called from any thread.

    Attributes:
        visible: Whether the bar is drawn: standard error is a terminal, and there are frames.
    """

    def __init__(self, jobs: int, frames: int, *, hidden: bool = False) -> None:
        """Draw nothing yet.

        Args:
            jobs: How many there are in the run.
            frames: How many they have.
            hidden: Whether the bar is never drawn. Default: it is, on a terminal.
        """
        self._begin = time.monotonic()
        self._done = 0.0
        self._jobs, self._ended = jobs, 0
        self.visible = sys.stderr.isatty() and frames > 0 and not hidden
        self._bar: ProgressBar[int] | None = None
        if self.visible:
            self._bar = click.progressbar(
                length=max(frames, 1),
                file=sys.stderr,
                show_eta=False,
                show_percent=False,
                item_show_func=lambda _: self._text(),
                # Redrawn for every percent or so, not for every frame.
                update_min_steps=max(1, frames // 200),
                width=24,
            )

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                if self._done:
                    self._bar.__exit__(kind, error, trace)
                else:
                    # A bar of nothing would stay: take its line away, and show the cursor again.
                    sys.stderr.write("\r\x1b[K\x1b[?25h")
                    sys.stderr.flush()

    def add(self, frames: float) -> None:
        """Count `frames` more, or a share of one where a job reads its frames more than once."""
        if self._bar is None:
            return
        with _terminal:
            before = int(self._done)
            self._done += frames
            steps = min(int(self._done), self._bar.length or 0) - before
            if steps > 0:
                # The terminal may be gone.
                with contextlib.suppress(OSError):
                    self._bar.update(steps)

    def end_job(self, frames_left_out: int = 0) -> None:
        """Count a job as ended; of one that was not encoded, its frames are no work that is left."""
        if self._bar is None:
            return
        with _terminal:
            self._ended += 1
            self._bar.length = max(int(self._done), (self._bar.length or 0) - frames_left_out, 1)
            if self._done:
                with contextlib.suppress(OSError):
                    self._bar.render_progress()

    def _text(self) -> str:
        seconds = max(time.monotonic() - self._begin, 1e-3)
        rate = self._done / seconds
        # A time that is told at once would be far off.
        known = seconds >= 1 and self._done > 0 and self._ended < self._jobs
        length = self._bar.length if self._bar is not None else None
        left = self._left(max(0.0, (length or 0) - self._done) / rate) if known else ""
        return f"{self._ended}/{self._jobs} job{'s' if self._jobs != 1 else ''}  {rate:.0f} frames/s{left}"

    @staticmethod
    def _left(seconds: float) -> str:
        minutes, rest = divmod(round(seconds), 60)
        return f"  {minutes // 60}:{minutes % 60:02}:{rest:02} left"


class AboveBar(logging.StreamHandler):  # type: ignore[type-arg]
    """A handler for log lines on standard error that clears the bar's line first; the bar is drawn again later."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        with _terminal:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            super().emit(record)
