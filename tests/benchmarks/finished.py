"""Spools of jobs that are done, made quickly."""

from __future__ import annotations

import os
from pathlib import Path


def finished_copies(job: Path, root: Path, count: int, *, a_directory: int = 0) -> None:
    """Make `count` jobs that look as done as `job`, which is: hard links to its files, with its times.

    Args:
        job: A job's directory, with its MP4 and its receipt beside it.
        root: Made; where the copies go.
        count: How many.
        a_directory: So many to a directory below `root`. Default: all in `root` itself.
    """
    root.mkdir(parents=True)
    when = job.stat().st_mtime_ns
    files = list(job.iterdir())
    above = root
    for number in range(count):
        if a_directory and number % a_directory == 0:
            above = root / f"run-{number // a_directory:03d}"
            above.mkdir()
        copy = above / f"job-{number:05d}"
        copy.mkdir()
        for path in files:
            os.link(path, copy / path.name)
        os.utime(copy, ns=(when, when))
        for kind in ("mp4", "receipt.json"):
            os.link(f"{job}.{kind}", f"{copy}.{kind}")
