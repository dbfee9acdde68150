"""Frames on ffmpeg's standard input, and the options with which it reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Literal

from msgspec import Struct

# Fixed, never the node's core count: memory depends on it.
DECODE_THREADS = "2"
# Of a video, whose frames depend on one another, handing them over costs more than it brings.
FILE_THREADS = "1"


class VideoFile(Struct, frozen=True):
    """A Matroska file whose pictures ffmpeg decodes itself, at its standard input.

    Attributes:
        descriptor: Of the file; what has its name by then is not read.
        codec: ffmpeg's name of the decoder.
        count: How many pictures there are. Of more, one is taken, so that there are too many.
        step: Which are wanted: 1: all.
        on_frames: Called with how many have been read so far, in another thread.
    """

    descriptor: int
    codec: str
    count: int
    step: int
    on_frames: Callable[[int], None]


class FrameInput(Struct, frozen=True):
    """Frames of one size.

    Attributes:
        frames: Pixels row by row, or PNG files of 8-bit RGB; or the file that holds them.
        width: In pixels.
        height: In pixels.
        png_bytes: The length of each PNG file; None where frames are pixels.
        pixel_format: Of pixels, as ffmpeg calls it. Default: rgb24.
    """

    frames: Iterable[bytes | memoryview] | VideoFile
    width: int
    height: int
    png_bytes: int | None
    pixel_format: Literal["rgb24", "yuv420p"] = "rgb24"

    def arguments(self, fps: str) -> list[str]:
        """ffmpeg's options for these frames on its standard input, played at `fps` frames per second."""
        if isinstance(self.frames, VideoFile):
            kind, codec = "matroska", self.frames.codec
            layout = ["-err_detect", "explode"]
        elif self.png_bytes is None:
            kind, codec = "rawvideo", "rawvideo"
            layout = ["-pixel_format", self.pixel_format, "-video_size", f"{self.width}x{self.height}"]
        else:
            kind, codec = "image2pipe", "png"
            # One read is one frame: no search for its end.
            layout = ["-frame_size", str(self.png_bytes), "-err_detect", "explode"]
        # What a video file does not say in its header has to be found in its first frames; of others nothing is left to
        # be found out by reading 5 MB ahead, the default, which costs a short clip 2 ms.
        is_file = isinstance(self.frames, VideoFile)
        probing = [] if is_file else ["-probesize", "32", "-analyzeduration", "0"]
        return [
            *("-protocol_whitelist", "pipe", "-format_whitelist", kind, "-codec_whitelist", codec),
            # Decoders round a size up to what suits their memory.
            *("-max_pixels", str((self.width + 128) * (self.height + 128))),
            *("-threads", FILE_THREADS if is_file else DECODE_THREADS),
            *("-f", kind, "-c:v", codec, *probing, *layout),
            # Whatever rate a file has.
            *("-r" if is_file else "-framerate", fps, "-i", "pipe:0"),
        ]

    def filters(self, fps: str, pixel_format: Literal["rgb24", "gbrp"] = "rgb24") -> str:
        """What has to come first in each filter chain: empty, or filters, with a comma behind them.

        Args:
            fps: Frames per second.
            pixel_format: What the pictures of a video file are then, as ffmpeg calls it. Default: as all others.
        """
        if not isinstance(self.frames, VideoFile):
            return ""
        chosen = f"select=not(mod(n\\,{self.frames.step}))," if self.frames.step > 1 else ""
        tick = 1 / Fraction(fps)
        return (
            f"trim=end_frame={self.frames.count + 1},{chosen}"
            f"settb={tick.numerator}/{tick.denominator},setpts=N,format={pixel_format},"
        )
