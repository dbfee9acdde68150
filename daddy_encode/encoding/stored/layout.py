"""How the samples of PNGs of each kind are pictures that ffmpeg packs and gives back, every bit the same."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daddy_encode.encoding.mp4.encode import MAX_EXTENT
from daddy_encode.encoding.png.parse import Header, Png, PngFault, check_header, check_png
from daddy_encode.spool.png.format import END, GREY, GREY_ALPHA, IDAT, PALETTE, RGB, RGBA, SIGNATURE, chunk

Codec = Literal["libx264rgb", "libx264", "ffv1"]

# Fixed, never the node's core count: libx264's output depends on them.
ENCODE_THREADS = "4"
# A key frame every 60, as in our MP4s, and no B-frames.
_X264 = ("-qp", "0", "-preset", "veryfast", "-bf", "0")
_X264_PARAMS = "cpu-independent=1:lookahead-threads=1"
_OPTIONS: dict[Codec, tuple[str, ...]] = {
    "libx264rgb": _X264,
    "libx264": ("-pix_fmt", "gray", *_X264),
    "ffv1": ("-level", "3", "-slicecrc", "1"),
}
DECODERS: dict[Codec, str] = {"libx264rgb": "h264", "libx264": "h264", "ffv1": "ffv1"}


class Layout(Struct, frozen=True):
    """Pictures whose pixels in memory are the bytes of a PNG's rows.

    Attributes:
        pixel_format: As ffmpeg calls it.
        width: In its pixels.
        height: In pixels.
        codec: What packs it.
    """

    pixel_format: str
    width: int
    height: int
    codec: Codec

    @property
    def size_arguments(self) -> list[str]:
        """ffmpeg's options that describe such pictures without a file format."""
        return ["-pixel_format", self.pixel_format, "-video_size", f"{self.width}x{self.height}"]

    def output_arguments(self, *, is_busy: bool) -> list[str]:
        """ffmpeg's options for a packed file of them in "{output}".

        `is_busy`: whether so much changes that decoding should be quick rather than the file small. CAVLC makes the
        file of MuJoCo's frames 1.15 times as large, and decodes it in half of the time that CABAC takes; of what
        changes little it makes a file 1.5 to 2.7 times as large, and saves nothing.
        """
        x264 = ["-x264-params", f"{_X264_PARAMS}:cabac={0 if is_busy else 1}"] if self.codec != "ffv1" else []
        return [
            *("-map", "0:v:0", "-fps_mode", "passthrough"),
            *("-c:v", self.codec, *_OPTIONS[self.codec], *x264, "-g", "60", "-threads", ENCODE_THREADS),
            *("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1"),
            *("-f", "matroska", "{output}"),
        ]


def layout_of(header: Header) -> Layout:
    """How pictures of that header, which is not interlaced, are packed."""
    ((height, stride),) = header.passes
    kind = header.depth, header.colour
    width, pixel_format = (
        header.width,
        {
            (8, RGB): "rgb24",
            (8, RGBA): "rgba",
            (8, GREY_ALPHA): "ya8",
            (16, RGB): "rgb48be",
            (16, RGBA): "rgba64be",
            (16, GREY): "gray16be",
            (16, GREY_ALPHA): "gray16be",
        }.get(kind, "gray"),
    )
    if kind == (16, GREY_ALPHA):
        # FFV1 has no such pixels: grey and alpha beside one another.
        width *= 2
    elif pixel_format == "gray":
        # Below 8 bits, the bytes that hold several samples.
        width = stride - 1
    codec: Codec = {"rgb24": "libx264rgb", "gray": "libx264"}.get(pixel_format, "ffv1")  # type: ignore[assignment]
    return Layout(pixel_format, width, height, codec if max(width, height) <= MAX_EXTENT else "ffv1")


def head_of(data: bytes, png: Png) -> bytes:
    """What a checked file has up to its image data.

    Raises:
        PngFault: It is of a kind that cannot be packed exactly.
    """
    if png.header.interlaced:
        raise PngFault("is interlaced")
    if png.is_animated:
        raise PngFault("has further pictures, as APNG has them")
    at = len(SIGNATURE)
    while data[at + 4 : at + 8] != IDAT:
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    head = data[:at]
    while data[at + 4 : at + 8] == IDAT:
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    if data[at:] != END:
        raise PngFault("has texts, or something else, after its image data")
    return head


def template_of(head: bytes, max_pixels: int) -> Png:
    """A PNG with that head, whose rows are to come from a packed file.

    Raises:
        PngFault: No PNG that can be packed begins so, or it is larger than allowed.
    """
    png = check_png(head + chunk(IDAT, b"") + END, max_pixels)
    if png.header.interlaced or png.is_animated or png.has_surplus or not head.startswith(SIGNATURE):
        raise PngFault("begins as no PNG does that can be packed")
    if head_of(head + chunk(IDAT, b"") + END, png) != head:
        raise PngFault("begins as no PNG does that can be packed")
    png.image = b""
    return png


def differs(head: bytes, first: bytes) -> str:
    """In what a PNG with one head is other than one with another."""
    one, other = (check_header(data[:33], 2**62) for data in (head, first))
    if (one.width, one.height) != (other.width, other.height):
        return f"is {one.width}x{one.height}, the first {other.width}x{other.height}"
    if (one.depth, one.colour) != (other.depth, other.colour):
        return "is of another kind of pixels than the first"
    return (
        "has another palette than the first" if one.colour == PALETTE else "has other texts or colours than the first"
    )
