"""Every kind of picture in 8 bits, grey or RGB, with its alpha: 16 bit keeps its high byte.

Pillow decodes. What it makes of a transparent colour (tRNS) in 1-bit and 16-bit pictures is not what the PNG
specification says and ffmpeg does, so those are compared here, in all their bits.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from daddy_encode.encoding.png.inflate import inflated
from daddy_encode.encoding.png.parse import Png, PngFault
from daddy_encode.spool.png.format import END, GREY, IDAT, beginning, chunk
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    from PIL import Image

Rgb = tuple[int, int, int]
BLACK: Rgb = (0, 0, 0)
# Blending needs 32 bits for a sample; so many pixels at a time keep that small.
_BAND_PIXELS = 2**18


def parse_colour(text: str) -> Rgb:
    """The colour that six hexadecimal digits RRGGBB stand for."""
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


def to_rgb(frame: Pixels, background: Rgb = BLACK) -> Pixels:
    """A picture of any number of channels as RGB.

    Args:
        frame: uint8, (H, W), (H, W, 3) or (H, W, 4) with straight alpha.
        background: What alpha is blended on, in sRGB values, as browsers do, rounded to the nearest. Default: black.

    Returns:
        A contiguous uint8 array (H, W, 3).
    """
    import numpy as np

    if frame.ndim == 2:
        return np.repeat(frame[:, :, np.newaxis], 3, axis=2)
    if frame.shape[2] == 3:
        return np.ascontiguousarray(frame)
    height, width = frame.shape[:2]
    mixed = np.empty((height, width, 3), np.uint8)
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        band = frame[top : top + step]
        alpha = band[:, :, 3:].astype(np.uint32)
        exact = band[:, :, :3] * alpha + np.array(background, np.uint32) * (255 - alpha)
        mixed[top : top + step] = (exact + 127) // 255
    return mixed


def decode_png(png: Png) -> Pixels:
    """The picture in `png`, whose image data has been checked as well.

    Args:
        png: Of any kind.

    Returns:
        uint8: (H, W) grey, (H, W, 3), or, where the file has transparency, (H, W, 4) with straight alpha.

    Raises:
        PngFault: Pillow cannot decode it nevertheless.
    """
    import numpy as np

    try:
        with opened(png.data) as image:
            key = png.transparent_colour
            if key is not None and png.header.depth in (1, 16):
                return _keyed(png, image, key)
            if image.mode.startswith("I"):
                return _high_bytes(image)
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                return np.asarray(image.convert("RGBA"))
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PngFault(f"cannot be decoded: {error}") from error


def opened(data: bytes) -> Image.Image:
    """A checked PNG as Pillow reads it. Raises what Pillow does."""
    from PIL import Image

    with warnings.catch_warnings():
        # The pixel limit has been checked; Pillow's own only warns.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()
    return image


def _high_bytes(image: Image.Image) -> Pixels:
    """16-bit grey as 8 bit; Pillow's own conversion clips instead of scaling."""
    import numpy as np

    return (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)


def _keyed(png: Png, image: Image.Image, key: tuple[int, ...]) -> Pixels:
    """`image` as (H, W, 4), transparent where it has the colour `key`, compared in all the bits of a sample."""
    import numpy as np

    mask = (1 << png.header.depth) - 1
    wanted = np.array([sample & mask for sample in key])
    if png.header.depth == 1:
        samples = np.asarray(image.convert("L"))[:, :, np.newaxis]
        same = (samples > 0) == (wanted > 0)
        colour = samples
    elif png.header.colour == GREY:
        same = np.asarray(image)[:, :, np.newaxis] == wanted
        colour = _high_bytes(image)[:, :, np.newaxis]
    else:
        colour = np.asarray(image)
        with opened(low_bytes(png)) as low:
            same = (colour == wanted >> 8) & (np.asarray(low) == wanted & 255)
    alpha = np.where(same.all(axis=2), 0, 255).astype(np.uint8)
    return np.dstack([np.broadcast_to(colour, (*alpha.shape, 3)), alpha])


def low_bytes(png: Png) -> bytes:
    """A PNG of the low bytes of `png`, 16-bit RGB or grey with alpha, of which Pillow gives the high bytes alone.

    PNG's filters work on bytes, each with those of the same place in the neighbouring pixels; so the low bytes of
    filtered rows are the filtered rows of the low bytes.
    """
    import zlib

    import numpy as np

    header = png.header
    everything = np.frombuffer(b"".join(inflated(png)), np.uint8)
    parts = []
    for rows, stride in header.passes:
        lines, everything = everything[: rows * stride].reshape(rows, stride), everything[rows * stride :]
        parts.append(np.hstack([lines[:, :1], lines[:, 2::2]]).tobytes())
    image = chunk(IDAT, zlib.compress(b"".join(parts), 0))
    return beginning(header.width, header.height, 8, header.colour, interlaced=header.interlaced) + image + END
