"""Where benchmarks of writing write to."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path


@functools.cache
def scratch() -> Path:
    """A new folder under TMPDIR, removed when the process ends and not before.

    Near inodes that were freed in the last minutes ext4 is up to ten times slower to make a file, which hides
    everything else: give TMPDIR as a folder, on the disk to measure, in which nothing was removed just now.
    """
    folder = Path(tempfile.mkdtemp(prefix="daddy-encode-benchmark-"))
    atexit.register(shutil.rmtree, folder)
    return folder
