"""The values of grey pictures as they are in the file, for depth pictures and masks, whose values mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from daddy_encode.encoding.png.decode import decode_png, low_bytes, opened
from daddy_encode.encoding.png.parse import Png, PngFault
from daddy_encode.spool.png.format import CHUNK_HEAD, GREY, GREY_ALPHA, PALETTE
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.uint16] | Pixels

# Signature and IHDR; a palette comes next, where there is one.
_PALETTE = 33


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
    length, _ = CHUNK_HEAD.unpack_from(png.data, _PALETTE)
    colours = png.data[_PALETTE + 8 : _PALETTE + 8 + length]
    return colours[::3] == colours[1::3] == colours[2::3]


def read_grey(png: Png) -> GreyPicture:
    """The values of a PNG for which `is_grey`, and whose image data has been checked as well.

    Raises:
        PngFault: Pillow cannot decode it nevertheless.
    """
    import numpy as np

    picture = decode_png(png)
    alpha = picture[:, :, 3] if picture.ndim == 3 and picture.shape[2] == 4 else None
    grey = picture if picture.ndim == 2 else picture[:, :, 0]
    depth = png.header.depth
    if depth == 8 or png.header.colour == PALETTE:
        return GreyPicture(grey, alpha)
    if depth < 8:
        return GreyPicture(grey // (255 // ((1 << depth) - 1)), alpha)
    try:
        if png.header.colour == GREY:
            with opened(png.data) as image:
                return GreyPicture(np.asarray(image).astype(np.uint16), alpha)
        # Pillow gives the high bytes of grey with alpha.
        with opened(low_bytes(png)) as image:
            low = np.asarray(image)[:, :, 0]
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PngFault(f"cannot be decoded: {error}") from error
    return GreyPicture(grey.astype(np.uint16) << 8 | low, alpha)
