"""The rollout side: array -> PNG bytes -> a directory of frames. Never imports an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daddy_encode.lazy_names import lazy_names

if TYPE_CHECKING:
    from daddy_encode.dump.writer import FrameWriter

__all__ = ["FrameWriter"]

if not TYPE_CHECKING:
    # `save_frames_as_png` needs none of what hands frames to another process: a fifth of its start.
    __getattr__, __dir__ = lazy_names(__name__, {"FrameWriter": "daddy_encode.dump.writer"})
