"""The rollout side: array -> PNG bytes -> a directory of frames. Never imports an encoder."""

from __future__ import annotations

from daddy_encode.dump.writer import FrameWriter

__all__ = ["FrameWriter"]
