"""A folder on a file system where calls take long, made for a benchmark: a program of FUSE's, compiled for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
WAIT_SECONDS = 30


def why_not() -> str | None:
    """Why no such file system can be made here; None where one can, as far as that is known before."""
    if shutil.which("cc") is None:
        return "a C compiler, Debian's gcc, is not installed"
    if not any(Path(folder, "fuse.h").exists() for folder in ("/usr/include", "/usr/local/include")):
        return "fuse.h, of Debian's libfuse-dev, is not installed"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be opened"
    return None


@contextlib.contextmanager
def slow_mount(folder: Path, microseconds: int) -> Iterator[Path]:
    """Mount a new folder, where each call that names, makes, opens, lists or removes a file takes so much longer.

    Args:
        folder: Where to make it; not there yet.
        microseconds: How much longer.

    Yields:
        Where it is mounted.

    Raises:
        SystemExit: It cannot be mounted.
    """
    program, real, mounted = folder / "slow_mount", folder / "real", folder / "mounted"
    for path in (folder, real, mounted):
        path.mkdir()
    flags: list[str | Path] = ["-O2", "-D_FILE_OFFSET_BITS=64", "-o", program, SOURCE, "-lfuse", "-pthread"]
    subprocess.run(["cc", *flags], check=True, timeout=120)
    command: list[str | Path] = [program, real, str(microseconds), mounted, "-f", "-o", "big_writes"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        end = time.monotonic() + WAIT_SECONDS
        while not os.path.ismount(mounted):
            if server.poll() is not None or time.monotonic() > end:
                server.kill()
                raise SystemExit(f"nothing could be mounted: {server.stderr.read()}")
            time.sleep(0.01)
        try:
            yield mounted
        finally:
            subprocess.run(
                ["fusermount" if shutil.which("fusermount") else "fusermount3", "-u", "-z", mounted], check=True
            )
            server.wait(WAIT_SECONDS)
