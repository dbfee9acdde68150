"""Which ffmpeg executable runs: imageio-ffmpeg's own, or the one in IMAGEIO_FFMPEG_EXE."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.errors import ProgramUnusableError

# -fps_mode came with ffmpeg 5.1.
OLDEST = (5, 1)

# What to do about one that does not serve.
ANOTHER = "name another in IMAGEIO_FFMPEG_EXE"


@dataclass(frozen=True)
class FfmpegExecutable:
    """An ffmpeg executable.

    Attributes:
        path: Where it is.
        version: As it prints it.
        build: The line that names its compiler, which distinguishes builds.
    """

    path: str
    version: str
    build: str


def executable_path() -> str:
    """Where it is: what IMAGEIO_FFMPEG_EXE names, imageio-ffmpeg's own, else whatever that package finds.

    Raises:
        ProgramUnusableError: There is none.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    # That package's own function runs the program only to see whether it runs, which its trial shows as well.
    package = importlib.util.find_spec("imageio_ffmpeg")
    if package is not None and package.origin is not None:
        own = [str(path) for path in Path(package.origin).parent.glob("binaries/ffmpeg-*") if os.access(path, os.X_OK)]
        if len(own) == 1:
            return own[0]
    try:
        import imageio_ffmpeg

        path: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ProgramUnusableError(
            f"there is no ffmpeg: {error}; reinstall imageio-ffmpeg, or name one in IMAGEIO_FFMPEG_EXE"
        ) from error
    return path


def environment() -> dict[str, str]:
    """This process's environment for ffmpeg: no GPU to see, and none of the variables that change what it writes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FFREPORT", "AV_LOG_"))}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C"}
