"""The options that every command that encodes takes, as what the encoder takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from daddy_encode.cluster.allocation import slurm_identity
from daddy_encode.cluster.scratch import scratch
from daddy_encode.encode.ffmpeg.process import Watch
from daddy_encode.encode.frames.owners import trusted_owners
from daddy_encode.encode.gif.gifsicle import find_gifsicle
from daddy_encode.encode.job import Context
from daddy_encode.encode.settings import make_settings


def make_context(
    *,
    force: bool = False,
    max_pixels: float,
    trust_owner: Iterable[str],
    stall_timeout: float,
    tmp_dir: str | None,
    **options: Any,
) -> Context:
    """`max_pixels`: of a frame, in units of 2**20; `options`: those of `Settings`, None for its default.

    Raises SettingsError; EncodeError where gifsicle is asked for and missing.
    """
    settings = make_settings(**{name: value for name, value in options.items() if value is not None})
    if settings.gif_optimize:
        # One error now, not one for each job.
        find_gifsicle()
    return Context(
        settings,
        Watch(threading.Event(), stall_timeout),
        force,
        slurm_identity(os.environ),
        owners=trusted_owners(trust_owner),
        max_pixels=int(max_pixels * 2**20),
        tmp_dir=scratch(tmp_dir),
    )
