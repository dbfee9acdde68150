"""A frame's pixels: their type in memory, and how many there may be. Loads no numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# A string: numpy takes longer to load than a short clip takes to be encoded.
Pixels: TypeAlias = "npt.NDArray[np.uint8]"
"""Samples of 0 to 255: (H, W) grey or palette indices, (H, W, 3) RGB, (H, W, 4) RGBA with straight alpha."""

# 64 Mpixel: an 8192x8192 frame, 192 MB of RGB. Above it a frame is a mistake or an attack.
MAX_PIXELS = 64 * 2**20
