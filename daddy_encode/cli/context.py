"""The options that every command that encodes takes, as what the encoder takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from daddy_encode.cluster.identity import slurm_identity
from daddy_encode.encode.job import Context
from daddy_encode.encode.owners import trusted_owners
from daddy_encode.encode.process import Watch
from daddy_encode.encode.settings import make_settings


def make_context(
    *, force: bool = False, max_pixels: float, trust_owner: Iterable[str], stall_timeout: float, **settings: Any
) -> Context:
    """`max_pixels`: of a frame, in units of 2**20; `settings`: those of `Settings`, None for its default.

    Raises SettingsError.
    """
    return Context(
        make_settings(**{name: value for name, value in settings.items() if value is not None}),
        Watch(threading.Event(), stall_timeout),
        force,
        slurm_identity(os.environ),
        owners=trusted_owners(trust_owner),
        max_pixels=int(max_pixels * 2**20),
    )
