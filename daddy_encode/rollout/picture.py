"""Shapes with smooth edges on a flat background, in few colours and the same bytes on every machine.

Few, because a GIF holds 256: an edge pixel has one of three shades between a shape and the background, and where
shapes overlap the one that covers more of the pixel has it alone, so no shade is ever blended with another shade.
The same, because only additions, products, square roots and comparisons of float64 are used, which IEEE 754 rounds
in one way, and colours are blended in integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

# Shades of an edge: 1/4, 2/4, 3/4 and 4/4 of the pixel covered.
_STEPS = 4
# A shape's own opacity counts in quarters, too, so a pixel is covered in sixteenths.
OPAQUE = 4
_FULL = _STEPS * OPAQUE

# 3x5 bitmaps, a row per octal digit.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717")


class Picture:
    """A background and the shapes painted on it. Coordinates are pixels from the top left corner, x before y."""

    def __init__(self, background: Pixels) -> None:
        """`background`: uint8 (H, W, 3), not changed."""
        self._background = background
        self._paint = np.zeros_like(background)
        self._cover: npt.NDArray[np.uint8] = np.zeros(background.shape[:2], np.uint8)

    def disc(self, x: float, y: float, radius: float, colour: Colour, opacity: int = OPAQUE) -> None:
        """A filled circle around (x, y)."""
        self.bar(x, x, y, radius, colour, opacity)

    def bar(self, left: float, right: float, y: float, radius: float, colour: Colour, opacity: int = OPAQUE) -> None:
        """A horizontal bar with round ends: all points within `radius` of the line from (left, y) to (right, y)."""
        height, width = self._cover.shape
        rows = slice(max(int(y - radius) - 1, 0), min(int(y + radius) + 2, height))
        columns = slice(max(int(left - radius) - 1, 0), min(int(right + radius) + 2, width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        # A pixel's centre lies half a pixel from its corner.
        across = np.arange(columns.start, columns.stop) + 0.5
        across = across - np.clip(across, left, right)
        down = np.arange(rows.start, rows.stop)[:, None] + 0.5 - y
        inside = radius + 0.5 - np.sqrt(across * across + down * down)
        cover = np.floor(np.clip(inside, 0, 1) * _STEPS + 0.5).astype(np.uint8) * np.uint8(opacity)
        covered = (cover > 0) & (cover >= self._cover[rows, columns])
        self._paint[rows, columns][covered] = colour
        self._cover[rows, columns][covered] = cover[covered]

    def number(self, value: int, x: int, y: int, dot: int, colour: Colour) -> None:
        """`value` (0 or more) in digits of 3 by 5 squares of `dot` pixels, the top left corner at (x, y)."""
        for digit in str(value):
            for row, bits in enumerate(_DIGITS[int(digit)]):
                for column in range(3):
                    if int(bits) >> (2 - column) & 1:
                        top, left = y + row * dot, x + column * dot
                        self._paint[top : top + dot, left : left + dot] = colour
                        self._cover[top : top + dot, left : left + dot] = _FULL
            x += 4 * dot

    def pixels(self) -> Pixels:
        """The picture so far, uint8 (H, W, 3), an array of its own."""
        cover = self._cover[:, :, None].astype(np.uint16)
        blended = (self._paint * cover + self._background * (_FULL - cover) + _FULL // 2) // _FULL
        return blended.astype(np.uint8)


def bands(width: int, height: int, colours: Sequence[Colour]) -> Pixels:
    """A background of horizontal bands of equal height, the first colour on top."""
    rows = np.arange(height) * len(colours) // height
    column = np.array(colours, np.uint8)[rows][:, None]
    return np.repeat(column, width, axis=1)
