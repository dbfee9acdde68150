"""`--on-done`: a user's program, told of each finished job."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daddy_encode.errors import SettingsError, one_line

log = logging.getLogger(__name__)

# A notice that takes longer holds up a worker.
LIMIT_SECONDS = 60.0


def parse_command(text: str) -> list[str]:
    """`text` split as a shell splits words; no shell ever sees it. Raises SettingsError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"--on-done {text!r}: {error}; check its quotes") from error
    if not words:
        raise SettingsError("--on-done is empty: give a program and its arguments")
    return words


def notify(command: Sequence[str], receipt: Path, stop: Callable[[], bool], limit: float = LIMIT_SECONDS) -> None:
    """Run `command` with the receipt's path as its last argument; a failure is logged, and harmless.

    It is ended, with all that it has started, after `limit` seconds, or when `stop` says so.
    """
    # A file, not a pipe: nobody need read it, and what the program leaves running cannot hold us with it.
    with tempfile.TemporaryFile() as words:
        try:
            child = subprocess.Popen(
                [*command, str(receipt)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("--on-done %s: cannot be started: %s", one_line(command[0]), error.strerror)
            return
        end = time.monotonic() + limit
        while child.poll() is None and time.monotonic() < end and not stop():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
        why = ""
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            why = "ended, being told to stop" if stop() else f"ended after {limit:g} s"
        elif child.returncode != 0:
            words.seek(-min(300, words.seek(0, os.SEEK_END)), os.SEEK_END)
            said = one_line(words.read().decode("utf-8", "replace").strip()) or "no words"
            why = f"exit status {child.returncode}: {said}"
        if why:
            log.warning("--on-done %s for %s: %s", one_line(command[0]), one_line(str(receipt)), why)
