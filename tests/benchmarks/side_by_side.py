"""Several encoders at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence

from tests.benchmarks.measure import Command, ended


def together(commands: Sequence[Command]) -> tuple[float, float, int]:
    """Start all at once; wall seconds, processor seconds of all, and how many lines they have printed.

    Raises:
        SystemExit: One failed.
    """
    with contextlib.ExitStack() as stack:
        # Not pipes: one that is full would stop its encoder.
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        begin, before = time.perf_counter(), os.times()
        children = [
            subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
            for command, file in zip(commands, said, strict=True)
        ]
        stack.enter_context(ended(*children))
        for command, child in zip(commands, children, strict=True):
            if child.wait():
                raise SystemExit(f"{[*map(str, command)]} failed with {child.returncode}")
        wall, after = time.perf_counter() - begin, os.times()
        lines = 0
        for file in said:
            file.seek(0)
            lines += file.read().count(b"\n")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, lines
