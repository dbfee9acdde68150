"""Frames on ffmpeg's standard input, and the options with which it reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

# Fixed, never the node's core count: memory depends on it.
DECODE_THREADS = "2"


class FrameInput(Struct, frozen=True):
    """Frames of one size.

    Attributes:
        frames: Pixels row by row, or PNG files of 8-bit RGB.
        width: In pixels.
        height: In pixels.
        png_bytes: The length of each PNG file; None where frames are pixels.
        pixel_format: Of pixels, as ffmpeg calls it. Default: rgb24.
    """

    frames: Iterable[bytes | memoryview]
    width: int
    height: int
    png_bytes: int | None
    pixel_format: Literal["rgb24", "yuv420p"] = "rgb24"

    def arguments(self, fps: str) -> list[str]:
        """ffmpeg's options for these frames on its standard input, played at `fps` frames per second."""
        if self.png_bytes is None:
            kind, codec = "rawvideo", "rawvideo"
            layout = ["-pixel_format", self.pixel_format, "-video_size", f"{self.width}x{self.height}"]
        else:
            kind, codec = "image2pipe", "png"
            # One read is one frame: no search for its end.
            layout = ["-frame_size", str(self.png_bytes), "-err_detect", "explode"]
        return [
            *("-protocol_whitelist", "pipe", "-format_whitelist", kind, "-codec_whitelist", codec),
            # Decoders round a size up to what suits their memory.
            *("-max_pixels", str((self.width + 128) * (self.height + 128)), "-threads", DECODE_THREADS),
            *("-f", kind, "-c:v", codec),
            # Nothing is left to be found out by reading 5 MB ahead, the default, which costs a short clip 2 ms.
            *("-probesize", "32", "-analyzeduration", "0"),
            *layout,
            *("-framerate", fps, "-i", "pipe:0"),
        ]
