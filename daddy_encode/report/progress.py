"""One bar for all frames of a run, on a terminal; log lines appear above it."""

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

    def __init__(self, total: int) -> None:
        """Draw nothing yet; `total`: the frames of the run."""
        self._begin = time.monotonic()
        self._done = 0.0
        self.visible = sys.stderr.isatty() and total > 0
        self._bar: ProgressBar[int] = click.progressbar(
            length=max(total, 1),
            file=sys.stderr,
            show_pos=True,
            show_percent=False,
            item_show_func=lambda _: f"{self._done / max(time.monotonic() - self._begin, 1e-3):.0f} frames/s",
            # Redrawn for every percent or so, not for every frame.
            update_min_steps=max(1, total // 200),
            width=24,
        )

    def __enter__(self) -> Progress:
        if self.visible:
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.visible:
            with contextlib.suppress(OSError):
                self._bar.__exit__(kind, error, trace)

    def add(self, frames: float) -> None:
        """Count `frames` more, or a share of one where a job reads its frames more than once."""
        with _terminal:
            before = int(self._done)
            self._done += frames
            steps = min(int(self._done), self._bar.length or 0) - before
            if self.visible and steps > 0:
                # The terminal may be gone.
                with contextlib.suppress(OSError):
                    self._bar.update(steps)


class AboveBar(logging.StreamHandler):  # type: ignore[type-arg]
    """A handler for log lines on standard error that clears the bar's line first; the bar is drawn again later."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        with _terminal:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            super().emit(record)
