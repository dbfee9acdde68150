"""PNG's filters applied to rows whose pixels are known (PNG specification, 9.2 to 9.4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daddy_encode.spool.png.format import AVERAGE, NONE, PAETH, SUB
from daddy_encode.spool.png.pixels import Pixels


def filtered(rows: Pixels, above: Pixels, kinds: npt.NDArray[np.uint8], samples: int) -> Pixels:
    """The bytes of some rows, each with its filter, without the bytes that name the filters.

    Args:
        rows: (N, B), the rows' pixels.
        above: (N, B), the pixels of the row above each; zeros above the first.
        kinds: (N,), the filter of each.
        samples: Bytes of a pixel.

    Returns:
        uint8, (N, B). Sums of bytes wrap around.
    """
    left = _shifted(rows, samples)
    made = rows - above
    for kind in set(kinds.tolist()):
        own = kinds == kind
        if kind == NONE:
            made[own] = rows[own]
        elif kind == SUB:
            made[own] = rows[own] - left[own]
        elif kind == AVERAGE:
            made[own] = rows[own] - ((left[own].astype(np.uint16) + above[own]) >> 1).astype(np.uint8)
        elif kind == PAETH:
            made[own] = rows[own] - _paeth(left[own], above[own], _shifted(above[own], samples))
    return made


def _shifted(rows: Pixels, samples: int) -> Pixels:
    """The bytes of the pixel to the left; zeros left of the first."""
    left = np.zeros_like(rows)
    left[:, samples:] = rows[:, :-samples]
    return left


def _paeth(left: Pixels, above: Pixels, corner: Pixels) -> Pixels:
    """Of the three bytes the one nearest to `left` + `above` - `corner`; of equally near ones the first."""
    wide = corner.astype(np.int16)
    to_left, to_above = above - wide, left - wide
    to_corner = np.abs(to_left + to_above)
    np.abs(to_left, out=to_left)
    np.abs(to_above, out=to_above)
    second = np.where(to_above <= to_corner, above, corner)
    return np.where(to_left <= np.minimum(to_above, to_corner), left, second)
