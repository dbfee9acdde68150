"""How a frame lies in memory: enough to lay another one out alike, or to find its bytes."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from mmap import mmap

import numpy as np

from daddy_encode.dump.frames import Frame


@dataclass(frozen=True)
class Layout:
    """Shape (H, W) or (H, W, C), and strides in bytes, of uint8 pixels that fill one stretch of memory.

    Renderers hand out transposed and flipped views: laid out as those, a copy is one sweep through memory.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @functools.cached_property
    def size(self) -> int:
        """Bytes of that stretch."""
        return math.prod(self.shape)

    @functools.cached_property
    def before(self) -> int:
        """Bytes of it that lie before the first pixel: some, where an axis runs backwards."""
        return sum(-stride * (count - 1) for stride, count in zip(self.strides, self.shape, strict=True) if stride < 0)

    def view(self, buffer: mmap | bytearray, offset: int = 0) -> Frame:
        """The pixels in `buffer`, whose stretch begins at `offset`."""
        return np.ndarray(self.shape, np.uint8, buffer, offset + self.before, self.strides)

    def address(self, frame: Frame) -> int | None:
        """Where in memory the stretch of `frame` begins; None for a frame that lies otherwise."""
        if frame.strides != self.strides:
            return None
        address: int = frame.__array_interface__["data"][0]
        return address - self.before


def layout_of(frame: Frame) -> Layout:
    """How `frame` lies; as a C array would, where its pixels do not fill one stretch."""
    stretch = 1
    for stride, count in sorted(zip(map(abs, frame.strides), frame.shape, strict=True)):
        if stride != stretch and count > 1:
            return Layout(frame.shape, np.empty(frame.shape, np.uint8).strides)
        stretch *= count
    return Layout(frame.shape, frame.strides)
