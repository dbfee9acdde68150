"""Which ffmpeg executable runs: imageio-ffmpeg's own, or the one in IMAGEIO_FFMPEG_EXE."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from dataclasses import dataclass

from daddy_encode.errors import EncodeError

# -fps_mode came with ffmpeg 5.1.
OLDEST = (5, 1)


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


@functools.cache
def find_ffmpeg() -> FfmpegExecutable:
    """The ffmpeg to use; it is asked for its version once per process.

    Raises:
        EncodeError: There is none, it does not run, or it is older than 5.1.
    """
    import imageio_ffmpeg

    try:
        path = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise EncodeError(
            f"there is no ffmpeg: {error}; reinstall imageio-ffmpeg, or name one in IMAGEIO_FFMPEG_EXE"
        ) from error
    try:
        completed = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            env=environment(),
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EncodeError(f"{path}: ffmpeg does not run: {error}; name another in IMAGEIO_FFMPEG_EXE") from error
    lines = completed.stdout.splitlines()
    match = re.match(r"ffmpeg version (\S+)", lines[0]) if lines else None
    if completed.returncode != 0 or match is None:
        raise EncodeError(
            f"{path}: not an ffmpeg that runs here (exit status {completed.returncode}): "
            f"{completed.stderr.strip()[-300:] or 'no output'}; name another in IMAGEIO_FFMPEG_EXE"
        )
    version = match[1]
    # "n9.0.2-17-g2a571b6", "7.0.2-static", "5.1.6-0+deb12u1"; a git snapshot ("N-12345-g…") has no number to compare.
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        raise EncodeError(
            f"{path}: ffmpeg {version} is too old, {OLDEST[0]}.{OLDEST[1]} is needed; "
            "unset IMAGEIO_FFMPEG_EXE to use imageio-ffmpeg's own"
        )
    return FfmpegExecutable(path, version, lines[1].strip() if len(lines) > 1 else "")


def environment() -> dict[str, str]:
    """This process's environment for ffmpeg: no GPU to see, and none of the variables that change what it writes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FFREPORT", "AV_LOG_"))}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", "LC_ALL": "C"}
