"""The pictures that a GIF of a clip shows, as they were before their colours were chosen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.frames.frame_source import FrameSource
from daddy_encode.encoding.gif.exact import Colours
from daddy_encode.encoding.gif.size import reduce, reduced_size
from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.gif.writer import changed_box
from daddy_encode.encoding.settings import GifSettings
from daddy_encode.spool.png.pixels import Pixels


class GifPictures:
    """The pictures that a GIF with certain settings shows of a clip.

    Attributes:
        begins: When each of them begins, in hundredths of a second.
        is_exact: Whether they have, in all, no more colours than a palette holds; known once all have been read.
    """

    def __init__(self, source: FrameSource, settings: GifSettings) -> None:
        """The pictures of `source`, whose frames nobody has read yet."""
        self._source = source
        self._settings = settings
        self._size = reduced_size((source.width, source.height), settings)
        self.begins = [0, *itertools.accumulate(delays(source.count, settings)[:-1])]
        self.is_exact = True

    def input(self) -> FrameInput:
        """The pictures, not yet enlarged. Raises what reading a frame raises."""
        return FrameInput(self._pictures(), *self._size, png_bytes=None)

    def _pictures(self) -> Iterator[memoryview]:
        shape = (self._source.height, self._source.width, 3)
        colours = Colours()
        before: Pixels | None = None
        for frame in self._source.frames(self._settings.step, as_pixels=True):
            picture = reduce(np.frombuffer(frame, np.uint8).reshape(shape), self._size)
            if self.is_exact:
                # Only what has changed can bring a colour.
                part = picture if before is None else picture[changed_box(before, picture).within]
                self.is_exact = colours.indices(part) is not None
                before = picture.copy()
            yield np.ascontiguousarray(picture).data.cast("B")
