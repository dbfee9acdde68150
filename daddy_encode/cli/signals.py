"""Signals that ask for an end in good order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from daddy_encode.cli.main import INTERRUPTED


def on_signals(stop: Callable[[], None]) -> None:
    """SIGINT and SIGTERM call `stop`; a second one ends the process at once, with the status for an interruption."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(INTERRUPTED)
        asked = True
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
