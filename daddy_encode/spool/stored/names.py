"""The names of what holds the frames of a directory in place of loose PNGs."""

from __future__ import annotations

from collections.abc import Collection

FRAMES_TAR = "frames.tar"
FRAMES_MKV = "frames.mkv"
# Beside FRAMES_MKV: what is in it.
PACK_RECORD = "frames.json"
# Some of the frames of a job whose others were deleted; nobody takes it for frames.
KEPT_TAR = "kept.tar"


def stored_names(names: Collection[str]) -> list[str]:
    """Those of the `names` of a directory that are this project's, and hold all its frames or say what does."""
    packed = [PACK_RECORD, FRAMES_MKV] if PACK_RECORD in names else []
    return [name for name in (FRAMES_TAR, *packed) if name in names]
