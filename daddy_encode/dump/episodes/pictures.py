"""What `render()` gives, as one picture; the pictures of several environments as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from daddy_encode.errors import FrameError, SettingsError
from daddy_encode.spool.png.frame_arrays import MAX_EXTENT, as_frame
from daddy_encode.spool.png.pixels import MAX_PIXELS


def as_picture(rendered: Any) -> Any:
    """The picture in what `render()` gave: of a list the last one, of a batch of one picture that one.

    Raises FrameError where there is none; what is no picture otherwise, the FrameWriter finds out.
    """
    if isinstance(rendered, list):
        rendered = rendered[-1] if rendered else None
    if rendered is None:
        raise FrameError("render() gave no picture: use a render_mode that returns an image, such as rgb_array")
    if isinstance(rendered, dict):
        raise FrameError("render() gave a dict, not a picture: record one of its pictures with a FrameWriter")
    shape: Any = getattr(rendered, "shape", ())
    return rendered[0] if len(shape) == 4 and shape[0] == 1 else rendered


def pictures_of(rendered: Any, count: int) -> Any:
    """What the `render()` of so many environments gave, as a sequence of what each one's gave, at least so long.

    Raises FrameError where it is none.
    """
    shape: Any = getattr(rendered, "shape", ())
    if _is_one(rendered) or not (isinstance(rendered, Sequence) or len(shape) in (3, 4)):
        raise FrameError(f"render() gave {type(rendered).__name__}, not a picture of each environment")
    if len(rendered) < count:
        raise FrameError(f"render() gave {len(rendered)} pictures, but there are {count} environments")
    return rendered


def _is_one(rendered: Any) -> bool:
    shape: Any = getattr(rendered, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


class Tiles:
    """Joins the pictures of `count` environments to one, row by row, as near the aspect ratio as it comes.

    There are as many tiles as pictures: 7 are in one row, for 7 has no divisors. Of pictures of different sizes each
    tile is as large as the largest, and the rest of it black. `rows` and `columns` are 0 until the first picture.
    """

    def __init__(self, count: int, aspect_ratio: tuple[float, float] = (1, 1)) -> None:
        """`aspect_ratio`: width and height. Raises SettingsError where these are not two positive numbers."""
        try:
            width, height = (float(side) for side in aspect_ratio)
            self._ratio = width / height
            if not (width > 0 and height > 0):
                raise ValueError
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise SettingsError(
                f"video_aspect_ratio is {aspect_ratio!r:.60}: give two numbers, such as (16, 9)"
            ) from error
        self._count = count
        self.rows = self.columns = 0
        self._joined: Any = None

    def join(self, rendered: Any) -> Any:
        """One picture of a sequence or an array of what each environment's `render()` gave.

        It is overwritten by the next call. What is one picture already stays as it is. Raises FrameError where there
        is none, or another number.
        """
        if _is_one(rendered):
            return rendered
        each = pictures_of(rendered, self._count)
        pictures = [as_frame(as_picture(each[index]), index) for index in range(self._count)]
        if len(pictures) == 1:
            return pictures[0]
        height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
        if len({picture.shape[2:] for picture in pictures}) > 1:
            raise FrameError("render() gave pictures of different kinds: grey, RGB and RGBA cannot be in one picture")
        if not self.rows:
            self._arrange(height, width)
        whole = (self.rows * height, self.columns * width, *pictures[0].shape[2:])
        if whole[0] * whole[1] > MAX_PIXELS or max(whole[:2]) > MAX_EXTENT:
            raise FrameError(
                f"{self._count} environments in one picture make {whole[1]}x{whole[0]}, above {MAX_PIXELS} pixels or "
                f"{MAX_EXTENT} a side: record the first only (record_first_only=True) or each by itself (separate=True)"
            )
        same = self._joined is not None and self._joined.shape == whole
        if not same or any(picture.shape[:2] != (height, width) for picture in pictures):
            self._joined = np.zeros(whole, np.uint8)
        for index, picture in enumerate(pictures):
            top, left = index // self.columns * height, index % self.columns * width
            self._joined[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return self._joined

    def _arrange(self, height: int, width: int) -> None:
        # As RecordVideo does: fewest rows first, and never an empty tile.
        choices = [rows for rows in range(1, int(self._count**0.5) + 1) if self._count % rows == 0]
        self.rows = min(choices, key=lambda rows: abs(self._count // rows * width / (rows * height) - self._ratio))
        self.columns = self._count // self.rows
