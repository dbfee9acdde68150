"""Frames in memory straight into an MP4, and a checked directory into one GIF: for `save_mp4` and `save_gif`."""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.arrays import ArraySource
from daddy_encode.encoding.frames.frame_source import FrameSource
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.pictures import FAINT
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.output import Target, faults, make_outputs
from daddy_encode.encoding.settings import MAX_GIF_FPS, GifSettings, Plan, make_settings, plan
from daddy_encode.errors import EncodeError
from daddy_encode.spool.frames import frame_sequence
from daddy_encode.spool.orphans import remove_dead
from daddy_encode.spool.paths import absolute
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.publish import publish, temp_file
from daddy_encode.spool.rate import format_fps, parse_fps
from daddy_encode.spool.receipt import OutputRecord


def array_to_mp4(frames: Iterable[Pixels], path: Path, fps: object) -> OutputRecord:
    """Encode `frames`, checked and at least one, at `fps` into `path`; see `daddy_encode.save_mp4`."""
    return _make(ArraySource(frames), plan(make_settings(video="mp4", fps=format_fps(parse_fps(fps))), None), path)


def directory_to_gif(directory: Path, path: Path, fps: object) -> OutputRecord:
    """Encode the frames in `directory` at `fps` into the GIF `path`; see `daddy_encode.save_gif`."""
    rate = parse_fps(fps)
    wanted = plan(make_settings(video="gif", fps=format_fps(rate), gif_fps=format_fps(min(rate, MAX_GIF_FPS))), None)
    gif = wanted["gif"]
    assert isinstance(gif, GifSettings)
    if gif.step > 1:
        warnings.warn(
            f"a GIF plays at most {MAX_GIF_FPS} frames per second: {path} keeps the speed of {format_fps(rate)} fps "
            f"and shows one frame of every {gif.step}",
            UserWarning,
            stacklevel=3,
        )
    names = frame_sequence(os.listdir(directory), str(directory)).names
    with JobDirectory(directory) as opened:
        return _make(DirectorySource(opened, names), wanted, path)


def _make(source: FrameSource, wanted: Plan, path: Path) -> OutputRecord:
    """Make the one video of `wanted` at `path`; return what is to be said of it."""
    final = absolute(path)
    (kind,) = wanted
    if fault := faults(source, wanted).get(kind):
        # What follows names options, which a function has not.
        raise EncodeError(f"{path}: not made: {fault.partition('; ')[0]}; give smaller frames")
    _remove_dead(final.parent)
    with temp_file(final.parent) as temp:
        (record,) = make_outputs(
            FfmpegExecutable(), source, wanted, {kind: Target(temp, final)}, RunLimits(threading.Event())
        )
        publish(temp, final)
    if source.most_opaque <= FAINT:
        warnings.warn(
            f"{path}: all but transparent: the alpha of its frames is at most {source.most_opaque} of 255, so little "
            "but black is seen; leave alpha out to show their colours",
            UserWarning,
            stacklevel=4,
        )
    return record


@functools.cache
def _remove_dead(directory: Path) -> None:
    """Remove what killed processes have left in `directory`: looked for once, however many videos go there."""
    remove_dead(directory)
