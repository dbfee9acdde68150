"""Keeping the memory of a process small that runs for weeks. Only glibc has what is called here."""

from __future__ import annotations

import contextlib
import ctypes
import gc

# mallopt(3)
_M_ARENA_MAX = -8


def use_one_arena() -> None:
    """Let all threads allocate from one arena. To be called before there are other threads.

    Each job has threads of its own, and glibc gives them several arenas, each with its own gaps: 0.7 MB more over 2,000
    jobs, as much as is remembered of them. Python lets one thread allocate at a time anyhow.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def release_memory() -> None:
    """Free what earlier jobs have left.

    Left to itself, Python keeps the cycles of hundreds of jobs, and glibc the pages below something small that stays:
    1.2 MB more over 2,000 jobs.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
