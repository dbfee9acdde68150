"""What ffmpeg, and what it has started, may allocate: so that no size of picture takes the machine's memory."""

from __future__ import annotations

import contextlib
import os
import resource

from daddy_encode.encoding.ffmpeg.children import children_of

# Twice the private memory that libx264 was seen to take at its slowest preset. Threads, of which it starts one for each
# CPU, count with their stacks.
MEMORY_BYTES = 2 * 2**30
MEMORY_PER_CPU = 2**24
MEMORY_PER_PIXEL = 1000


def most_memory(pixels: int) -> int:
    return MEMORY_BYTES + (os.cpu_count() or 1) * MEMORY_PER_CPU + pixels * MEMORY_PER_PIXEL


def bound_memory(pid: int, most: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.prlimit(pid, resource.RLIMIT_DATA, (most, hard))


def bound_memory_below(pid: int, most: int) -> None:
    """Bound that of what `pid` had started before its own was: later children have their parent's limit."""
    with contextlib.suppress(OSError):
        for child in children_of(pid):
            bound_memory(child, most)
            bound_memory_below(child, most)
