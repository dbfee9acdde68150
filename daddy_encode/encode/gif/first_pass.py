"""What has to be known of a whole clip before its GIF can be written, found in one pass, alone or beside an MP4's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from daddy_encode.encode.ffmpeg.executable import Program
from daddy_encode.encode.ffmpeg.process import Watch, run_ffmpeg
from daddy_encode.encode.frames.source import FrameSource
from daddy_encode.encode.gif.encode import delays
from daddy_encode.encode.gif.exact import ExactGif, few_colours
from daddy_encode.encode.gif.palette import palette_output
from daddy_encode.encode.gif.size import reduce, reduced_size
from daddy_encode.encode.gif.writer import GifWriter
from daddy_encode.encode.mp4.encode import input_arguments
from daddy_encode.encode.settings import GifSettings
from daddy_encode.errors import Interrupted


class FirstPass:
    """The pass over a clip's frames that finds its colours, or a palette for them.

    `exact`: the GIF itself, when the pass is over, if the clip has at most 256 colours; None from the first picture
    that passes them. `palette`: a PNG of 16x16 pixels that ffmpeg made of the whole clip, if it was asked to.

    While `exact` stands, `source` yields pixels, decoded once for both outputs: see `FrameSource.raw`.
    """

    def __init__(self, source: FrameSource, settings: GifSettings, folder: Path) -> None:
        """`folder`: where the temporary file is. Raises EncodeError for a size no GIF can have, and what `source`
        raises for its first frame."""
        self._source = source
        self._settings = settings
        self._folder = folder
        self._raw = source.raw
        self._size = reduced_size((source.width, source.height), settings)
        self._writer = GifWriter(folder, *self._size, settings.scale, delays(source.count, settings))
        self._complete = False
        self.exact: ExactGif | None = None
        self.palette = b""
        if few_colours(reduce(source.first(), self._size)):
            self.exact = ExactGif(self._writer)
            source.raw = True

    def __enter__(self) -> FirstPass:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    @property
    def made(self) -> bool:
        """Whether the pass has been made, and its one result is there."""
        return self._complete or bool(self.palette)

    def make(self, program: Program, watch: Watch) -> None:
        """Make the pass by itself. Raises EncodeError, Interrupted, SpoolError, and what `source` raises."""
        if self.exact is not None:
            for _ in self._seen(self._source.frames(self._settings.step), 1):
                if watch.stop.is_set():
                    raise Interrupted("stopped while encoding; nothing was written, run again")
                if self.exact is None:
                    break
        if self.exact is None:
            # Only now, and not in the middle of a pass that another output shares.
            self._source.raw = self._raw
            arguments = [*input_arguments(self._source, self._settings.fps), *palette_output(1)]
            frames = self._source.frames(self._settings.step)
            pixels = self._source.width * self._source.height
            self.palette = run_ffmpeg(program, arguments, frames, folder=self._folder, watch=watch, pixels=pixels)

    def output_beside(self) -> list[str]:
        """ffmpeg's arguments for an output beside another's: the palette, at its standard output, if one is needed."""
        return [] if self.exact is not None else palette_output(self._settings.step)

    def listen(self, frames: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        """Make the pass along with another: yield `frames`, all frames of the source, as they are."""
        return self._seen(frames, self._settings.step)

    def _seen(self, frames: Iterable[bytes | memoryview], step: int) -> Iterator[bytes | memoryview]:
        shape = (self._source.height, self._source.width, 3)
        for index, frame in enumerate(frames):
            if self.exact is not None and index % step == 0:
                picture = reduce(np.frombuffer(frame, np.uint8).reshape(shape), self._size)
                if not self.exact.add(picture):
                    self.exact = None
            yield frame
        self._complete = self.exact is not None
