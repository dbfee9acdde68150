"""What all jobs of a run share, from its options."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from daddy_encode.cluster.allocation import slurm_identity
from daddy_encode.cluster.scratch import scratch
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import trusted_owners
from daddy_encode.encoding.settings import make_settings
from daddy_encode.jobs.arguments import pixels_of


def make_context(
    *,
    force: bool = False,
    keep_since: float | None = None,
    max_pixels: float,
    trust_owner: Iterable[str],
    stall_timeout: float,
    tmp_dir: str | None,
    **options: Any,
) -> Context:
    """What all jobs of a run share.

    Args:
        force: Encode jobs again that are done.
        keep_since: As in `Context`.
        max_pixels: The largest frame, in units of 2**20 pixels.
        trust_owner: The users whose jobs are encoded, too.
        stall_timeout: After how many seconds without progress ffmpeg is ended.
        tmp_dir: Where temporary files go; variables in it are filled in. None: beside each video.
        options: Those of `Settings`; None: not given.

    Raises:
        SettingsError: An option has a value that cannot work.
        EncodeError: gifsicle is asked for and missing.
    """
    settings = make_settings(**{name: value for name, value in options.items() if value is not None})
    if settings.gif_optimize:
        from daddy_encode.encoding.gif.gifsicle import find_gifsicle

        # One error now, not one for each job.
        find_gifsicle()
    return Context(
        settings,
        RunLimits(threading.Event(), stall_timeout),
        force,
        keep_since,
        slurm_identity(os.environ),
        owners=trusted_owners(trust_owner),
        max_pixels=pixels_of(max_pixels),
        tmp_dir=scratch(tmp_dir),
    )
