"""What a source of frames is, and its frames as ffmpeg is given them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from daddy_encode.encoding.ffmpeg.input import FrameInput
from daddy_encode.spool.png.pixels import Pixels


class FrameSource(Protocol):
    """Frames of one size for ffmpeg's standard input.

    Attributes:
        width: In pixels.
        height: In pixels.
        count: How many frames there are; of frames in memory, how many have been read.
        most_opaque: The greatest alpha in those that were read, 255 where a frame has none. Above FAINT any such one.
    """

    width: int
    height: int
    count: int

    @property
    def most_opaque(self) -> int: ...

    @property
    def png_bytes(self) -> int | None:
        """The length of each frame as a PNG; None where frames are less work as pixels, or can only be that."""
        ...

    def first(self) -> Pixels:
        """The first frame, (H, W, 3); `frames` still begins with it."""
        ...

    def frames(self, step: int = 1, *, as_pixels: bool) -> Iterator[bytes | memoryview]:
        """Yield frame 0, `step`, 2 * `step`, …; every frame in between is read and checked as well.

        Args:
            step: Which frames are yielded. Default: all.
            as_pixels: As rgb24 pixels, row by row; else as whole PNG files, 8-bit RGB or opaque RGBA, all of one
                length, which is not for a source without `png_bytes`.

        Yields:
            One frame. It may be overwritten when the next one is asked for.
        """
        ...

    def yuv_frames(self, *, are_pixels: bool = False) -> Iterator[memoryview] | None:
        """As `frames`, all of them, as yuv420p in BT.709's limited range; None where they are less work as RGB.

        `are_pixels`: whether they are wanted as pixels as well, and so their filters undone anyway. Default: no.
        """
        ...

    def stored_input(self, step: int = 1) -> FrameInput | None:
        """Every `step`-th frame, in the file that holds them and nothing else, for ffmpeg to read by itself.

        None where there is no such file, or its pictures are not shown as they are.
        """
        ...

    def check_stored(self) -> None:
        """After ffmpeg has failed: read what it was given by `stored_input`, and raise what is wrong with that."""
        ...


def frame_input(
    source: FrameSource,
    step: int = 1,
    *,
    as_pixels: bool = False,
    may_be_yuv: bool = False,
    may_be_stored: bool = False,
) -> FrameInput:
    """The frames of `source` for ffmpeg, in the way that is least work.

    Args:
        source: Frames.
        step: Which are wanted. Default: all.
        as_pixels: Whether they have to be pixels here. Default: no.
        may_be_yuv: Whether they may be converted.
        may_be_stored: Whether ffmpeg may read the file itself that holds them. `FrameInput.filters` then says what has
            to be done with its pictures.
    """
    if may_be_stored and not as_pixels and (stored := source.stored_input(step)) is not None:
        return stored
    if may_be_yuv and (frames := source.yuv_frames()) is not None:
        return FrameInput(frames, source.width, source.height, None, "yuv420p")
    png_bytes = None if as_pixels else source.png_bytes
    return FrameInput(source.frames(step, as_pixels=png_bytes is None), source.width, source.height, png_bytes)
