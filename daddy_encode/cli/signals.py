"""Signals that ask for a clean end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from daddy_encode.cli.main import INTERRUPTED


def on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` when a signal asks for an end.

    SIGINT and SIGTERM do; a second one ends the process at once, with the status for an interruption. SIGUSR2 does,
    too, however often it comes: a batch script passes on the signals that it gets, and Slurm may send the encoder the
    same ones. So does SIGHUP, which the system and the shell both send where a terminal is closed; where it is ignored,
    as below `nohup`, it stays so.
    """
    asked = stopping = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked, stopping
        if number not in (signal.SIGUSR2, signal.SIGHUP):
            if asked:
                from daddy_encode.encoding.ffmpeg.children import end_all

                end_all()
                os._exit(INTERRUPTED)
            asked = True
        # Once: a signal that comes while `stop` runs would wait for a lock that this same thread holds.
        if not stopping:
            stopping = True
            stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, ask)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, ask)
