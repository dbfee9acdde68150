"""`--on-done`: a user's program, told of each finished job."""

from __future__ import annotations

import logging
import shlex
import subprocess
from collections.abc import Sequence
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


def notify(command: Sequence[str], receipt: Path, limit: float = LIMIT_SECONDS) -> None:
    """Run `command` with the receipt's path as its last argument; a failure is logged, and harmless."""
    try:
        told = subprocess.run(
            [*command, str(receipt)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        log.warning("--on-done %s: ended after %g s for %s", command[0], limit, one_line(str(receipt)))
    except OSError as error:
        log.warning("--on-done %s: cannot be started: %s", command[0], error.strerror)
    else:
        if told.returncode != 0:
            words = one_line(told.stderr.strip()[-300:]) or "no words"
            log.warning("--on-done %s: exit status %d for %s: %s", command[0], told.returncode, receipt, words)
