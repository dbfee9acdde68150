"""Video out of rollouts: the rollout writes PNGs, a separate CPU-only process encodes them.

The module `daddy_encode.video_utils` has the first three functions, too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from daddy_encode.video_utils import save_frames_as_png, save_gif, save_mp4

if TYPE_CHECKING:
    from daddy_encode.jobs.encode_jobs import encode
    from daddy_encode.jobs.read import receipts
    from daddy_encode.jobs.results import JobReceipt, SavedVideo

__version__ = "0.1.0"
__all__ = [
    "JobReceipt",
    "SavedVideo",
    "encode",
    "receipts",
    "save_frames_as_png",
    "save_gif",
    "save_mp4",
]

_MODULES = {"JobReceipt": "results", "SavedVideo": "results", "encode": "encode_jobs", "receipts": "read"}


def __getattr__(name: str) -> Any:
    """The rest of what is public, loaded when it is first used: a rollout and the command need none of it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"daddy_encode.jobs.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
