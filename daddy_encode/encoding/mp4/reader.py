"""Reading back an MP4: what its boxes say, without trusting the program that wrote it.

Boxes: ISO/IEC 14496-12 (ISO base media file format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from daddy_encode.errors import EncodeError

# The sample tables of ten million frames; we write no larger ones.
MAX_MOOV_BYTES = 200 * 2**20


@dataclass(frozen=True)
class Mp4Facts:
    """What an MP4's boxes say.

    Attributes:
        frames: Samples of the track.
        rate: Frames per second; None where their durations differ.
        width: In pixels.
        height: In pixels.
        moov_first: Whether moov comes before mdat, so that playing begins before all is loaded.
        start: The media time at which it begins to play, in the track's units.
    """

    frames: int
    rate: Fraction | None
    width: int
    height: int
    moov_first: bool
    start: int


def read_mp4(stream: BinaryIO) -> Mp4Facts:
    """The facts of the MP4 in `stream`, one video track; raises EncodeError where it is not such a file, or OSError."""
    try:
        order, moov = _top_level(stream)
        tracks = _children(moov).get(b"trak", [])
        (track,) = tracks
        media = _one(track, b"mdia")
        table = _one(_one(media, b"minf"), b"stbl")
        (timescale,) = struct.unpack_from(">I", _one(media, b"mdhd"), 12)
        durations = _one(table, b"stts")
        (entries,) = struct.unpack_from(">I", durations, 4)
        counted, delta = struct.unpack_from(">II", durations, 8)
        _, frames = struct.unpack_from(">II", _one(table, b"stsz"), 4)
        width, height = struct.unpack_from(">HH", _one(table, b"stsd"), 8 + 32)
        start = _start(track)
    except (ValueError, KeyError, struct.error) as error:
        raise EncodeError(f"what ffmpeg wrote is not a whole MP4 ({error})") from error
    uniform = entries == 1 and counted == frames and delta > 0
    return Mp4Facts(
        frames=frames,
        rate=Fraction(timescale, delta) if uniform else None,
        width=width,
        height=height,
        moov_first=order.index(b"moov") < order.index(b"mdat"),
        start=start,
    )


def _start(track: bytes) -> int:
    """The media time of the one entry of a track's edit list, 0 where there is no list."""
    if b"edts" not in _children(track):
        return 0
    edits = _one(_one(track, b"edts"), b"elst")
    version, count = edits[0], struct.unpack_from(">I", edits, 4)[0]
    if count != 1:
        raise ValueError(f"its edit list has {count} entries")
    start: int = struct.unpack_from(">q", edits, 16)[0] if version else struct.unpack_from(">i", edits, 12)[0]
    return start


def _top_level(stream: BinaryIO) -> tuple[list[bytes], bytes]:
    """The kinds of the boxes in order, and the content of moov."""
    order: list[bytes] = []
    moov = b""
    end = stream.seek(0, 2)
    position = 0
    while position < end:
        stream.seek(position)
        size, kind = struct.unpack(">I4s", stream.read(8))
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", stream.read(8))
            head = 16
        if size < head or position + size > end:
            raise ValueError(f"box {kind!r} does not fit the file")
        if kind == b"moov":
            if size > MAX_MOOV_BYTES:
                raise ValueError("its moov box is too large")
            moov = stream.read(size - head)
        order.append(kind)
        position += size
    if b"moov" not in order or b"mdat" not in order:
        raise ValueError("no moov or no mdat box")
    return order, moov


def _children(content: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        if size < 8 or position + size > len(content):
            raise ValueError(f"box {kind!r} does not fit")
        found.setdefault(kind, []).append(content[position + 8 : position + size])
        position += size
    return found


def _one(content: bytes, kind: bytes) -> bytes:
    (box,) = _children(content)[kind]
    return box
