"""The rollout side: array -> PNG bytes -> a directory of frames. Never imports an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daddy_encode.dump.writer import FrameWriter

__all__ = ["FrameWriter"]


def __getattr__(name: str) -> Any:
    # `save_frames_as_png` needs none of what hands frames to another process: a fifth of its start.
    if name == "FrameWriter":
        from daddy_encode.dump.writer import FrameWriter

        return FrameWriter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
