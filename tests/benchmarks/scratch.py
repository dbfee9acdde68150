"""Where benchmarks of writing write to."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import click

from tests.benchmarks.options import Options

# Near inodes that were freed within five minutes ext4 is up to ten times slower to make a file, which hides everything
# else, ours and the peers'. A new one takes 0.02 ms on a disk where nothing was removed.
QUICK_SECONDS = 40e-6
PATIENCE_SECONDS = 330


@functools.cache
def scratch() -> Path:
    """A new folder under TMPDIR, removed when the process ends and not before."""
    folder = Path(tempfile.mkdtemp(prefix="daddy-encode-benchmark-"))
    atexit.register(shutil.rmtree, folder)
    return folder


def wait_for_disk(options: Options) -> None:
    """Wait, where files were removed just now, until the disk has forgotten them, or five minutes have passed."""
    deadline = time.monotonic() + (0 if options.quick else PATIENCE_SECONDS)
    for number in itertools.count():
        folder = scratch() / f"look-{number}"
        folder.mkdir()
        seconds = statistics.median(_seconds_to_make(folder / str(file)) for file in range(99))
        if seconds <= QUICK_SECONDS or time.monotonic() >= deadline:
            return
        if number == 0:
            click.echo(f"  waiting for the disk: a new file takes {1000 * seconds:.3f} ms", err=True)
        time.sleep(10)


def _seconds_to_make(path: Path) -> float:
    begin = time.perf_counter()
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    return time.perf_counter() - begin
