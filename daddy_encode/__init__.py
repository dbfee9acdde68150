"""Video out of rollouts: the rollout writes PNGs, a separate CPU-only process encodes them.

The module `daddy_encode.video_utils` has the same functions.
"""

from __future__ import annotations

from daddy_encode.video_utils import save_frames_as_png, save_gif, save_mp4

__version__ = "0.1.0"
__all__ = ["save_frames_as_png", "save_gif", "save_mp4"]
