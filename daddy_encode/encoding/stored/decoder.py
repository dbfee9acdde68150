"""One ffmpeg that decodes a packed file, and its frames as they come: bounded in number, size, memory and time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import time
from collections.abc import Callable, Generator
from typing import IO

from daddy_encode.encoding.ffmpeg.children import kill, reap, scratch_file, start
from daddy_encode.encoding.ffmpeg.executable import ANOTHER, environment, executable_path
from daddy_encode.encoding.ffmpeg.memory import bound_memory, most_memory
from daddy_encode.encoding.ffmpeg.process import CANNOT_RUN, PIPE_BYTES
from daddy_encode.encoding.option_values import DEFAULT_STALL_SECONDS
from daddy_encode.encoding.stored.layout import DECODERS, Codec, Layout
from daddy_encode.errors import EncodeError, ProgramFailedError, ProgramUnusableError

DECODE_THREADS = "2"
# How soon a request to stop is seen.
_TICK_SECONDS = 0.1
_STDERR_KEPT = 4000


def decoded(
    descriptor: int,
    layout: Layout,
    codec: Codec,
    frames: int,
    path: str,
    check_stop: Callable[[], None] = lambda: None,
    stall_seconds: float = DEFAULT_STALL_SECONDS,
    step: int = 1,
) -> Generator[memoryview, None, None]:
    """Yield frames of a packed file, row by row; each lasts until the next but one is asked for.

    Args:
        descriptor: The file's; it is read by it, whatever has its name by then.
        layout: Of the frames.
        codec: What they were packed with.
        frames: How many there have to be.
        path: The file, for errors.
        check_stop: Called while ffmpeg is waited for; raises where the work should end. Default: nothing.
        stall_seconds: How long ffmpeg may give nothing. Default: 120.
        step: Which are wanted: frame 0, `step`, 2 * `step`, …; the last one comes as well. Default: all.

    Raises:
        EncodeError: ffmpeg does not decode it, or it has fewer or more frames, or of another size.
    """
    size = layout.width, layout.height
    count = len(range(0, frames - 1, step)) + 1
    # The last one, and what comes after it, also of those that are left out: they tell how many there are.
    chosen = ["-vf", f"select=not(mod(n\\,{step}))+gte(n\\,{frames - 1})"] if step > 1 else []
    command = [
        executable_path(),
        *("-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "pipe", "-format_whitelist", "matroska"),
        *("-codec_whitelist", DECODERS[codec], "-max_pixels", str((size[0] + 128) * (size[1] + 128))),
        *("-threads", DECODE_THREADS, "-err_detect", "explode", "-f", "matroska", "-c:v", DECODERS[codec]),
        *("-i", "pipe:0", "-map", "0:v:0", "-fps_mode", "passthrough", "-frames:v", str(count + 1)),
        *("-filter_threads", "1", *chosen, "-pix_fmt", layout.pixel_format, "-f", "rawvideo", "pipe:1"),
    ]
    frame_bytes = _frame_bytes(layout)
    # Not pass by name: a description of its own, so that its place in the file is nobody else's.
    with contextlib.ExitStack() as stack:
        source = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, source)
        stderr = stack.enter_context(scratch_file())
        try:
            child = start(
                command, stdin=source, stdout=subprocess.PIPE, stderr=stderr, bufsize=0, env=environment(), cwd="/"
            )
        except OSError as error:
            raise ProgramUnusableError(
                f"{command[0]}: ffmpeg cannot be started: {error.strerror}; {ANOTHER}"
            ) from error
        try:
            bound_memory(child.pid, most_memory(size[0] * size[1]))
            assert child.stdout is not None
            pipe = child.stdout.fileno()
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            os.set_blocking(pipe, False)
            reader = _Reader(pipe, path, check_stop, stall_seconds)
            # The one before may still be compared with.
            buffers = memoryview(bytearray(frame_bytes)), memoryview(bytearray(frame_bytes))
            for index in range(count):
                frame = buffers[index % 2]
                if (filled := reader.fill(frame)) < frame_bytes:
                    _check_end(child, stderr, path)
                    cut = " and a part of one" if filled else ""
                    seen = index if step == 1 else f"about {index * step}"
                    raise EncodeError(f"{path}: has {seen} frames{cut}, fewer than the {frames} that its record says")
                yield frame
            if reader.fill(buffers[count % 2][:1]):
                raise EncodeError(f"{path}: has more than the {frames} frames that its record says, or larger ones")
            _check_end(child, stderr, path)
        finally:
            kill(child)
            reap(child)
            if child.stdout is not None:
                child.stdout.close()


def _frame_bytes(layout: Layout) -> int:
    pixel = {"rgb24": 3, "gray": 1, "rgba": 4, "ya8": 2, "gray16be": 2, "rgb48be": 6, "rgba64be": 8}
    return layout.width * layout.height * pixel[layout.pixel_format]


class _Reader:
    """Reads what ffmpeg gives, as long as it gives something."""

    def __init__(self, pipe: int, path: str, check_stop: Callable[[], None], stall_seconds: float) -> None:
        self._pipe = pipe
        self._path = path
        self._check_stop = check_stop
        self._stall_seconds = stall_seconds
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def fill(self, into: memoryview) -> int:
        """Fill `into`; return how many bytes there were."""
        at = 0
        since = time.monotonic()
        while at < len(into):
            try:
                count = os.readv(self._pipe, [into[at:]])
            except BlockingIOError:
                self._check_stop()
                if not self._poll.poll(1000 * _TICK_SECONDS) and time.monotonic() - since > self._stall_seconds:
                    raise EncodeError(
                        f"{self._path}: ffmpeg gave no frame for {self._stall_seconds:g} s and was ended"
                    ) from None
                continue
            if count == 0:
                break
            at += count
            since = time.monotonic()
        return at


def _check_end(child: subprocess.Popen[bytes], stderr: IO[bytes], path: str) -> None:
    """Raise EncodeError where ffmpeg, whose output has ended, has failed."""
    status = reap(child)
    stderr.seek(0)
    text = " | ".join(stderr.read(_STDERR_KEPT).decode("utf-8", "replace").strip().split("\n"))
    if status in CANNOT_RUN:
        raise ProgramUnusableError(f"ffmpeg does not run here (exit status {status}): {text}; {ANOTHER}")
    if status or text:
        raise ProgramFailedError(f"{path}: ffmpeg does not decode it (exit status {status}): {text or 'no output'}")
