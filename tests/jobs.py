"""Encoding one job from a test, in this process."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.encoding.context import Context, Result
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.settings import make_settings
from daddy_encode.errors import Interrupted
from daddy_encode.spool.paths import JobPaths


def context(*, force: bool = False, stall_seconds: float = 120, **settings: Any) -> Context:
    return Context(make_settings(**settings), RunLimits(threading.Event(), stall_seconds), force)


def encode(directory: Path, **settings: Any) -> Result:
    return encode_job(JobPaths.of(directory), context(**settings))


def assert_a_stop_ends(pid: Path, job: Path, asked: Context) -> None:
    """Stop an encode once `pid` holds the number of the program that it runs: that is gone, and nothing appeared."""

    def stop() -> None:
        while not pid.exists():
            time.sleep(0.01)
        asked.limits.stop.set()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Interrupted):
        encode_job(JobPaths.of(job), asked)
    thread.join()
    assert [path.name for path in job.parent.iterdir()] == [job.name]
    end = time.monotonic() + 60
    while is_running(int(pid.read_text())):
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process runs: one that nobody has waited for yet is there, but does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False
