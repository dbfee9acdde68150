"""A thread that reads what one ffmpeg writes until that has ended, and ends it where it should stop, or stalls."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import threading
import time
from collections.abc import Callable

from daddy_encode.encoding.ffmpeg.children import end_of, has_ended, kill
from daddy_encode.encoding.ffmpeg.memory import bound_memory_below

# What is read of ffmpeg's frames at a time, where it does not read them itself any more.
PIECE_BYTES = 2**16
# What is kept of ffmpeg's stderr: its beginning, where its version is, and its end; a message about one frame is far
# shorter.
BANNER_KEPT = 2048
STDERR_KEPT = 16_384
# What is kept of its progress: several times the last report.
REPORT_KEPT = 4096
# A line of ffmpeg's own that says how it goes.
INFO = re.compile(r"^(?:\[[^\]\n]+ @ 0x[0-9a-f]+\] )*\[info\] .*\n?", re.MULTILINE)
# How soon a request to stop, or a stall, is seen.
TICK_SECONDS = 0.1
# The same, where only its end is waited for and the system cannot report that.
LAST_TICK_SECONDS = 0.005
# As long between two checks of ffmpeg only a stop of this process itself can take: SIGSTOP, a suspended Slurm job.
FROZEN_SECONDS = 10.0
# How long the pipes of an ffmpeg that has ended may stay open: what it has started may have them, and run for ever.
CLOSE_SECONDS = 2.0


class Monitor(threading.Thread):
    """Reads what ffmpeg writes until it ends; kills it when it should stop, or when it stalls.

    Only time in which ffmpeg keeps us waiting counts as a stall: frames may come slowly, from a live rollout.
    """

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        progress: int,
        stop: threading.Event,
        stall_seconds: float,
        sink: Callable[[bytes], None] | None,
        most_memory: int,
        on_frames: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(name="ffmpeg-monitor", daemon=True)
        self._child = child
        self._progress = progress
        self._asked = stop
        self._stall_seconds = stall_seconds
        self._most_memory = most_memory
        self._on_frames = on_frames
        self._waiting_since: float | None = None
        self._checked_at = time.monotonic()
        self._ended_at: float | None = None
        self._figures = b""
        self._reported = b""
        self._banner = bytearray()
        self._stderr = bytearray()
        self.output = bytearray()
        self._sink = sink or self.output.extend
        self.fault: BaseException | None = None
        self.reason = ""
        # Set when no more frames will be written.
        self.fed = threading.Event()
        # Whether nobody reads frames any more.
        self.is_over = False

    def waiting(self) -> None:
        self._waiting_since = time.monotonic()

    def not_waiting(self) -> None:
        self._waiting_since = None

    def banner(self) -> str:
        """The beginning of what ffmpeg said."""
        return self._banner.decode("utf-8", "replace")

    def stderr(self) -> str:
        """The end of what ffmpeg said, without what only says how it goes."""
        return INFO.sub("", self._stderr.decode("utf-8", "replace")).strip()

    def said(self) -> str:
        """The end of all that ffmpeg said."""
        return self._stderr.decode("utf-8", "replace")

    def frames(self) -> int:
        """How many frames ffmpeg has written to its first output, as it said last; 0 where it said nothing."""
        found = re.findall(rb"^frame=(\d+)$", self._reported, re.MULTILINE)
        return int(found[-1]) if found else 0

    def run(self) -> None:
        try:
            self._watch()
        except BaseException as fault:
            # Nobody would hear what it reports.
            self.fault = fault
            kill(self._child)
        self.is_over = True
        self._read_rest()

    def _watch(self) -> None:
        assert self._child.stderr is not None and self._child.stdout is not None
        readers = {
            self._child.stderr.fileno(): self._take_stderr,
            self._child.stdout.fileno(): self._take_output,
            self._progress: self._take_progress,
        }
        with selectors.DefaultSelector() as selector, end_of(self._child) as end:
            for descriptor in (*readers, *end):
                selector.register(descriptor, selectors.EVENT_READ)
            has_begun = False
            # Asked again and again from then on: one that is traced is for its tracer first.
            may_have_ended = not end
            while readers or self._ended_at is None:
                ready = selector.select(LAST_TICK_SECONDS if may_have_ended and not readers else TICK_SECONDS)
                for key, _ in ready:
                    if key.fd in readers:
                        data = os.read(key.fd, 65_536)
                        readers[key.fd](data)
                        if data:
                            continue
                        del readers[key.fd]
                    else:
                        may_have_ended = True
                    selector.unregister(key.fd)
                if not ready and not has_begun:
                    has_begun = True
                    bound_memory_below(self._child.pid, self._most_memory)
                if may_have_ended and self._ended_at is None and has_ended(self._child):
                    self._ended_at = time.monotonic()
                self._give_up_if_due()
                if self._is_left_open():
                    break

    def _take_stderr(self, data: bytes) -> None:
        self._banner += data[: BANNER_KEPT - len(self._banner)]
        self._stderr += data
        del self._stderr[:-STDERR_KEPT]

    def _take_output(self, data: bytes) -> None:
        if self.fault is None:
            try:
                self._sink(data)
            except BaseException as fault:
                self.fault = fault
                kill(self._child)

    def _take_progress(self, data: bytes) -> None:
        # ffmpeg repeats itself while nothing moves; only new figures are progress.
        figures = b"".join(line for line in data.split(b"\n") if line.startswith((b"frame=", b"total_size=")))
        if figures != self._figures and self._waiting_since is not None:
            self._waiting_since = time.monotonic()
        self._figures = figures
        self._reported = (self._reported + data)[-REPORT_KEPT:]
        if self._on_frames is not None:
            self._on_frames(self.frames())

    def _give_up_if_due(self) -> None:
        if self.reason:
            return
        now, checked = time.monotonic(), self._checked_at
        self._checked_at = now
        if now - checked > FROZEN_SECONDS and self._waiting_since is not None:
            self._waiting_since = now
        since = self._waiting_since
        if self._asked.is_set():
            self.reason = "stop"
        elif self._ended_at is None and since is not None and now - since > self._stall_seconds:
            self.reason = "stall"
        if self.reason:
            self.is_over = True
            kill(self._child)

    def _is_left_open(self) -> bool:
        """Whether ffmpeg has ended and what it has started keeps the pipes, although killed, or out of our reach."""
        if self._ended_at is None:
            return False
        seconds = time.monotonic() - self._ended_at
        if seconds > CLOSE_SECONDS:
            kill(self._child)
        return seconds > 2 * CLOSE_SECONDS

    def _read_rest(self) -> None:
        """Read what is written to ffmpeg, where a process out of our reach keeps that pipe open: nobody else does."""
        if self._child.stdin is None or self.fed.is_set():
            return
        with contextlib.suppress(OSError, ValueError):
            descriptor = os.open(f"/proc/self/fd/{self._child.stdin.fileno()}", os.O_RDONLY | os.O_NONBLOCK)
            try:
                while not self.fed.wait(TICK_SECONDS):
                    with contextlib.suppress(BlockingIOError):
                        while os.read(descriptor, PIECE_BYTES):
                            pass
            finally:
                os.close(descriptor)
