"""Gymnasium's environments, recorded as they are stepped. Needs the extra `daddy-encode[gym]`."""

from __future__ import annotations

from daddy_encode.dump.gymnasium.single import RecordFrames
from daddy_encode.dump.gymnasium.vector import VectorRecordFrames

__all__ = ["RecordFrames", "VectorRecordFrames"]
