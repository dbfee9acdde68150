"""Reading back a GIF: its pictures, delays and loop count, block by block, without decoding a pixel.

Blocks: the GIF89a specification; the loop count: Netscape's application extension.
"""

from __future__ import annotations

from typing import BinaryIO

from msgspec import Struct

from daddy_encode.errors import EncodeError


class GifFacts(Struct, frozen=True):
    """What a GIF's blocks say.

    Attributes:
        width: In pixels.
        height: In pixels.
        delays: Of each picture, in hundredths of a second.
        loop: Times to repeat; 0: forever; None: not at all.
    """

    width: int
    height: int
    delays: list[int]
    loop: int | None


def read_gif(stream: BinaryIO, writer: str = "ffmpeg") -> GifFacts:
    """The facts of the GIF that `writer` wrote; raises EncodeError where it is not a whole GIF, or OSError."""
    try:
        return _read(stream)
    except (ValueError, IndexError) as error:
        raise EncodeError(f"what {writer} wrote is not a whole GIF ({error}); run again") from error


def _read(stream: BinaryIO) -> GifFacts:
    head = stream.read(13)
    if head[:6] != b"GIF89a" or len(head) != 13:
        raise ValueError("no GIF89a header")
    _skip_palette(stream, head[10])
    delays: list[int] = []
    loop: int | None = None
    delay = 0
    while True:
        block = stream.read(1)
        if block == b";":
            if stream.read(1):
                raise ValueError("bytes after its end")
            return GifFacts(int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"), delays, loop)
        if block == b"!":
            label = stream.read(1)
            data = _sub_blocks(stream, keep=True)
            if label == b"\xf9":
                delay = int.from_bytes(data[1:3], "little")
            elif label == b"\xff" and data.startswith(b"NETSCAPE2.0\x01"):
                loop = int.from_bytes(data[12:14], "little")
        elif block == b",":
            descriptor = stream.read(9)
            _skip_palette(stream, descriptor[8])
            stream.read(1)
            _sub_blocks(stream, keep=False)
            delays.append(delay)
        else:
            raise ValueError("it is cut off" if not block else f"unknown block {block!r}")


def _skip_palette(stream: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        stream.seek(3 << (flags & 7) + 1, 1)


def _sub_blocks(stream: BinaryIO, *, keep: bool) -> bytes:
    data = bytearray()
    while True:
        size = stream.read(1)
        if not size:
            raise ValueError("it is cut off")
        if size == b"\0":
            return bytes(data)
        if keep and len(data) < 65_536:
            data += stream.read(size[0])
        else:
            stream.seek(size[0], 1)
