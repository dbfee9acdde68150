"""The ffmpeg to use: found, and tried out in one short run that makes what will be asked of it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Collection

from daddy_encode.encoding.ffmpeg.children import run, scratch_file
from daddy_encode.encoding.ffmpeg.executable import ANOTHER, OLDEST, FfmpegExecutable, environment, executable_path
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import filled_pipe
from daddy_encode.encoding.gif.palette_filters import in_palette, palette_output
from daddy_encode.encoding.mp4.encode import mp4_output
from daddy_encode.encoding.png.parse import Header
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.encoding.settings import Mp4Settings, Settings, make_settings, plan
from daddy_encode.errors import ProgramUnusableError
from daddy_encode.spool.paths import Kind

BOTH: frozenset[Kind] = frozenset(("mp4", "gif"))
# Of the picture that it is tried out with: odd, so that every filter is needed.
SIDE = 3
FPS = "30"
# For one tiny picture, starting threads takes longer than all the work.
ONE_THREAD = ("-filter_threads", "1", "-filter_complex_threads", "1")
TIMEOUT_SECONDS = 60.0

_lock = threading.Lock()
_found: FfmpegExecutable | None = None
_proven: frozenset[Kind] = frozenset()


def find_ffmpeg(kinds: Collection[Kind] = ()) -> FfmpegExecutable:
    """The ffmpeg to use, which has shown in this process that it can make videos of all `kinds`.

    Args:
        kinds: What it will be asked for. Default: what it was asked for before, else both.

    Raises:
        ProgramUnusableError: There is none, it does not run, it is older than 5.1, or it cannot make such videos.
    """
    global _found, _proven
    with _lock:
        needed = _proven.union(kinds) or BOTH
        if _found is None or needed != _proven:
            _found, _proven = _try_out(executable_path(), needed), needed
        return _found


def kinds_asked_for(settings: Settings) -> frozenset[Kind]:
    """The kinds of video that jobs may become with these settings."""
    if settings.video is None or settings.video == "both":
        return BOTH
    return frozenset((settings.video,))


def forget_ffmpeg() -> None:
    """Have it found again: for tests, which use others."""
    global _found, _proven
    with _lock:
        _found, _proven = None, frozenset()


def _try_out(path: str, kinds: frozenset[Kind]) -> FfmpegExecutable:
    """Let ffmpeg make videos of one tiny picture, with the filters, codecs and formats of ours."""
    pixels = memoryview(bytes(3 * SIDE * SIDE))
    frame = bytes(StoredPng(Header(SIDE, SIDE)).fill_pixels(pixels))
    palette = bytes(StoredPng(Header(16, 16)).fill_pixels(memoryview(bytes(3 * 16 * 16))))
    with contextlib.ExitStack() as stack:
        made, printed, video = (stack.enter_context(scratch_file()) for _ in range(3))
        pipes = []
        for data in (bytes(pixels), palette, frame):
            pipes.append(filled_pipe(data))
            stack.callback(os.close, pipes[-1])
        names = {"{input0}": f"pipe:{pipes[1]}", "{output}": f"file:/proc/self/fd/{video.fileno()}"}
        try:
            status = run(
                # Without -hide_banner: the version is in it.
                [path, "-nostdin", "-y", "-xerror", "-nostats", *("-loglevel", "level+info"), *ONE_THREAD]
                + [names.get(argument, argument) for argument in _arguments(kinds, pipes, len(frame))],
                TIMEOUT_SECONDS,
                stdin=subprocess.DEVNULL,
                stdout=made,
                stderr=printed,
                env=environment(),
                pass_fds=(*pipes, video.fileno()),
            )
        except OSError as error:
            raise ProgramUnusableError(f"{path}: ffmpeg does not run: {error}; {ANOTHER}") from error
        if status is None:
            raise ProgramUnusableError(f"{path}: ffmpeg does not end within {TIMEOUT_SECONDS:g} s; {ANOTHER}")
        sizes = {"gif": os.fstat(made.fileno()).st_size, "mp4": os.fstat(video.fileno()).st_size}
        text = "\n".join(_text(stream.fileno()) for stream in (printed, made))
    found = _described(path, text, status)
    missing = [kind for kind in sorted(kinds, reverse=True) if not sizes[kind]]
    if status != 0 or missing:
        what = " and ".join(kind.upper() for kind in missing or sorted(kinds, reverse=True))
        raise ProgramUnusableError(
            f"{path}: ffmpeg {found.version} cannot make our {what} here ({_ended(status)}): {_reason(text)}; {ANOTHER}"
        )
    return found


def _arguments(kinds: frozenset[Kind], pipes: list[int], png_bytes: int) -> list[str]:
    inputs, outputs = [], []
    stream = "0:v:0"
    if "gif" in kinds:
        # Its one output has no name for ffmpeg to map, so it comes first; the others have an input of their own.
        inputs = _input(None, pipes[0])
        outputs = in_palette("bayer", 2)
        stream = "2:v:0"
    extra = _input(png_bytes, pipes[2])
    if "mp4" in kinds:
        settings = plan(make_settings(video="mp4", fps=FPS), None)["mp4"]
        assert isinstance(settings, Mp4Settings)
        outputs += mp4_output(SIDE, SIDE, settings, stream)
    if "gif" in kinds:
        # in_palette begins with its own input, which is the second one.
        at = outputs.index("-filter_complex")
        outputs = [*outputs[:at], *extra, *outputs[at:], *palette_output(2, stream)]
        return [*inputs, *outputs]
    return [*extra, *outputs]


def _input(png_bytes: int | None, pipe: int) -> list[str]:
    arguments = FrameInput([], SIDE, SIDE, png_bytes).arguments(FPS)
    return [f"pipe:{pipe}" if argument == "pipe:0" else argument for argument in arguments]


def _text(descriptor: int) -> str:
    return os.pread(descriptor, 2**16, 0).decode("utf-8", "replace")


def _described(path: str, text: str, status: int) -> FfmpegExecutable:
    """What the banner says; raises ProgramUnusableError where there is none, or the version is too old."""
    match = re.search(r"^(?:\[info\] )?ffmpeg version (\S+).*\n?(?:\[info\] )?(.*)", text, re.MULTILINE)
    if match is None:
        raise ProgramUnusableError(
            f"{path}: not an ffmpeg that runs here ({_ended(status)}): {_reason(text)}; {ANOTHER}"
        )
    version = match[1]
    # "n9.0.2-17-g2a571b6", "7.0.2-static", "5.1.6-0+deb12u1"; a git snapshot ("N-12345-g…") has no number to compare.
    number = re.match(r"n?(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < OLDEST:
        raise ProgramUnusableError(
            f"{path}: ffmpeg {version} is too old, {OLDEST[0]}.{OLDEST[1]} is needed; "
            "unset IMAGEIO_FFMPEG_EXE to use imageio-ffmpeg's own"
        )
    return FfmpegExecutable(path, version, match[2].strip())


def _ended(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def _reason(text: str) -> str:
    """The errors in what was printed, else the end of it."""
    lines = [line for line in text.strip().splitlines() if "[info]" not in line]
    return " | ".join(lines)[-300:] or "no output"
