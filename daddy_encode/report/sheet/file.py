"""The file that a sheet is written to: what it may be, and its bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daddy_encode.errors import SettingsError
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.paths import absolute
from daddy_encode.spool.publish import publish_bytes

JPEG_SUFFIXES = (".jpg", ".jpeg")
# Sharp letters, and edges of one pixel.
_JPEG: dict[str, Any] = {"quality": 92, "subsampling": 0}


def check_output(output: Path, paths: Sequence[Path]) -> None:
    """Check, before any work, that a sheet may be written there.

    Args:
        output: The file.
        paths: What is on the sheet.

    Raises:
        SettingsError: It has another suffix than a picture's, or is in a job's directory, where it would be a frame.
    """
    if output.suffix.lower() not in (".png", *JPEG_SUFFIXES):
        raise SettingsError(f"{output}: a sheet is a PNG or a JPEG; give a name that ends in .png or .jpg")
    parent = Path(os.path.realpath(absolute(output).parent))
    jobs = [Path(os.path.realpath(path.parent if "*" in path.name else path)) for path in paths]
    is_recording = any(os.path.lexists(parent / name) for name in (MANIFEST_NAME, ROLLOUT_NAME))
    if is_recording or any(parent == job or job in parent.parents for job in jobs):
        raise SettingsError(f"{output}: is in the directory of a job's frames; name another place with -o")


def write_sheet(png: bytes, output: Path) -> None:
    """Write a sheet's PNG, as a JPEG where the name says so, atomically. Raises SpoolError where it cannot be."""
    publish_bytes(encoded(png, output.suffix), absolute(output))


def encoded(png: bytes, suffix: str) -> bytes:
    """A sheet's PNG as a file with that suffix."""
    if suffix.lower() not in JPEG_SUFFIXES:
        return png
    from imageio.v3 import imread, imwrite
    from PIL import Image

    # Our own, of bounded size: no attack.
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        picture = imread(png, plugin="pillow", extension=".png", index=0, mode="RGB")
    finally:
        Image.MAX_IMAGE_PIXELS = most
    jpeg: bytes = imwrite("<bytes>", picture, plugin="pillow", extension=".jpg", **_JPEG)
    return jpeg
