"""The file that a sheet is written to: what it may be, and its bytes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daddy_encode.errors import SettingsError
from daddy_encode.spool.frames import group_pngs
from daddy_encode.spool.held_file import SAFELY
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME
from daddy_encode.spool.orphans import remove_abandoned
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.png.format import beginning, chunk
from daddy_encode.spool.publish import publish_bytes
from daddy_encode.spool.stored.names import stored_names

JPEG_SUFFIXES = (".jpg", ".jpeg")
# Sharp letters, and edges of one pixel.
_JPEG: dict[str, Any] = {"quality": 92, "subsampling": 0}
MADE_BY = chunk(b"tEXt", b"Software\0daddy-encode sheet")
"""What says that a PNG is a sheet, right behind its header: beside it others may be numbered."""


def check_output(output: Path, paths: Sequence[Path]) -> None:
    """Check, before any work, that a sheet may be written there.

    Args:
        output: The file.
        paths: What is on the sheet.

    Raises:
        SettingsError: It has another suffix than a picture's, is in a job's directory, or would be a frame where it is.
    """
    if output.suffix.lower() not in (".png", *JPEG_SUFFIXES):
        raise SettingsError(f"{output}: a sheet is a PNG or a JPEG; give a name that ends in .png or .jpg")
    parent = Path(os.path.realpath(absolute(output).parent))
    jobs = [Path(os.path.realpath(JobPaths.named(path).directory)) for path in paths]
    try:
        names = os.listdir(parent)
    except OSError:
        # It may not be there yet; of anything else the system tells when the file is written.
        names = []
    is_job = MANIFEST_NAME in names or ROLLOUT_NAME in names or stored_names(names) != []
    if is_job or any(parent == job or job in parent.parents for job in jobs):
        raise SettingsError(f"{output}: is in the directory of a job's frames; name another place with -o")
    if group_pngs([output.name]) and (frame := _frame_in(parent, names)) is not None:
        raise SettingsError(
            f"{output}: would be taken for a frame, as {frame} there may be one; give it a name without a number, or "
            "name another directory with -o"
        )


def _frame_in(directory: Path, names: Sequence[str]) -> str | None:
    """A numbered PNG that is no sheet. One may be a recording of one frame; people number their sheets, too."""
    numbered = itertools.chain.from_iterable(group_pngs(sorted(names)).values())
    return next((name for name in numbered if not _is_sheet(directory / name)), None)


def _is_sheet(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | SAFELY & ~os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return os.pread(descriptor, len(MADE_BY), len(beginning(1, 1))) == MADE_BY
    except OSError:
        return False
    finally:
        os.close(descriptor)


def write_sheet(png: bytes, output: Path) -> None:
    """Write a sheet's PNG, as a JPEG where the name says so, atomically. Raises SpoolError where it cannot be."""
    output = absolute(output)
    remove_abandoned(output.parent, output.name)
    publish_bytes(encoded(png, output.suffix), output, output.name)


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
