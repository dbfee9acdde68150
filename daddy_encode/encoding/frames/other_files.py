"""What is there instead of frames, for people. Pure."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable

from daddy_encode.spool.png.format import SIGNATURE
from daddy_encode.spool.stored.names import FRAMES_TAR

# Formats that frames are kept in, and that are not read, by the last part of a name.
_NOT_READ = (
    r"\.(?:jpe?g|jpe|jp2|jxl|webp|avif|heic|bmp|tiff?|tga|gif|exr|hdr|p[pgn]m|qoi|dds|npy|npz|mp4|webm|mkv|avi|mov|h5|hdf5|"
    "pkl|pt|zarr|tar|zip|gz|zst)"
)
# How a file of each format begins.
_BEGINNINGS = (
    (0, b"\xff\xd8\xff", "a JPEG"),
    (0, b"GIF8", "a GIF"),
    (8, b"WEBP", "a WebP picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftypmif", "a HEIC picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"qoif", "a QOI picture"),
    (0, b"P6", "a PPM picture"),
    (0, b"P5", "a PGM picture"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"version https://git-lfs", "a Git LFS pointer"),
)
_SHOWN = 3


def format_of(beginning: bytes) -> str | None:
    """What the file is that begins so, where that is known and not a PNG."""
    if beginning.startswith(SIGNATURE):
        return None
    return next((name for at, text, name in _BEGINNINGS if beginning.startswith(text, at)), None)


def is_other_format(suffix: str) -> bool:
    """Whether a name with this suffix is that of a format that frames are kept in, and that is not read."""
    return re.fullmatch(_NOT_READ, suffix.lower()) is not None


class OtherFiles:
    """What directories hold besides frames."""

    def __init__(self) -> None:
        self._directories = 0
        self._files = 0
        self._pngs: list[str] = []
        self._not_read: Counter[str] = Counter()
        # No frame is in it, or the directory would be a job.
        self._has_tar = False

    def add(self, names: Iterable[str]) -> None:
        """Look at the names in one more directory."""
        self._directories += 1
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            self._files += 1
            if name == FRAMES_TAR:
                self._has_tar = True
            elif suffix == ".png":
                self._pngs.append(name)
            elif is_other_format(suffix):
                self._not_read[suffix] += 1

    def __str__(self) -> str:
        """What they hold, as far as it may be meant to be frames, and what to do."""
        below = f" (with the {self._directories - 1} directories below)" if self._directories > 1 else ""
        if self._pngs:
            names = ", ".join(sorted(self._pngs)[:_SHOWN]) + " …" * (len(self._pngs) > _SHOWN)
            what = "PNG, but none is numbered" if len(self._pngs) > 1 else "PNG, which is not numbered"
            return f"holds {len(self._pngs)} {what}{below}: {names}; name frames 000000.png, 000001.png, …"
        if self._has_tar:
            return (
                f"holds {FRAMES_TAR}{below}, in which no PNG is numbered, or which has no entry; name frames "
                "000000.png, 000001.png, …"
            )
        if self._not_read:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in self._not_read.most_common(_SHOWN))
            return f"holds {kinds}{below}; only PNG is read"
        return f"{'holds no PNG' if self._files else 'is empty'}{below}; check the path"
