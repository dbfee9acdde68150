"""The size of a GIF: enlarged by a whole number, or reduced to a width."""

from __future__ import annotations

from daddy_encode.encoding.settings import GifSettings
from daddy_encode.spool.png.pixels import Pixels

Size = tuple[int, int]

# The format's own bound.
MAX_EXTENT = 65_535


def reduced_size(size: Size, settings: GifSettings) -> Size:
    """The (width, height) of a GIF's pictures before they are enlarged by `settings.scale`."""
    width, height = size
    if settings.width is None or settings.width >= width:
        return size
    return settings.width, max(1, (height * settings.width * 2 + width) // (2 * width))


def gif_size(size: Size, settings: GifSettings) -> Size:
    """The (width, height) of the GIF of frames of `size`."""
    width, height = reduced_size(size, settings)
    return width * settings.scale, height * settings.scale


def gif_fault(size: Size, settings: GifSettings) -> str:
    """Why there can be no GIF of frames of `size`, and what to do; empty where there can."""
    made = gif_size(size, settings)
    if max(made) <= MAX_EXTENT:
        return ""
    return (
        f"a GIF is at most {MAX_EXTENT} pixels wide and high, this one would be {made[0]}x{made[1]}; use a smaller "
        "--scale, or --gif-width"
    )


def reduction(size: Size, settings: GifSettings) -> str:
    """A line that says how frames of `size` are reduced; empty where they are not."""
    small = reduced_size(size, settings)
    if settings.width is not None and settings.width > size[0]:
        return f"{size[0]} pixels wide, as its frames are: a GIF width of {settings.width} does not enlarge"
    if small == size:
        return ""
    how = "the average of each square" if _whole_factor(size, small) else "Lanczos filtering"
    return f"reduced from {size[0]}x{size[1]} to {small[0]}x{small[1]} by {how}"


def reduce(frame: Pixels, small: Size) -> Pixels:
    """A frame at a smaller size.

    Args:
        frame: (H, W, 3).
        small: Its (width, height) to be.

    Returns:
        The exact average of each square, rounded half up, where a whole number of pixels makes one in both directions;
        else by Lanczos, which keeps edges sharp without missing a thin line.
    """
    import numpy as np

    height, width = frame.shape[:2]
    if small == (width, height):
        return frame
    factor = _whole_factor((width, height), small)
    if not factor:
        from PIL import Image

        return np.asarray(Image.fromarray(frame).resize(small, Image.Resampling.LANCZOS))
    # Sums of whole rows, then of columns: ten times as fast as numpy's sum over two axes.
    rows = frame[::factor].astype(np.uint32)
    for offset in range(1, factor):
        rows += frame[offset::factor]
    sums = rows[:, ::factor].copy()
    for offset in range(1, factor):
        sums += rows[:, offset::factor]
    area = factor * factor
    return ((sums + area // 2) // area).astype(np.uint8)


def _whole_factor(size: Size, small: Size) -> int:
    """How many pixels in a row make one, if it is a whole number and the same in both directions; else 0."""
    factor = size[0] // small[0]
    return factor if size == (small[0] * factor, small[1] * factor) else 0
