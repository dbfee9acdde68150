"""Frames in memory straight into an MP4, and a checked directory into one file: for `save_mp4` and `save_gif`."""

from __future__ import annotations

import itertools
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.encode.ffmpeg.process import Watch
from daddy_encode.encode.frames.job_directory import JobFolder
from daddy_encode.encode.frames.source import DirectorySource, FrameSource
from daddy_encode.encode.gif.encode import first_pass
from daddy_encode.encode.output import make_output
from daddy_encode.encode.png.decode import to_rgb
from daddy_encode.encode.settings import MAX_GIF_FPS, GifSettings, Mp4Settings, make_settings, plan
from daddy_encode.spool.frames import frame_row
from daddy_encode.spool.paths import absolute
from daddy_encode.spool.publish import publish, temp_file
from daddy_encode.spool.rate import format_fps, parse_fps

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frame = npt.NDArray[np.uint8]


class ArraySource:
    """Arrays, all of one shape and checked, at least one, that can be gone through once."""

    raw = True

    def __init__(self, frames: Iterable[Frame]) -> None:
        iterator = iter(frames)
        self._first = next(iterator)
        self.height, self.width = self._first.shape[:2]
        self._frames = itertools.chain([self._first], iterator)
        self.count = 0
        self.item_bytes = self.height * self.width * 3

    def first(self) -> Frame:
        """See FrameSource."""
        return to_rgb(self._first)

    def frames(self, step: int = 1) -> Iterator[bytes | memoryview]:
        """See FrameSource."""
        for index, frame in enumerate(self._frames):
            self.count += 1
            if index % step == 0:
                yield to_rgb(frame).data.cast("B")


def array_to_mp4(frames: Iterable[Frame], path: Path, fps: object) -> Path:
    """Encode `frames`, checked and at least one, at `fps` into `path`; see `daddy_encode.save_mp4`."""
    settings = plan(make_settings(video="mp4", fps=format_fps(parse_fps(fps))), None)["mp4"]
    source = ArraySource(frames)
    return _make(source, settings, path)


def directory_to_gif(directory: Path, path: Path, fps: object) -> Path:
    """Encode the frames in `directory` at `fps` into the GIF `path`; see `daddy_encode.save_gif`."""
    rate = parse_fps(fps)
    settings = plan(make_settings(video="gif", fps=format_fps(rate), gif_fps=format_fps(min(rate, MAX_GIF_FPS))), None)
    gif = settings["gif"]
    assert isinstance(gif, GifSettings)
    if gif.step > 1:
        warnings.warn(
            f"a GIF plays at most {MAX_GIF_FPS} frames per second: {path} keeps the speed of {format_fps(rate)} fps "
            f"and shows every {gif.step}. frame",
            UserWarning,
            stacklevel=3,
        )
    row = frame_row(os.listdir(directory), str(directory))
    with JobFolder(directory) as folder:
        return _make(DirectorySource(folder, row.names), gif, path)


def _make(source: FrameSource, settings: Mp4Settings | GifSettings, path: Path) -> Path:
    target = absolute(path)
    with temp_file(target.parent) as temp, first_pass(source, settings, target.parent) as first:
        make_output(source, settings, temp, target, Watch(threading.Event()), first=first)
        publish(temp, target)
    return path
