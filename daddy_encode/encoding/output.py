"""Frames into verified files: temporary ones, encoded, read back, described."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.frame_source import FrameSource, frame_input
from daddy_encode.encoding.gif.encode import encode_gif, first_pass
from daddy_encode.encoding.gif.size import gif_fault, reduction
from daddy_encode.encoding.gif.timing import shown_rate
from daddy_encode.encoding.mp4.encode import encode_mp4, mp4_fault
from daddy_encode.encoding.probe import check_ffmpeg, note_success
from daddy_encode.encoding.settings import GifSettings, Mp4Settings, Plan
from daddy_encode.encoding.verify import verify_gif, verify_mp4, verify_optimized_gif
from daddy_encode.errors import EncodeError, ProgramFailedError, ProgramUnusableError, TransientError, one_line
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.publish import mount_point, reported
from daddy_encode.spool.rate import format_fps, fps_in_json
from daddy_encode.spool.receipt import OutputRecord
from daddy_encode.spool.transient import named_full, names_transient

if TYPE_CHECKING:
    from daddy_encode.encoding.gif.first_pass import FirstPass


class Target(Struct, frozen=True):
    """Where one video goes.

    Attributes:
        temp: A file of `temp_file`, empty yet.
        final: The name it will have.
    """

    temp: HeldFile
    final: Path


def faults(source: FrameSource, wanted: Plan) -> dict[Kind, str]:
    """Why some of the videos cannot be made of frames of this size, and what to do."""
    size = (source.width, source.height)
    found: dict[Kind, str] = {}
    for kind, settings in wanted.items():
        fault = mp4_fault(*size, settings.scale) if isinstance(settings, Mp4Settings) else gif_fault(size, settings)
        if fault:
            found[kind] = fault
    return found


def make_outputs(
    ffmpeg: FfmpegExecutable,
    source: FrameSource,
    plan: Plan,
    targets: Mapping[Kind, Target],
    limits: RunLimits,
    *,
    both: bool = False,
    on_passes: Callable[[int], None] = lambda count: None,
) -> list[OutputRecord]:
    """Encode all frames of `source` into temporary files, and verify them; the caller publishes or removes them.

    One pass over the frames serves the MP4 and, with it, the GIF's colours; a GIF in a palette takes one more.

    Args:
        ffmpeg: The executable.
        source: Frames that nobody has read yet.
        plan: The videos to make, the MP4 first.
        targets: Where each of them goes.
        limits: When to give up.
        both: Whether MP4 and GIF were asked for, even where one of them is there already. Default: no.
        on_passes: Called with how many times the frames will be read, before they are.

    Returns:
        The record that each video has once it has its final name.

    Raises:
        FfmpegUnusableError: It cannot make such videos of any frames.
        EncodeError: ffmpeg failed, or wrote something other than what was asked for, or frames are too large.
        Interrupted: `limits.stop` was set.
        SpoolError: A file cannot be written.
        DaddyEncodeError: Whatever `source` raises.
    """
    if wrong := faults(source, plan):
        raise not_made({targets[kind].final: fault for kind, fault in wrong.items()})
    records = []
    with contextlib.ExitStack() as stack:
        gif_settings = plan.get("gif")
        first: FirstPass | None = None
        if isinstance(gif_settings, GifSettings):
            first = stack.enter_context(first_pass(source, gif_settings, targets["gif"].temp))
        on_passes(2 if first is not None and first.exact is None else 1)
        shared_seconds = 0.0
        for kind, settings in plan.items():
            begin = time.monotonic()
            with _failures_of(targets[kind], ffmpeg, plan.keys()):
                try:
                    video = _make(ffmpeg, source, settings, targets[kind], limits, first)
                except EncodeError:
                    source.check_stored()
                    raise
                if ffmpeg.has_run:
                    note_success(ffmpeg, kind)
            seconds = time.monotonic() - begin + shared_seconds
            records.append(_record(targets[kind], kind, both, settings, video, seconds))
            if first is not None and first.made:
                shared_seconds = records[-1].encode_seconds
    return records


def not_made(wrong: Mapping[Path, str]) -> EncodeError:
    """The error that says why there is no video at these paths."""
    return EncodeError("; ".join(f"{path}: not made: {fault}" for path, fault in wrong.items()))


class _Video(Struct, frozen=True):
    """What a verified file shows: pictures, frames per second, pixels, and what a viewer should know of it."""

    frames: int
    fps: str
    size: tuple[int, int]
    notes: list[str]


def _make(
    ffmpeg: FfmpegExecutable,
    source: FrameSource,
    settings: Mp4Settings | GifSettings,
    target: Target,
    limits: RunLimits,
    first: FirstPass | None,
) -> _Video:
    size, temp = (source.width, source.height), target.temp
    if isinstance(settings, Mp4Settings):
        if first is None:
            frames = frame_input(source, may_be_yuv=settings.scale == 1, may_be_stored=True)
            encode_mp4(ffmpeg, frames, settings, temp, limits)
        else:
            # The GIF's first pass is made along with this one.
            frames = first.shared_input(may_be_yuv=settings.scale == 1)
            extra, sink = first.extra_output(frames), first.sink(frames)
            first.palette = encode_mp4(ffmpeg, frames, settings, temp, limits, extra, sink)
        with reported(target.final, "read back"):
            made = verify_mp4(temp, source.count, size, settings)
        return _Video(source.count, settings.fps, made, [_padding(size, made, settings.scale)])
    assert first is not None
    encode_gif(ffmpeg, source, settings, temp, limits, first)
    with reported(target.final, "read back"):
        made = verify_gif(temp, source.count, size, settings)
    shown = -(-source.count // settings.step)
    notes = [reduction(size, settings)]
    if settings.optimize:
        from daddy_encode.encoding.gif.gifsicle import optimize_gif

        notes.append(optimize_gif(temp, limits))
        with reported(target.final, "read back"):
            shown = verify_optimized_gif(temp, source.count, size, settings)
    return _Video(shown, format_fps(shown_rate(settings)), made, notes)


@contextlib.contextmanager
def _failures_of(target: Target, ffmpeg: FfmpegExecutable, kinds: Collection[Kind]) -> Iterator[None]:
    """Say of an EncodeError which file was not made; what the system did to a program, or a full disk, may pass.

    First ffmpeg has to show that it can make such `kinds` of video at all.
    """
    try:
        yield
    except EncodeError as error:
        if ffmpeg.has_run:
            check_ffmpeg(kinds)
        if isinstance(error, ProgramUnusableError):
            raise
        if (full := named_full(str(error))) is not None:
            place = target.temp.path.parent
            option = "--output-dir" if place == target.final.parent else "--tmp-dir"
            # That is all that helps of what ffmpeg says.
            raise TransientError(
                f"{target.final}: not made, the file system {mount_point(place)} is full ({full}): free space, or name "
                f"another directory with {option}, then run again"
            ) from error
        if names_transient(str(error)):
            raise TransientError(f"{target.final}: not made: {error}; run again") from error
        # Every frame was checked before it went to ffmpeg, so nothing here is surely the job's fault.
        raise ProgramFailedError(f"{target.final}: not made: {error}") from error


def _record(
    target: Target, kind: Kind, both: bool, settings: Mp4Settings | GifSettings, video: _Video, seconds: float
) -> OutputRecord:
    with reported(target.final, "read back"):
        length, digest = target.temp.size(), target.temp.sha256()
    return OutputRecord(
        path=one_line(target.final.name),
        type="Both" if both else kind.upper(),
        format=kind,
        frames=video.frames,
        fps=fps_in_json(video.fps),
        encode_seconds=round(seconds, 3),
        bytes=length,
        sha256=digest,
        width=video.size[0],
        height=video.size[1],
        settings=msgspec.to_builtins(settings),
        warnings=[note for note in video.notes if note],
    )


def _padding(size: tuple[int, int], made: tuple[int, int], scale: int) -> str:
    """What a viewer of an MP4 of the size `made` should know; empty where nothing was padded."""
    plain = (size[0] * scale, size[1] * scale)
    if made == plain:
        return ""
    return "padded from {}x{} to {}x{} by repeating the edge: 4:2:0 needs even sizes".format(*plain, *made)
