"""One run of ffmpeg: fed through its standard input, watched, its stderr kept, its exit status checked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daddy_encode.encode.ffmpeg.executable import FfmpegExecutable, environment
from daddy_encode.encode.option_values import DEFAULT_STALL_SECONDS
from daddy_encode.errors import EncodeError, Interrupted
from daddy_encode.spool.held_file import HeldFile

# Linux's default limit for an unprivileged pipe: two or three compressed 720p frames, so that reading the next
# frame and decoding this one overlap.
PIPE_BYTES = 2**20
# What is kept of ffmpeg's stderr, its end; a message about one frame is far shorter.
STDERR_KEPT = 16_384
# What ffmpeg may allocate, so that no size makes it take the machine's memory: twice the private memory that libx264
# was seen to take at its slowest preset. Threads, of which it starts one for each CPU, count with their stacks.
MEMORY_BYTES = 2 * 2**30
MEMORY_PER_CPU = 2**24
MEMORY_PER_PIXEL = 1000
# How soon a request to stop, or a stall, is seen.
TICK_SECONDS = 0.1
# As long between two checks of ffmpeg only a stop of this process itself can take: SIGSTOP, a suspended Slurm job.
FROZEN_SECONDS = 10.0


_running: set[subprocess.Popen[bytes]] = set()


def end_all() -> None:
    """Kill every ffmpeg of this process, which is about to end without cleaning up."""
    for child in tuple(_running):
        child.kill()


@dataclass(frozen=True)
class RunLimits:
    """When a run is given up.

    Attributes:
        stop: Set to end the work.
        stall_seconds: How long ffmpeg may make no progress. Default: 120.
    """

    stop: threading.Event
    stall_seconds: float = DEFAULT_STALL_SECONDS


def run_ffmpeg(
    ffmpeg: FfmpegExecutable,
    arguments: Sequence[str],
    feed: Iterable[bytes | memoryview],
    *,
    directory: Path,
    limits: RunLimits,
    pixels: int,
    inputs: Sequence[bytes] = (),
    output: HeldFile | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> bytes:
    """Run ffmpeg and wait for it; it has ended in every case when this returns or raises.

    Args:
        ffmpeg: The executable.
        arguments: Its options, inputs and outputs; "{input0}" stands for the first of `inputs`, and so on, "{output}"
            for `output`.
        feed: What is written to its standard input.
        directory: Its working directory.
        limits: When to give up.
        pixels: Of the largest picture it handles, which bounds its memory.
        inputs: Small further inputs, each at most a pipe's capacity (64 KiB).
        output: A file that it writes to.
        sink: Called with what it writes to standard output, in parts as they come, in another thread.

    Returns:
        What it wrote to standard output; nothing where `sink` took it.

    Raises:
        EncodeError: ffmpeg failed, reported an error, or made no progress.
        Interrupted: `limits.stop` was set.
        Exception: Whatever `feed` or `sink` raised.
    """
    if limits.stop.is_set():
        raise Interrupted("stopped before ffmpeg was started")
    # ffmpeg is given the file itself, not its name: another file that takes the name meanwhile is not written to.
    outputs = [output.descriptor] if output is not None else []
    progress_read, progress_write = os.pipe()
    pipes = [_filled_pipe(data) for data in inputs]
    names = {f"{{input{i}}}": f"pipe:{descriptor}" for i, descriptor in enumerate(pipes)}
    if outputs:
        names["{output}"] = f"file:/proc/self/fd/{outputs[0]}"
    command = [
        ffmpeg.path,
        "-nostdin",
        "-hide_banner",
        "-y",
        "-xerror",
        *("-loglevel", "level+warning"),
        *("-progress", f"pipe:{progress_write}", "-stats_period", "0.5"),
        *(names.get(argument, argument) for argument in arguments),
    ]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=directory,
            env=environment(),
            pass_fds=(progress_write, *pipes, *outputs),
            # A Ctrl-C in the terminal reaches us alone; we end ffmpeg.
            start_new_session=True,
        )
    except OSError as error:
        os.close(progress_read)
        raise EncodeError(f"{ffmpeg.path}: ffmpeg cannot be started: {error.strerror}") from error
    finally:
        for descriptor in (progress_write, *pipes):
            os.close(descriptor)
    _running.add(child)
    _bound_memory(child.pid, pixels)
    monitor = _Monitor(child, progress_read, limits, sink)
    monitor.start()
    try:
        _feed(child, feed, monitor)
        monitor.join()
        status = child.wait()
    finally:
        if child.poll() is None:
            child.kill()
        monitor.join()
        child.wait()
        _running.discard(child)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        os.close(progress_read)
    if monitor.fault is not None:
        raise monitor.fault
    if monitor.reason == "stop":
        raise Interrupted("stopped while encoding; nothing was written, run again")
    stderr = " | ".join(monitor.stderr().split("\n")) or "no output"
    if monitor.reason == "stall":
        raise EncodeError(f"ffmpeg made no progress for {limits.stall_seconds:g} s and was ended: {stderr}")
    if status != 0:
        how = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
        raise EncodeError(f"ffmpeg {how}: {stderr}")
    if "[error]" in stderr or "[fatal]" in stderr:
        raise EncodeError(f"ffmpeg reported an error: {stderr}")
    return bytes(monitor.output)


def _feed(child: subprocess.Popen[bytes], feed: Iterable[bytes | memoryview], monitor: _Monitor) -> None:
    assert child.stdin is not None
    descriptor = child.stdin.fileno()
    # Where the system allows less, the default does.
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        for item in feed:
            remaining = memoryview(item)
            while remaining:
                monitor.waiting()
                remaining = remaining[os.write(descriptor, remaining) :]
            monitor.not_waiting()
            if monitor.reason:
                return
    except BrokenPipeError:
        # ffmpeg has gone; its exit status and stderr say why.
        pass
    finally:
        monitor.waiting()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _bound_memory(pid: int, pixels: int) -> None:
    most = MEMORY_BYTES + (os.cpu_count() or 1) * MEMORY_PER_CPU + pixels * MEMORY_PER_PIXEL
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.prlimit(pid, resource.RLIMIT_DATA, (most, hard))


def _filled_pipe(data: bytes) -> int:
    """The reading end of a pipe that holds `data` and nothing after it."""
    read, write = os.pipe()
    try:
        os.set_blocking(write, False)
        if os.write(write, data) != len(data):
            raise ValueError(f"{len(data)} bytes are too many for a pipe")
    finally:
        os.close(write)
    return read


class _Monitor(threading.Thread):
    """Reads what ffmpeg writes until it ends; kills it when it should stop, or when it stalls.

    Only time in which ffmpeg keeps us waiting counts as a stall: frames may come slowly, from a live rollout.
    """

    def __init__(
        self, child: subprocess.Popen[bytes], progress: int, limits: RunLimits, sink: Callable[[bytes], None] | None
    ) -> None:
        super().__init__(name="ffmpeg-monitor", daemon=True)
        self._child = child
        self._progress = progress
        self._limits = limits
        self._waiting_since: float | None = None
        self._checked_at = time.monotonic()
        self._stderr = bytearray()
        self.output = bytearray()
        self._sink = sink or self.output.extend
        self.fault: BaseException | None = None
        self.reason = ""

    def waiting(self) -> None:
        self._waiting_since = time.monotonic()

    def not_waiting(self) -> None:
        self._waiting_since = None

    def stderr(self) -> str:
        return self._stderr.decode("utf-8", "replace").strip()

    def run(self) -> None:
        assert self._child.stderr is not None and self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._child.stderr.fileno(), self._child.stdout.fileno(), self._progress):
                selector.register(descriptor, selectors.EVENT_READ)
            last = b""
            while selector.get_map():
                for key, _ in selector.select(TICK_SECONDS):
                    data = os.read(key.fd, 65_536)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == self._progress:
                        # ffmpeg repeats itself while nothing moves; only new figures are progress.
                        figures = b"".join(x for x in data.split(b"\n") if x.startswith((b"frame=", b"total_size=")))
                        if figures != last and self._waiting_since is not None:
                            self._waiting_since = time.monotonic()
                        last = figures
                    elif key.fd == self._child.stdout.fileno():
                        self._give(data)
                    else:
                        self._stderr += data
                        del self._stderr[:-STDERR_KEPT]
                self._give_up_if_due()

    def _give(self, data: bytes) -> None:
        if self.fault is None:
            try:
                self._sink(data)
            except BaseException as fault:
                self.fault = fault
                self._child.kill()

    def _give_up_if_due(self) -> None:
        if self.reason:
            return
        now, checked = time.monotonic(), self._checked_at
        self._checked_at = now
        if now - checked > FROZEN_SECONDS and self._waiting_since is not None:
            self._waiting_since = now
        since = self._waiting_since
        if self._limits.stop.is_set():
            self.reason = "stop"
        elif since is not None and now - since > self._limits.stall_seconds:
            self.reason = "stall"
        if self.reason:
            self._child.kill()
