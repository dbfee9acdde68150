"""Whether ffmpeg can make our videos on this machine: a job that succeeds shows it, else one short run on purpose."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Collection

from daddy_encode.encoding.ffmpeg.children import run, scratch_file
from daddy_encode.encoding.ffmpeg.executable import ANOTHER, FfmpegExecutable, environment
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import filled_pipe
from daddy_encode.encoding.gif.palette_filters import in_palette, palette_output
from daddy_encode.encoding.mp4.encode import mp4_output
from daddy_encode.encoding.png.parse import Header
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.encoding.settings import Mp4Settings, Settings, make_settings, plan
from daddy_encode.errors import FfmpegUnusableError, ProgramUnusableError
from daddy_encode.spool.paths import Kind

BOTH: frozenset[Kind] = frozenset(("mp4", "gif"))
# Of the picture that it is tried out with: odd, so that every filter is needed.
SIDE = 3
FPS = "30"
# For one tiny picture, starting threads takes longer than all the work.
ONE_THREAD = ("-filter_threads", "1", "-filter_complex_threads", "1")
TIMEOUT_SECONDS = 60.0

_lock = threading.Lock()
# The kinds of video that it has made in this process, and what it has said of itself.
_proven: frozenset[Kind] = frozenset()
_known = FfmpegExecutable()


def check_ffmpeg(kinds: Collection[Kind]) -> FfmpegExecutable:
    """Have ffmpeg show that it can make videos of these kinds, unless it has made such videos in this process.

    Before the first job where nothing should begin without it, else when a job has failed: was it the job's fault?

    Raises:
        FfmpegUnusableError: There is none, it does not run, it is older than 5.1, or it cannot make such videos.
    """
    with _lock:
        if not _proven.issuperset(kinds):
            note_success(_try_out(frozenset(kinds)), *kinds)
        return _known


def note_success(ffmpeg: FfmpegExecutable, *kinds: Kind) -> None:
    """Remember that ffmpeg has made videos of these kinds.

    Raises:
        ProgramUnusableError: It has not said which version it is.
    """
    global _known, _proven
    if not ffmpeg.version:
        raise ProgramUnusableError(f"{ffmpeg.path}: ffmpeg does not print its version; {ANOTHER}")
    _known, _proven = ffmpeg, _proven.union(kinds)


def known_ffmpeg() -> FfmpegExecutable:
    """The one that has last made a video in this process; one without a version where none has."""
    return _known


def kinds_asked_for(settings: Settings) -> frozenset[Kind]:
    """The kinds of video that jobs may become with these settings."""
    if settings.video is None or settings.video == "both":
        return BOTH
    return frozenset((settings.video,))


def forget_ffmpeg() -> None:
    """Have it found again: for tests, which use others."""
    global _known, _proven
    _known, _proven = FfmpegExecutable(), frozenset()


def _try_out(kinds: frozenset[Kind]) -> FfmpegExecutable:
    """Let ffmpeg make videos of one tiny picture, with the filters, codecs and formats of ours."""
    ffmpeg = FfmpegExecutable()
    path = ffmpeg.path
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
            raise FfmpegUnusableError(f"{path}: ffmpeg does not run: {error}; {ANOTHER}") from error
        if status is None:
            raise FfmpegUnusableError(f"{path}: ffmpeg does not end within {TIMEOUT_SECONDS:g} s; {ANOTHER}")
        sizes = {"gif": os.fstat(made.fileno()).st_size, "mp4": os.fstat(video.fileno()).st_size}
        text = "\n".join(_text(stream.fileno()) for stream in (printed, made))
    ffmpeg.read_banner(text)
    if not ffmpeg.version and status == 0 and all(sizes[kind] for kind in kinds):
        raise FfmpegUnusableError(f"{path}: ffmpeg does not print its version, as with -hide_banner; {ANOTHER}")
    if not ffmpeg.version:
        raise FfmpegUnusableError(
            f"{path}: not an ffmpeg that runs here ({_ended(status)}): {_reason(text)}; {ANOTHER}"
        )
    missing = [kind for kind in sorted(kinds, reverse=True) if not sizes[kind]]
    if status != 0 or missing:
        what = " and ".join(kind.upper() for kind in missing or sorted(kinds, reverse=True))
        raise FfmpegUnusableError(
            f"{path}: ffmpeg {ffmpeg.version} cannot make our {what} here ({_ended(status)}): {_reason(text)}; "
            f"{ANOTHER}"
        )
    return ffmpeg


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


def _ended(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def _reason(text: str) -> str:
    """The errors in what was printed, else the end of it; a video among it is left out."""
    lines = [line for line in text.strip().splitlines() if line.isprintable() and "[info]" not in line]
    return " | ".join(lines)[-300:] or "no output"
