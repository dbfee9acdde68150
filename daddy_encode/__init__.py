"""Video out of rollouts: the rollout writes PNGs, a separate CPU-only process encodes them.

The module `daddy_encode.video_utils` has the first three functions, too.
"""

from __future__ import annotations

from daddy_encode.jobs import JobReceipt, SavedVideo, encode, receipts
from daddy_encode.video_utils import save_frames_as_png, save_gif, save_mp4

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
