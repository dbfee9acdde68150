"""An ffmpeg that does what the real one cannot be made to do at a chosen moment."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.media import ffmpeg

# Whatever IMAGEIO_FFMPEG_EXE says inside a test.
REAL = ffmpeg()


def write_ffmpeg(path: Path, script: str) -> Path:
    """Write a shell script to `path` that passes the trial by the real ffmpeg, and else runs `script`.

    `"$REAL"` is the real one in it. To be used, the path has to be in the variable IMAGEIO_FFMPEG_EXE.
    """
    path.parent.mkdir(exist_ok=True)
    # The trial alone does not report its progress.
    trial = 'case "$*" in *-progress*) ;; *) exec "$REAL" "$@" ;; esac'
    path.write_text(f"#!/bin/sh\nREAL={shlex.quote(REAL)}\n{trial}\n{script}\n")
    path.chmod(0o755)
    return path
