"""Shapes with antialiased edges on a flat background: few colours, and the same bytes on every machine.

Few colours, because a GIF has at most 256: an edge pixel takes one of three shades between the shape and the
background, and where shapes overlap, the one that covers more of the pixel wins, so shades never blend with each other.
The same bytes, because the code uses only additions, products, square roots and comparisons of float64, whose rounding
IEEE 754 defines, and blends colours in integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

# Coverage levels of an edge pixel: 1/4, 2/4, 3/4 and 4/4.
_LEVELS = 4
# The opacity of a shape is in quarters as well, so coverage is in sixteenths.
OPAQUE = 4
_FULL = _LEVELS * OPAQUE

# 3x5 bitmaps, one octal digit per row.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717")


class Picture:
    """A background and the shapes painted on it. Coordinates are pixels from the top left corner, x before y.

    Args:
        background: Uint8 (H, W, 3); not modified.
    """

    def __init__(self, background: Pixels) -> None:
        self._background = background
        self._colours = np.zeros_like(background)
        self._coverage: npt.NDArray[np.uint8] = np.zeros(background.shape[:2], np.uint8)

    def disc(self, x: float, y: float, radius: float, colour: Colour, opacity: int = OPAQUE) -> None:
        """Paint a filled circle around (x, y)."""
        self.bar(x, x, y, radius, colour, opacity)

    def bar(self, left: float, right: float, y: float, radius: float, colour: Colour, opacity: int = OPAQUE) -> None:
        """Paint a bar with round ends: all points within `radius` of the line from (left, y) to (right, y)."""
        height, width = self._coverage.shape
        rows = slice(max(int(y - radius) - 1, 0), min(int(y + radius) + 2, height))
        columns = slice(max(int(left - radius) - 1, 0), min(int(right + radius) + 2, width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        # The centre of a pixel is half a pixel from its corner.
        dx = np.arange(columns.start, columns.stop) + 0.5
        dx = dx - np.clip(dx, left, right)
        dy = np.arange(rows.start, rows.stop)[:, None] + 0.5 - y
        inside = radius + 0.5 - np.sqrt(dx * dx + dy * dy)
        coverage = np.floor(np.clip(inside, 0, 1) * _LEVELS + 0.5).astype(np.uint8) * np.uint8(opacity)
        wins = (coverage > 0) & (coverage >= self._coverage[rows, columns])
        self._colours[rows, columns][wins] = colour
        self._coverage[rows, columns][wins] = coverage[wins]

    def number(self, value: int, x: int, y: int, dot: int, colour: Colour) -> None:
        """Paint `value`, at least 0, with digits of 3x5 squares of `dot` pixels; (x, y) is the top left corner."""
        for digit in str(value):
            for row, bits in enumerate(_DIGITS[int(digit)]):
                for column in range(3):
                    if int(bits) >> (2 - column) & 1:
                        top, left = y + row * dot, x + column * dot
                        self._colours[top : top + dot, left : left + dot] = colour
                        self._coverage[top : top + dot, left : left + dot] = _FULL
            x += 4 * dot

    def pixels(self) -> Pixels:
        """Blend what was painted: a new array, uint8 (H, W, 3)."""
        coverage = self._coverage[:, :, None].astype(np.uint16)
        blended = (self._colours * coverage + self._background * (_FULL - coverage) + _FULL // 2) // _FULL
        return blended.astype(np.uint8)


def horizontal_bands(width: int, height: int, colours: Sequence[Colour]) -> Pixels:
    """A background, uint8 (height, width, 3), of horizontal bands of equal height, the first colour on top."""
    rows = np.arange(height) * len(colours) // height
    column = np.array(colours, np.uint8)[rows][:, None]
    return np.repeat(column, width, axis=1)
