"""`--on-done`: a user's program that is run after each finished job."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daddy_encode.errors import SettingsError, one_line

log = logging.getLogger(__name__)


def parse_command(text: str) -> list[str]:
    """Split `text` as a shell does; no shell ever sees it.

    Returns:
        The program and its arguments.

    Raises:
        SettingsError: There is no program in it, or an unbalanced quote.
    """
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"--on-done {text!r}: {error}; check its quotes") from error
    if not command:
        raise SettingsError("--on-done is empty: give a program and its arguments")
    return command


class Notifier:
    """Runs a program for one finished job after another, each in a thread: the caller has said before what it made."""

    def __init__(
        self, command: Sequence[str], timeout: float, is_stopped: Callable[[], bool], wake: Callable[[], None]
    ) -> None:
        """Start nothing yet.

        Args:
            command: The program and its arguments; empty: there is none, and nothing is ever run.
            timeout: As for `notify`.
            is_stopped: As for `notify`.
            wake: Called from a thread whenever a program has ended.
        """
        self._command = command
        self._timeout = timeout
        self._is_stopped = is_stopped
        self._wake = wake
        self._threads: set[threading.Thread] = set()

    @property
    def busy(self) -> int:
        """How many programs run."""
        return len(self._threads)

    def start(self, receipt: Path) -> None:
        """Run the program for the job of this receipt. A failure is logged, and does no harm."""
        if not self._command:
            return
        thread = threading.Thread(target=self._run, args=(receipt,), name="on-done")
        self._threads.add(thread)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            # The machine has no room for another thread now.
            self._threads.discard(thread)
            log.warning("--on-done %s for %s: not run: %s", one_line(self._command[0]), one_line(str(receipt)), error)

    def _run(self, receipt: Path) -> None:
        try:
            notify(self._command, receipt, self._is_stopped, self._timeout)
        except OSError as error:
            # No temporary file for what it says.
            log.warning("--on-done %s for %s: not run: %s", one_line(self._command[0]), one_line(str(receipt)), error)
        finally:
            self._threads.discard(threading.current_thread())
            self._wake()


def notify(command: Sequence[str], receipt: Path, is_stopped: Callable[[], bool], timeout: float) -> None:
    """Run a program with a receipt's path as its last argument. A failure is logged, and does no harm.

    Args:
        command: The program and its arguments.
        receipt: The receipt.
        is_stopped: Asked several times a second; once it says so, the program is ended with all that it has started.
        timeout: Seconds after which it is ended likewise.
    """
    # A file, not a pipe: nobody need read it, and what the program leaves running cannot block us with it.
    with tempfile.TemporaryFile() as stderr:
        try:
            child = subprocess.Popen(
                [*command, str(receipt)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                # Else it would have what `__main__` sets for this process alone.
                env=os.environ,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("--on-done %s: cannot be started: %s; check the command", one_line(command[0]), error.strerror)
            return
        end = time.monotonic() + timeout
        while child.poll() is None and time.monotonic() < end and not is_stopped():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
        failure = ""
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            failure = (
                "ended because the watcher was told to stop"
                if is_stopped()
                else f"ended after {timeout:g} s; --on-done-timeout gives it longer"
            )
        elif child.returncode != 0:
            stderr.seek(-min(300, stderr.seek(0, os.SEEK_END)), os.SEEK_END)
            end_of_output = one_line(stderr.read().decode("utf-8", "replace").strip()) or "no output"
            failure = f"exit status {child.returncode}: {end_of_output}"
        if failure:
            log.warning("--on-done %s for %s: %s", one_line(command[0]), one_line(str(receipt)), failure)
