"""Every kind of picture as 8-bit RGB: alpha is blended on a background, never dropped; 16 bit keeps its high byte."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from daddy_encode.encode.png import PngFault
from daddy_encode.encode.png_pixels import plain_pixels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

Rgb = tuple[int, int, int]
BLACK: Rgb = (0, 0, 0)


def to_rgb(frame: Pixels, background: Rgb = BLACK) -> Pixels:
    """`frame`, uint8 (H, W), (H, W, 3) or (H, W, 4) with straight alpha, as a contiguous (H, W, 3) array.

    Alpha is blended on `background` in sRGB values, as browsers do, rounded to the nearest.
    """
    import numpy as np

    if frame.ndim == 2:
        return np.repeat(frame[:, :, np.newaxis], 3, axis=2)
    if frame.shape[2] == 3:
        return np.ascontiguousarray(frame)
    alpha = frame[:, :, 3:].astype(np.uint32)
    mixed = frame[:, :, :3] * alpha + np.array(background, np.uint32) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def decode_png(data: bytes, background: Rgb = BLACK) -> Pixels:
    """The picture in `data`, a PNG that `check_png` has passed, as `to_rgb` gives it.

    Raises PngFault where the compressed image data cannot be decoded.
    """
    plain = plain_pixels(data)
    if plain is not None:
        return plain
    import numpy as np
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # The pixel limit has been checked; Pillow's own only warns.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["PNG"])
            image.load()
            if image.mode.startswith("I"):
                # 16-bit grey; Pillow's own conversion to 8 bit clips instead of scaling.
                return to_rgb((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8), background)
            has_alpha = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
            return to_rgb(np.asarray(image.convert("RGBA" if has_alpha else "RGB")), background)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PngFault(f"cannot be decoded: {error}") from error
