"""How the system schedules a process that encodes."""

from __future__ import annotations

import contextlib
import os


def schedule_as_batch() -> None:
    """Have this process, and what it starts from now on, interrupt no other that runs; its share of the time stays.

    ffmpeg hands each frame through five threads. Each that wakes up would take the processor from the one that woke it,
    several times a frame. Nor is a training beside it interrupted. A policy that somebody has chosen is kept.
    """
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
