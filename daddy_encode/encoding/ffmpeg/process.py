"""One run of ffmpeg: fed through its standard input, watched, its stderr kept, its exit status checked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from daddy_encode.encoding.ffmpeg.children import kill, reap, start
from daddy_encode.encoding.ffmpeg.executable import ANOTHER, FfmpegExecutable, environment
from daddy_encode.encoding.ffmpeg.input import VideoFile
from daddy_encode.encoding.ffmpeg.memory import bound_memory, most_memory
from daddy_encode.encoding.ffmpeg.monitor import Monitor
from daddy_encode.encoding.option_values import DEFAULT_STALL_SECONDS
from daddy_encode.errors import EncodeError, Interrupted, ProgramUnusableError
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.publish import spool_error

# Linux's default limit for an unprivileged pipe: two or three compressed 720p frames, so that reading the next
# frame and decoding this one overlap.
PIPE_BYTES = 2**20
# A line that ffmpeg itself prints about an error: the part of it that speaks, with its address, and the level. Whatever
# starts ffmpeg prints its own lines on the same stderr. Errors of no part of it come with an exit status.
OWN_ERROR = re.compile(r"^(?:\[[^\]\n]+ @ 0x[0-9a-f]+\] )+\[(?:error|fatal|panic)\] ", re.MULTILINE)
# A shell cannot run a program, or the dynamic linker a library: nothing was encoded.
CANNOT_RUN = (126, 127)
# Those below are a program's standard input, output and error.
_FIRST_FREE = 3


class RunLimits(Struct, frozen=True):
    """When a run is given up.

    Attributes:
        stop: Set to end the work.
        stall_seconds: How long ffmpeg may make no progress. Default: 120.
    """

    stop: threading.Event
    stall_seconds: float = DEFAULT_STALL_SECONDS


class FfmpegRun(Struct, frozen=True):
    """What one run came to.

    Attributes:
        output: What it wrote to standard output, where no sink took it.
        frames: How many it wrote to its first output, as it says.
        said: The end of what it said, its streams among it.
    """

    output: bytes
    frames: int
    said: str


def run_ffmpeg(
    ffmpeg: FfmpegExecutable,
    arguments: Sequence[str],
    feed: Iterable[bytes | memoryview] | VideoFile,
    *,
    directory: Path,
    limits: RunLimits,
    pixels: int,
    inputs: Sequence[bytes] = (),
    output: HeldFile | None = None,
    sink: Callable[[bytes], None] | None = None,
    descriptors: Sequence[int] = (),
) -> FfmpegRun:
    """Run ffmpeg and wait for it; it has ended in every case when this returns or raises.

    Args:
        ffmpeg: The executable.
        arguments: Its options, inputs and outputs; "{input0}" stands for the first of `inputs`, and so on, "{output}"
            for `output`.
        feed: What is written to its standard input, or the file that it reads there.
        directory: Its working directory.
        limits: When to give up.
        pixels: Of the largest picture it handles, which bounds its memory.
        inputs: Small further inputs, each at most a pipe's capacity (64 KiB).
        output: A file that it writes to.
        sink: Called with what it writes to standard output, in parts as they come, in another thread.
        descriptors: Open files that it inherits: N is `/proc/self/fd/N` in `arguments`.

    Returns:
        What it wrote to standard output, unless `sink` took it, and what it said.

    Raises:
        FfmpegUnusableError: There is none, or its version is too old.
        EncodeError: ffmpeg failed, reported an error, or made no progress.
        Interrupted: `limits.stop` was set.
        Exception: Whatever `feed` or `sink` raised.
    """
    if limits.stop.is_set():
        raise Interrupted("stopped before ffmpeg was started")
    with contextlib.ExitStack() as stack:

        def own(descriptor: int) -> int:
            stack.callback(os.close, descriptor)
            return descriptor

        # ffmpeg is given the file itself, not its name: another file that takes the name meanwhile is not written to.
        outputs = [output.descriptor] if output is not None else []
        pipes = [own(filled_pipe(data)) for data in inputs]
        progress_read, progress_write = os.pipe()
        own(progress_write)
        progress = os.fdopen(progress_read, "rb", buffering=0)
        names = {f"{{input{i}}}": f"pipe:{descriptor}" for i, descriptor in enumerate(pipes)}
        if outputs:
            names["{output}"] = f"file:/proc/self/fd/{outputs[0]}"
        command = [
            ffmpeg.path,
            *("-nostdin", "-y", "-xerror", "-nostats"),
            # Its version is among what it says at this level.
            *("-loglevel", "level+info"),
            *("-progress", f"pipe:{progress_write}", "-stats_period", "0.5"),
            *(names.get(argument, argument) for argument in arguments),
        ]
        inherited = (progress_write, *pipes, *outputs, *descriptors)
        if min(inherited) < _FIRST_FREE:
            raise EncodeError(
                "standard input, output or error of this process is closed, and a file has its place, which ffmpeg "
                "cannot be given; open them, such as on /dev/null"
            )
        ffmpeg.has_run = True
        on_frames: Callable[[int], None] | None = None
        stdin = subprocess.PIPE
        if isinstance(feed, VideoFile):
            on_frames = feed.on_frames
            # A description of its own, so that its place in the file is nobody else's.
            stdin = own(os.open(f"/proc/self/fd/{feed.descriptor}", os.O_RDONLY | os.O_CLOEXEC))
        try:
            child = start(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=directory,
                env=environment(),
                pass_fds=inherited,
            )
        except OSError as error:
            progress.close()
            if error.filename == str(directory):
                raise spool_error(error, directory, "work in") from error
            raise ProgramUnusableError(
                f"{ffmpeg.path}: ffmpeg cannot be started: {error.strerror}; {ANOTHER}"
            ) from error
    most = most_memory(pixels)
    bound_memory(child.pid, most)
    with progress:
        monitor = Monitor(child, progress.fileno(), limits.stop, limits.stall_seconds, sink, most, on_frames)
        try:
            monitor.start()
            if isinstance(feed, VideoFile):
                monitor.waiting()
                monitor.fed.set()
            else:
                _feed(child, feed, monitor)
            monitor.join()
        finally:
            if monitor.is_alive() or monitor.ident is None:
                kill(child)
            if monitor.ident is not None:
                monitor.join()
            status = reap(child)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
    if monitor.fault is not None:
        raise monitor.fault
    ffmpeg.read_banner(monitor.banner())
    if monitor.reason == "stop":
        raise Interrupted("stopped while encoding; nothing was written, run again")
    stderr = " | ".join(monitor.stderr().split("\n")) or "no output"
    if monitor.reason == "stall":
        raise EncodeError(
            f"ffmpeg made no progress for {limits.stall_seconds:g} s and was ended; --stall-timeout waits longer: "
            f"{stderr}"
        )
    if status in CANNOT_RUN:
        raise ProgramUnusableError(
            f"{ffmpeg.path}: ffmpeg does not run here (exit status {status}): {stderr}; {ANOTHER}"
        )
    if status != 0:
        how = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
        if status == -signal.SIGKILL:
            # By whom is not said; mostly it is the system.
            how += ", perhaps for lack of memory; fewer --workers need less"
        raise EncodeError(f"ffmpeg {how}: {stderr}")
    if OWN_ERROR.search(monitor.stderr()):
        raise EncodeError(f"ffmpeg reported an error: {stderr}")
    if isinstance(feed, VideoFile):
        feed.on_frames(feed.count)
    return FfmpegRun(bytes(monitor.output), monitor.frames(), monitor.said())


def _feed(child: subprocess.Popen[bytes], feed: Iterable[bytes | memoryview], monitor: Monitor) -> None:
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
            if monitor.is_over:
                return
    except BrokenPipeError:
        # ffmpeg has gone; its exit status and stderr say why.
        pass
    finally:
        monitor.waiting()
        monitor.fed.set()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def filled_pipe(data: bytes) -> int:
    """The reading end of a pipe that holds `data` and nothing after it."""
    read, write = os.pipe()
    try:
        os.set_blocking(write, False)
        if os.write(write, data) != len(data):
            raise ValueError(f"{len(data)} bytes are too many for a pipe")
    finally:
        os.close(write)
    return read
