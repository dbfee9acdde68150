"""What counts as a frame: one place that accepts or refuses an array, for every function that takes frames."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from daddy_encode.errors import FrameError
from daddy_encode.spool.png.pixels import MAX_PIXELS, Pixels

# The widest an H.264 stream of any level goes is far below.
MAX_EXTENT = 65_535


def as_frame(value: Any, index: int, shape: tuple[int, ...] | None = None) -> Pixels:
    """Anything that numpy can make an array of, as a frame. No copy is made.

    Args:
        value: uint8, (H, W, 3), (H, W, 4), (H, W) or (H, W, 1), any strides; or a picture of Pillow's, whose colours
            count, not what it holds: `pillow_pixels`.
        index: Of the frame, from 0, for the error's text.
        shape: That of the first frame, which this one must have; None (default) for the first one.

    Returns:
        uint8, (H, W, 3), (H, W, 4) or (H, W).

    Raises:
        FrameError: It has another dtype (floats are never guessed at), another rank, no pixels, or another shape.
    """
    try:
        frame = np.asarray(_pillow_pixels(value) if _is_pillow(value) else value)
    except Exception as error:  # an array-like's own conversion can raise anything
        raise FrameError(f"frame {index}: cannot be made a numpy array: {error}") from error
    if frame.dtype != np.uint8:
        advice = "scale to 0..255 and use .astype(numpy.uint8)" if frame.dtype.kind == "f" else "convert it first"
        raise FrameError(f"frame {index}: dtype is {frame.dtype}, expected uint8; {advice}")
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[:, :, 0]
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] not in (3, 4)):
        raise FrameError(
            f"frame {index}: shape is {np.shape(value)}, expected (H, W, 3), (H, W, 4), (H, W) or (H, W, 1)"
        )
    height, width = frame.shape[:2]
    if not height * width:
        raise FrameError(f"frame {index}: size {width}x{height} is empty")
    if max(height, width) > MAX_EXTENT:
        raise FrameError(f"frame {index}: size {width}x{height} is above {MAX_EXTENT} pixels wide or high")
    if height * width > MAX_PIXELS:
        raise FrameError(f"frame {index}: size {width}x{height} is above {MAX_PIXELS} pixels")
    if shape is not None and frame.shape != shape:
        raise FrameError(f"frame {index}: shape is {frame.shape}, but frame 0 has {shape}; all must be alike")
    return frame


def _is_pillow(value: Any) -> bool:
    """Whether `value` is a picture of Pillow's: then somebody has loaded that."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def _pillow_pixels(image: Any) -> Any:
    """What a picture of Pillow's shows; numpy alone would take palette indices, say, for grey.

    Grey of 16 bits keeps its high byte, as it does when the encoder reads it from a PNG. Numbers of 32 bits stay what
    they are: nobody knows which of them is white.
    """
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        return image
    if image.mode in ("La", "RGBa"):
        # Premultiplied alpha, which is straight only after one more step.
        image = image.convert(image.mode.upper())
    is_transparent = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if is_transparent or (image.mode == "P" and image.palette.mode == "RGBA"):
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def checked(frames: Iterable[Any]) -> Iterator[Pixels]:
    """Yield each of `frames` as `as_frame` gives it.

    Args:
        frames: Any iterable of what `as_frame` takes, all of one shape; an array (T, H, W, 3) is one, too.

    Yields:
        One frame at a time.

    Raises:
        FrameError: A frame is bad, which it names; there is none at all; or `frames` is one frame, (H, W, 3).
    """
    if isinstance(frames, np.ndarray) and frames.ndim == 3 and frames.shape[2] in (1, 3, 4):
        # Its rows would pass for grey frames, 3 pixels wide.
        raise FrameError(f"frame 0: an array of shape {frames.shape} is one frame, not a sequence; give [frame]")
    if _is_pillow(frames):
        raise FrameError("frame 0: a Pillow image is one frame, not a sequence; give [frame]")
    shape: tuple[int, ...] | None = None
    for index, value in enumerate(frames):
        frame = as_frame(value, index, shape)
        shape = frame.shape
        yield frame
    if shape is None:
        raise FrameError("there are no frames: give at least one")
