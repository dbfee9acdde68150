"""Gymnasium's environments, recorded as they are stepped. Needs the extra `daddy-encode[gym]`."""

from __future__ import annotations

from daddy_encode.dump.gymnasium.wrappers import RecordFrames

__all__ = ["RecordFrames"]
