"""A GIF of a clip with more colours than a palette holds: ffmpeg's palette of the whole clip, then its pictures in it.

Two passes, since ffmpeg's one-pass `split` keeps every frame in memory until the palette is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from daddy_encode.encode.ffmpeg.executable import Program
from daddy_encode.encode.ffmpeg.process import Watch, run_ffmpeg
from daddy_encode.encode.frames.source import FrameSource
from daddy_encode.encode.gif.encode import delays
from daddy_encode.encode.gif.size import reduce, reduced_size
from daddy_encode.encode.gif.writer import Box, GifWriter, Mask, Pixels, changed_box
from daddy_encode.encode.mp4.encode import input_arguments
from daddy_encode.encode.option_values import Dither
from daddy_encode.encode.settings import GifSettings

# ffmpeg appends the palette to each pal8 picture: 256 words 0xAARRGGBB in the machine's byte order.
PALETTE_BYTES = 1024
# The weakest of ffmpeg's Bayer patterns: the coarser ones cost up to 16 dB and half the file again.
DITHERS: dict[Dither, str] = {"none": "none", "bayer": "bayer:bayer_scale=5", "sierra2_4a": "sierra2_4a"}


def palette_output(step: int) -> list[str]:
    """ffmpeg's arguments for one output: the palette of every `step`-th picture of its input, as a PNG, at its
    standard output."""
    taken = f"select=not(mod(n\\,{step}))," if step > 1 else ""
    return [
        *("-map", "0:v:0", "-fps_mode", "passthrough"),
        # No entry is kept for transparency: a picture uses an index that it does not draw.
        *("-vf", f"{taken}palettegen=reserve_transparent=0:stats_mode=full"),
        *("-c:v", "png", "-f", "image2pipe", "pipe:1"),
    ]


def write_in_palette(
    program: Program, source: FrameSource, settings: GifSettings, palette: bytes, target: Path, watch: Watch
) -> None:
    """Write the GIF of `source` in the colours of `palette`, a PNG, to `target`.

    Raises EncodeError, Interrupted, SpoolError, and what `source` raises.
    """
    # A dither pattern is made of final pixels; without one, to enlarge the indices gives the same with less work.
    before, after = (settings.scale, 1) if settings.dither != "none" else (1, settings.scale)
    feed = _Feed(source, settings, before)
    enlarge = f"scale=iw*{before}:ih*{before}:flags=neighbor," if before > 1 else ""
    with GifWriter(target.parent, *feed.size, after, delays(source.count, settings)) as writer:
        pictures = _Pictures(writer, feed)
        run_ffmpeg(
            program,
            [
                *feed.arguments(),
                *("-protocol_whitelist", "pipe", "-format_whitelist", "png_pipe", "-codec_whitelist", "png"),
                *("-f", "png_pipe", "-i", "{input0}"),
                "-filter_complex",
                f"[0:v:0]{enlarge}null[v];[v][1:v:0]paletteuse=dither={DITHERS[settings.dither]}:diff_mode=rectangle",
                *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "pal8", "pipe:1"),
            ],
            feed.frames(),
            folder=target.parent,
            watch=watch,
            pixels=feed.size[0] * feed.size[1],
            inputs=[palette],
            sink=pictures.take,
        )
        writer.finish(target, pictures.palette, settings.loop)


class _Feed:
    """The pictures as ffmpeg is given them, and what changes from each to the next.

    `size`: (width, height) of the pictures that come back, `scale` times as large as they go in.
    """

    def __init__(self, source: FrameSource, settings: GifSettings, scale: int) -> None:
        self._source = source
        self._settings = settings
        self._scale = scale
        self._small = reduced_size((source.width, source.height), settings)
        self.size = (self._small[0] * scale, self._small[1] * scale)
        # Error diffusion carries what moves into what does not; the other ways look at one pixel and its place.
        self._stills = settings.dither == "sierra2_4a"
        self._changed: deque[Mask] = deque()

    def arguments(self) -> list[str]:
        """ffmpeg's options for its standard input."""
        if self._stills or self._small != (self._source.width, self._source.height):
            # ffmpeg gets pixels, since we need them ourselves.
            self._source.raw = True
        return input_arguments(self._source, self._settings.fps, self._small)

    def frames(self) -> Iterator[bytes | memoryview]:
        """What is written to ffmpeg's standard input."""
        shape = (self._source.height, self._source.width, 3)
        previous: Pixels | None = None
        for frame in self._source.frames(self._settings.step):
            if not self._source.raw:
                yield frame
                continue
            picture = reduce(np.frombuffer(frame, np.uint8).reshape(shape), self._small)
            if self._stills:
                if previous is not None:
                    self._changed.append((picture != previous).any(axis=2))
                previous = picture.copy()
            yield np.ascontiguousarray(picture).data.cast("B")

    def changed(self, old: Pixels, new: Pixels) -> Pixels:
        """`new`, a picture that came back, with `old` where the source did not change between the two."""
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
        self._buffer = np.empty(width * height + PALETTE_BYTES, np.uint8)
        self._filled = 0
        self._previous: Pixels | None = None
        self.palette = np.zeros((0, 3), np.uint8)

    def take(self, data: bytes) -> None:
        """Take what ffmpeg wrote, in parts of any size."""
        rest = np.frombuffer(data, np.uint8)
        while rest.size:
            part = rest[: self._buffer.size - self._filled]
            self._buffer[self._filled : self._filled + part.size] = part
            self._filled += part.size
            rest = rest[part.size :]
            if self._filled == self._buffer.size:
                self._filled = 0
                self._picture(self._buffer[:-PALETTE_BYTES].reshape(self._shape).copy())

    def _picture(self, indices: Pixels) -> None:
        if self._previous is None:
            height, width = self._shape
            words = self._buffer[-PALETTE_BYTES:].copy().view(np.uint32)
            self.palette = np.stack([words >> 16, words >> 8, words], axis=1).astype(np.uint8)
            self._writer.add(Box(0, height, 0, width), indices, None)
        else:
            indices = self._feed.changed(self._previous, indices)
            box = changed_box(self._previous, indices)
            self._writer.add(box, indices[box.within], indices[box.within] != self._previous[box.within])
        self._previous = indices
