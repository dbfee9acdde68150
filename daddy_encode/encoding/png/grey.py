"""The values of grey pictures as they are in the file, for depth pictures and masks, whose values mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from daddy_encode.encoding.png.decode import decode_png, grey_of_16_bits, low_bytes
from daddy_encode.encoding.png.inflate import all_rows
from daddy_encode.encoding.png.parse import Png
from daddy_encode.spool.png.format import GREY, GREY_ALPHA, PALETTE
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.uint16] | Pixels


class GreyPicture(NamedTuple):
    """A grey picture.

    Attributes:
        samples: (H, W), uint8 or uint16: 0 to 2**depth - 1, or a palette's grey.
        alpha: (H, W), uint8; None where there is no transparency.
    """

    samples: Samples
    alpha: Pixels | None


def is_grey(png: Png) -> bool:
    """Whether a PNG is of a grey kind, or has a palette of greys."""
    if png.header.colour != PALETTE:
        return png.header.colour in (GREY, GREY_ALPHA)
    colours = png.palette
    return colours[::3] == colours[1::3] == colours[2::3]


def read_grey(png: Png, rows: bytes | bytearray | None = None) -> GreyPicture:
    """The values of a PNG for which `is_grey`.

    Args:
        png: The file.
        rows: What its image data inflates to, where that is known already.

    Raises:
        PngFault: As `decode_png`.
    """
    import numpy as np

    rows = all_rows(png) if rows is None else rows
    picture = decode_png(png, rows)
    alpha = picture[:, :, 3] if picture.ndim == 3 and picture.shape[2] == 4 else None
    grey = picture if picture.ndim == 2 else picture[:, :, 0]
    depth = png.header.depth
    if depth == 8 or png.header.colour == PALETTE:
        return GreyPicture(grey, alpha)
    if depth < 8:
        return GreyPicture(grey // (255 // ((1 << depth) - 1)), alpha)
    if png.header.colour == GREY:
        return GreyPicture(grey_of_16_bits(png, rows), alpha)
    return GreyPicture(grey.astype(np.uint16) << np.uint16(8) | low_bytes(png.header, rows)[:, :, 0], alpha)
