"""A GIF of a clip with more colours than a palette holds: ffmpeg's palette of the whole clip, then its pictures in it.

Two passes, since ffmpeg's one-pass `split` keeps every frame in memory until the palette is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from daddy_encode.encoding.ffmpeg.cut import Cutter
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.frames.frame_source import FrameSource, frame_input
from daddy_encode.encoding.gif.palette_filters import in_palette
from daddy_encode.encoding.gif.size import reduce, reduced_size
from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.gif.writer import Box, GifWriter, Mask, changed_box
from daddy_encode.encoding.settings import GifSettings
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.png.pixels import Pixels

# ffmpeg appends the palette to each pal8 picture: 256 words 0xAARRGGBB in the machine's byte order.
PALETTE_BYTES = 1024


def write_in_palette(
    ffmpeg: FfmpegExecutable,
    source: FrameSource,
    settings: GifSettings,
    palette: bytes,
    target: HeldFile,
    limits: RunLimits,
) -> None:
    """Write a GIF in the colours of a palette.

    Args:
        ffmpeg: The executable.
        source: The frames.
        settings: All that decides the GIF's bytes.
        palette: A PNG with the colours.
        target: The file, which is replaced.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed.
        Interrupted: `limits.stop` was set.
        SpoolError: The file cannot be written.
        DaddyEncodeError: Whatever `source` raises.
    """
    # A dither pattern is made of final pixels; without one, to enlarge the indices gives the same with less work.
    before, after = (settings.scale, 1) if settings.dither != "none" else (1, settings.scale)
    feed = _Feed(source, settings, before)
    with GifWriter(target, *feed.size, after, delays(source.count, settings)) as writer:
        pictures = _Pictures(writer, feed)
        frames = feed.input()
        run_ffmpeg(
            ffmpeg,
            [*frames.arguments(settings.fps), *in_palette(settings.dither, before, frames.filters(settings.fps))],
            frames.frames,
            directory=target.path.parent,
            limits=limits,
            pixels=feed.size[0] * feed.size[1],
            inputs=[palette],
            sink=pictures.take,
        )
        writer.finish(pictures.palette, settings.loop)


class _Feed:
    """The pictures as ffmpeg is given them, and what changes from each to the next."""

    def __init__(self, source: FrameSource, settings: GifSettings, scale: int) -> None:
        """`scale`: how many times as large the pictures come back, at `size`, as they go in."""
        self._source = source
        self._settings = settings
        self._scale = scale
        self._small = reduced_size((source.width, source.height), settings)
        self.size = (self._small[0] * scale, self._small[1] * scale)
        # Error diffusion carries what moves into what does not; the other dithers depend on one pixel and its place.
        self._stills = settings.dither == "sierra2_4a"
        self._changed: deque[Mask] = deque()

    def input(self) -> FrameInput:
        """The shown frames at the size at which ffmpeg gets them."""
        if not self._stills and self._small == (self._source.width, self._source.height):
            return frame_input(self._source, self._settings.step, may_be_stored=True)
        frames = self._source.frames(self._settings.step, as_pixels=True)
        return FrameInput(self._reduced(frames), *self._small, png_bytes=None)

    def _reduced(self, frames: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
        shape = (self._source.height, self._source.width, 3)
        previous: Pixels | None = None
        for frame in frames:
            picture = reduce(np.frombuffer(frame, np.uint8).reshape(shape), self._small)
            if self._stills:
                if previous is not None:
                    self._changed.append((picture != previous).any(axis=2))
                previous = picture.copy()
            yield np.ascontiguousarray(picture).data.cast("B")

    def changed(self, old: Pixels, new: Pixels) -> Pixels:
        """`new`, a picture that came back, with the pixels of `old` where the source did not change between the two."""
        if not self._stills:
            return new
        mask = self._changed.popleft()
        return np.where(mask.repeat(self._scale, axis=0).repeat(self._scale, axis=1), new, old)


class _Pictures:
    """What comes back from ffmpeg, cut into pictures and handed to `writer`."""

    def __init__(self, writer: GifWriter, feed: _Feed) -> None:
        self._writer = writer
        self._feed = feed
        width, height = feed.size
        self._shape = (height, width)
        self.take = Cutter(width * height + PALETTE_BYTES, self._picture).take
        self._previous: Pixels | None = None
        self.palette = np.zeros((0, 3), np.uint8)

    def _picture(self, data: Pixels) -> None:
        indices = data[:-PALETTE_BYTES].reshape(self._shape).copy()
        if self._previous is None:
            height, width = self._shape
            words = data[-PALETTE_BYTES:].copy().view(np.uint32)
            self.palette = np.stack([words >> 16, words >> 8, words], axis=1).astype(np.uint8)
            self._writer.add(Box(0, height, 0, width), indices, None)
        else:
            indices = self._feed.changed(self._previous, indices)
            box = changed_box(self._previous, indices)
            self._writer.add(box, indices[box.within], indices[box.within] != self._previous[box.within])
        self._previous = indices
