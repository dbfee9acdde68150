"""Which ffmpeg executable runs, imageio-ffmpeg's own or the one in IMAGEIO_FFMPEG_EXE, and what it says of itself."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from pathlib import Path

from daddy_encode.errors import FfmpegUnusableError

# -fps_mode came with ffmpeg 5.1.
OLDEST = (5, 1)

# What to do about one that does not serve.
ANOTHER = "name another in IMAGEIO_FFMPEG_EXE"


class FfmpegExecutable:
    """The ffmpeg executable, for one job.

    Attributes:
        has_run: Whether a run of it has begun.
        version: As it prints it at the beginning of a run; empty before the first one.
        build: The line that names its compiler, which distinguishes builds; empty before the first run.
    """

    def __init__(self) -> None:
        """Look for nothing yet: an exact GIF needs no ffmpeg."""
        self.has_run = False
        self.version = ""
        self.build = ""

    @functools.cached_property
    def path(self) -> str:
        """Where it is. Raises FfmpegUnusableError where there is none."""
        return executable_path()

    def read_banner(self, text: str) -> None:
        """Take version and build from what a run has printed. Raises FfmpegUnusableError where it is too old."""
        match = re.search(r"^(?:\[info\] )?ffmpeg version (\S+).*\n?(?:\[info\] )?(.*)", text, re.MULTILINE)
        if match is None:
            return
        self.version, self.build = match[1], match[2].strip()
        # "n9.0.2-17-g2a571b6", "7.0.2-static", "5.1.6-0+deb12u1"; a git snapshot ("N-12345-g…") has no number.
        number = re.match(r"n?(\d+)\.(\d+)", self.version)
        if number and (int(number[1]), int(number[2])) < OLDEST:
            raise FfmpegUnusableError(
                f"{self.path}: ffmpeg {self.version} is too old, {OLDEST[0]}.{OLDEST[1]} is needed; "
                "unset IMAGEIO_FFMPEG_EXE to use imageio-ffmpeg's own"
            )


def executable_path() -> str:
    """Where ffmpeg is: what IMAGEIO_FFMPEG_EXE names, imageio-ffmpeg's own, else whatever that package finds.

    Raises:
        FfmpegUnusableError: There is none.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    if own := _packaged():
        return own
    try:
        import imageio_ffmpeg

        path: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise FfmpegUnusableError(
            f"there is no ffmpeg: {error}; reinstall imageio-ffmpeg, or name one in IMAGEIO_FFMPEG_EXE"
        ) from error
    return path


@functools.cache
def _packaged() -> str | None:
    """The one that imageio-ffmpeg brings; None where it has none, or several.

    That package's own function runs the program only to see whether it runs, which its first job shows as well.
    """
    package = importlib.util.find_spec("imageio_ffmpeg")
    if package is None or package.origin is None:
        return None
    own = [str(path) for path in Path(package.origin).parent.glob("binaries/ffmpeg-*") if os.access(path, os.X_OK)]
    return own[0] if len(own) == 1 else None


def environment() -> dict[str, str]:
    """This process's environment for ffmpeg: no GPU to see, and none of the variables that change what it writes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FFREPORT", "AV_LOG_"))}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C"}
