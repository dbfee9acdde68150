"""Frames from memory, as `source` has those of a directory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from daddy_encode.encoding.frames.pictures import FAINT, alpha_of
from daddy_encode.encoding.png.decode import to_rgb
from daddy_encode.spool.png.pixels import Pixels


class ArraySource:
    """Arrays in memory, which can be read once, as pixels."""

    png_bytes = None

    def __init__(self, frames: Iterable[Pixels]) -> None:
        """Take `frames`, checked, at least one, all of one shape (H, W), (H, W, 3) or (H, W, 4)."""
        iterator = iter(frames)
        self._first = next(iterator)
        self.height, self.width = self._first.shape[:2]
        self._frames = itertools.chain([self._first], iterator)
        self.count = self.most_opaque = 0

    def first(self) -> Pixels:
        """See FrameSource."""
        return to_rgb(self._first)

    def frames(self, step: int = 1, *, as_pixels: bool) -> Iterator[bytes | memoryview]:
        """See FrameSource."""
        assert as_pixels
        for index, frame in enumerate(self._frames):
            self.count += 1
            if self.most_opaque <= FAINT:
                self.most_opaque = max(self.most_opaque, alpha_of(frame))
            if index % step == 0:
                yield to_rgb(frame).data.cast("B")

    def yuv_frames(self, *, are_pixels: bool = False) -> None:
        """See FrameSource. What changes from frame to frame is not known before they have come."""

    def stored_input(self, step: int = 1) -> None:
        """See FrameSource. They are in no file."""

    def check_stored(self) -> None:
        """See FrameSource."""
