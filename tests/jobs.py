"""Encoding one job from a test, in this process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from daddy_encode.encode.context import Context, Result
from daddy_encode.encode.ffmpeg.process import RunLimits
from daddy_encode.encode.job import encode_job
from daddy_encode.encode.settings import make_settings
from daddy_encode.spool.paths import JobPaths


def context(*, force: bool = False, stall_seconds: float = 120, **settings: Any) -> Context:
    return Context(make_settings(**settings), RunLimits(threading.Event(), stall_seconds), force)


def encode(directory: Path, **settings: Any) -> Result:
    return encode_job(JobPaths.of(directory), context(**settings))
