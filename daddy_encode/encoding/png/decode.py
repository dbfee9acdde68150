"""Every kind of picture in 8 bits, grey or RGB, with its alpha: 16 bit keeps its high byte.

imageio reads, by its Pillow plugin, which is named: nothing in a file chooses another one. It is given a file made
here, of IHDR, the palette and the rows that were checked, and nothing else of what was on disk.

Two things would be lost, so they stay here. A transparent colour (tRNS): Pillow compares it unscaled with the scaled
samples of 2-bit and 4-bit grey, with its upper bits where a sample has 8 bits, and with the wrong bits in 16-bit RGB;
the PNG specification (11.3.1.1) compares the samples of the file, in all their bits. And the low bytes of 16-bit RGB,
which that comparison needs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daddy_encode.encoding.png.inflate import all_rows, inflated
from daddy_encode.encoding.png.parse import Header, Png, PngFault
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.spool.png.format import GREY, GREY_ALPHA, PALETTE, PLTE, TRNS, chunk
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Rgb = tuple[int, int, int]
BLACK: Rgb = (0, 0, 0)
# Blending needs 16 bits for a sample; so many pixels at a time keep that small, and in the processor's cache.
_BAND_PIXELS = 2**16


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
        alpha = band[:, :, 3].astype(np.uint16)
        rest = 255 - alpha
        # Channel by channel: along an axis of three, numpy takes ten times as long.
        for channel, behind in enumerate(background):
            exact = band[:, :, channel] * alpha
            exact += rest * np.uint16(behind)
            # The nearest integer to exact / 255, for all that two bytes make: 65,025 at most.
            exact += np.uint16(128)
            exact += exact >> 8
            mixed[top : top + step, :, channel] = exact >> 8
    return mixed


def with_alpha(pixels: memoryview) -> memoryview:
    """Pixels of RGB as RGBA, opaque."""
    import numpy as np

    opaque = np.full((len(pixels) // 3, 4), 255, np.uint8)
    opaque[:, :3] = np.frombuffer(pixels, np.uint8).reshape(-1, 3)
    return opaque.data.cast("B")


def decode_png(png: Png, rows: bytes | bytearray | None = None) -> Pixels:
    """The picture in `png`, whose image data is checked as well.

    Args:
        png: Of any kind.
        rows: What its image data inflates to, where that is known already.

    Returns:
        uint8: (H, W) grey, (H, W, 3), or, where the file has transparency, (H, W, 4) with straight alpha.

    Raises:
        PngFault: Its image data is not exactly what it should be, or Pillow cannot decode it nevertheless.
    """
    import numpy as np

    if png.transparent_colour is not None:
        return _keyed(png, png.transparent_colour, rows)
    header = png.header
    if header.colour == GREY and header.depth == 16:
        return (grey_of_16_bits(png, rows) >> 8).astype(np.uint8)
    pixels: Pixels = _read(header, _pieces(png, rows), _mode(png), _palette(png))
    return pixels


def grey_of_16_bits(png: Png, rows: bytes | bytearray | None = None) -> npt.NDArray[np.uint16]:
    """The samples, uint16 (H, W), of a `png` that is grey of 16 bits; else as `decode_png`, tRNS ignored."""
    import numpy as np

    # Older Pillows read 32 bits, and imageio warns where it is not asked for them.
    samples: npt.NDArray[np.uint16] = _read(png.header, _pieces(png, rows), "I").astype(np.uint16)
    return samples


def _pieces(png: Png, rows: bytes | bytearray | None) -> Iterable[bytes | bytearray]:
    return inflated(png) if rows is None else (rows,)


def _mode(png: Png) -> str | None:
    """Pillow's name of what a picture is converted to; None where it is read as it is to be."""
    colour = png.header.colour
    if colour == GREY and png.header.depth == 1:
        return "L"
    if colour == PALETTE and not png.alphas:
        return "RGB"
    return "RGBA" if colour in (PALETTE, GREY_ALPHA) else None


def _palette(png: Png) -> bytes:
    """The chunks of its palette, with a colour for every index: older Pillows take those beyond it for greys."""
    if png.header.colour != PALETTE:
        return b""
    palette = chunk(PLTE, png.palette.ljust(3 << png.header.depth, b"\0"))
    return palette + (chunk(TRNS, png.alphas) if png.alphas else b"")


def _read(header: Header, pieces: Iterable[bytes | bytearray], mode: str | None = None, palette: bytes = b"") -> Any:
    """The picture of some rows, converted to `mode`. Raises PngFault where Pillow does not decode it."""
    from imageio.v3 import imread
    from PIL.Image import DecompressionBombWarning

    file = bytes(StoredPng(header, palette).fill(pieces))
    try:
        with warnings.catch_warnings():
            # The pixel limit has been checked; half of what Pillow refuses it warns of.
            warnings.simplefilter("ignore", DecompressionBombWarning)
            return imread(file, plugin="pillow", extension=".png", index=0, mode=mode, writeable_output=False)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        # imageio says that there was an error, its cause which one.
        raise PngFault(f"cannot be decoded: {error.__cause__ or error}") from error


def _keyed(png: Png, key: tuple[int, ...], rows: bytes | bytearray | None) -> Pixels:
    """The picture as (H, W, 4), transparent where a pixel's samples are `key`, compared in all their bits."""
    import numpy as np

    header = png.header
    depth = header.depth
    wanted = np.array(key, np.uint16) & np.uint16((1 << depth) - 1)
    if depth == 16 and header.colour == GREY:
        values = grey_of_16_bits(png, rows)[:, :, np.newaxis]
        same = values == wanted
        colour = (values >> 8).astype(np.uint8)
    elif depth == 16:
        rows = all_rows(png) if rows is None else rows
        colour = _read(header, (rows,))
        low = low_bytes(header, rows)
        same = (colour == wanted >> 8) & (low == wanted & np.uint16(255))
    else:
        colour = _read(header, _pieces(png, rows), _mode(png)).reshape(header.height, header.width, -1)
        # Samples of fewer than 8 bits come scaled to 0 to 255, each to another value.
        same = colour == wanted * np.uint16(255 // ((1 << depth) - 1))
    alpha = np.where(same.all(axis=2), 0, 255).astype(np.uint8)
    return np.dstack([np.broadcast_to(colour, (*alpha.shape, 3)), alpha])


def low_bytes(header: Header, rows: bytes | bytearray) -> Pixels:
    """The low bytes of samples of 16 bits, (H, W, channels), of which Pillow gives the high ones alone.

    PNG's filters work on bytes, each with those of the same place in the neighbouring pixels; so the low bytes of
    filtered rows are the filtered rows of the low bytes.

    Args:
        header: Of a picture of several channels.
        rows: Its rows, each with its filter byte.

    Raises:
        PngFault: Pillow cannot decode them.
    """
    low: Pixels = _read(replace(header, depth=8), _low_rows(header, rows))
    return low


def _low_rows(header: Header, rows: bytes | bytearray) -> Iterator[bytes]:
    import numpy as np

    left = np.frombuffer(rows, np.uint8)
    for count, stride in header.passes:
        lines, left = left[: count * stride].reshape(count, stride), left[count * stride :]
        yield np.hstack([lines[:, :1], lines[:, 2::2]]).tobytes()
