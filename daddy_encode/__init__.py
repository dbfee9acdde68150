"""Video out of rollouts: the rollout writes PNGs, a separate CPU-only process encodes them.

The module `daddy_encode.video_utils` has the first three functions, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daddy_encode.lazy_names import lazy_names
from daddy_encode.video_utils import save_frames_as_png, save_gif, save_mp4

if TYPE_CHECKING:
    from daddy_encode.jobs.encode_jobs import encode
    from daddy_encode.jobs.gallery import gallery
    from daddy_encode.jobs.read import receipts
    from daddy_encode.jobs.results import JobReceipt, SavedVideo
    from daddy_encode.jobs.sheet import sheet
    from daddy_encode.jobs.show import ShownVideo, show

__version__ = "0.1.0"
__all__ = [
    "JobReceipt",
    "SavedVideo",
    "ShownVideo",
    "encode",
    "gallery",
    "receipts",
    "save_frames_as_png",
    "save_gif",
    "save_mp4",
    "sheet",
    "show",
]

if not TYPE_CHECKING:
    # A rollout and the command need none of these.
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "JobReceipt": "daddy_encode.jobs.results",
            "SavedVideo": "daddy_encode.jobs.results",
            "ShownVideo": "daddy_encode.jobs.show",
            "encode": "daddy_encode.jobs.encode_jobs",
            "gallery": "daddy_encode.jobs.gallery",
            "receipts": "daddy_encode.jobs.read",
            "sheet": "daddy_encode.jobs.sheet",
            "show": "daddy_encode.jobs.show",
        },
    )
