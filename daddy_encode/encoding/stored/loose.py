"""Loose frames beside those that are stored in one file."""

from __future__ import annotations

from collections.abc import Sequence

from daddy_encode.spool.frames import count_frames, is_frame_name, is_own_name
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME


def loose_frame(listed: Sequence[str], stored: Sequence[str]) -> str | None:
    """A loose PNG that may be a frame, where there are frames in one file as well."""
    is_recording = MANIFEST_NAME in listed or ROLLOUT_NAME in listed
    if is_recording and any(map(is_own_name, stored)):
        # Then other numbered PNGs are none.
        return min(filter(is_own_name, listed), default=None)
    if count_frames(stored) and count_frames(listed):
        return min(filter(is_frame_name, listed), default=min(name for name in listed if name[-4:].lower() == ".png"))
    return None
