"""Reading back an MP4: what its boxes say, without trusting the program that wrote it.

Boxes: ISO/IEC 14496-12 (ISO base media file format).
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import BinaryIO

from msgspec import Struct

from daddy_encode.errors import EncodeError

# The sample tables of ten million frames; we write no larger ones.
MAX_MOOV_BYTES = 200 * 2**20


class Mp4Facts(Struct, frozen=True):
    """What an MP4's boxes say.

    Attributes:
        frames: Samples of the track.
        rate: Frames per second; None where their durations differ.
        width: In pixels.
        height: In pixels.
        moov_first: Whether moov comes before mdat, so that playing begins before all is loaded.
        start: The media time at which it begins to play, in the track's units.
        codec: The kind of its samples, such as "avc1" of H.264.
    """

    frames: int
    rate: Fraction | None
    width: int
    height: int
    moov_first: bool
    start: int
    codec: str


def read_mp4(stream: BinaryIO) -> Mp4Facts:
    """The facts of the MP4 in `stream`, one video track; raises EncodeError where it is not such a file, or OSError."""
    try:
        order, moov = _top_level(stream)
        track, media, table = _track(moov)
        timescale = _timescale(_one(media, b"mdhd"))
        counted, deltas = _durations(_one(table, b"stts"))
        _, frames = struct.unpack_from(">II", _one(table, b"stsz"), 4)
        codec, width, height = struct.unpack_from(">4s24xHH", _one(table, b"stsd"), 8 + 4)
        start = _start(track)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise EncodeError(f"what ffmpeg wrote is not a whole MP4 ({error}); run again") from error
    uniform = len(deltas) == 1 and counted == frames and 0 not in deltas
    return Mp4Facts(
        frames=frames,
        rate=Fraction(timescale, *deltas) if uniform else None,
        width=width,
        height=height,
        moov_first=order.index(b"moov") < order.index(b"mdat"),
        start=start,
        codec=codec.decode("latin-1"),
    )


def read_key_frames(stream: BinaryIO) -> list[int]:
    """The numbers, from 0, of the frames of an MP4 that can be decoded by themselves; raises as `read_mp4` does."""
    try:
        _, moov = _top_level(stream)
        _, _, table = _track(moov)
        if b"stss" not in _children(table):
            # Then every one.
            _, frames = struct.unpack_from(">II", _one(table, b"stsz"), 4)
            return list(range(frames))
        samples = _one(table, b"stss")
        return [number - 1 for (number,) in struct.iter_unpack(">I", samples[8:])]
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise EncodeError(f"this is not a whole MP4 ({error})") from error


def _track(moov: bytes) -> tuple[bytes, bytes, bytes]:
    """The contents of the trak box, of the mdia box in that, and of the stbl box in that."""
    track = _one(moov, b"trak")
    media = _one(track, b"mdia")
    return track, media, _one(_one(media, b"minf"), b"stbl")


def _timescale(header: bytes) -> int:
    """Units per second, from an mdhd box; ffmpeg writes version 1 where the track lasts over 2**31 - 1 of them."""
    # Before it are two times, of 4 bytes each, in version 1 of 8.
    (timescale,) = struct.unpack_from(">I", header, {0: 12, 1: 20}[header[0]])
    return int(timescale)


def _durations(table: bytes) -> tuple[int, set[int]]:
    """From an stts box: how many samples it counts, and the durations that they have, in the track's units."""
    (entries,) = struct.unpack_from(">I", table, 4)
    if len(table) != 8 + 8 * entries:
        raise ValueError(f"its stts box does not hold {entries} entries")
    pairs = list(struct.iter_unpack(">II", table[8:]))
    return sum(count for count, _ in pairs), {delta for _, delta in pairs}


def _start(track: bytes) -> int:
    """The media time of the one entry of a track's edit list, 0 where there is no list."""
    if b"edts" not in _children(track):
        return 0
    edits = _one(_one(track, b"edts"), b"elst")
    (count,) = struct.unpack_from(">I", edits, 4)
    if count != 1:
        raise ValueError(f"its edit list has {count} entries")
    # After the duration; both are of 4 bytes, in version 1 of 8.
    layout, at = {0: (">i", 12), 1: (">q", 16)}[edits[0]]
    (start,) = struct.unpack_from(layout, edits, at)
    return int(start)


def _top_level(stream: BinaryIO) -> tuple[list[bytes], bytes]:
    """The kinds of the boxes in order, and the content of moov."""
    order: list[bytes] = []
    moov = b""
    end = stream.seek(0, 2)
    position = 0
    while position < end:
        stream.seek(position)
        kind, head, size = _box(stream.read(16), end - position)
        if not kind.isalpha():
            raise ValueError(f"{end - position} bytes from byte {position} on that are no box")
        if kind == b"moov":
            if size > MAX_MOOV_BYTES:
                raise ValueError("its moov box is too large")
            stream.seek(position + head)
            moov = stream.read(size - head)
        order.append(kind)
        position += size
    if b"moov" not in order or b"mdat" not in order:
        raise ValueError("no moov or no mdat box")
    return order, moov


def _box(start: bytes, space: int) -> tuple[bytes, int, int]:
    """The kind of the box that begins with `start`, the bytes of its head, and its size, head included.

    Raises:
        ValueError: It does not fit in the `space` that is left for it.
    """
    if len(start) < 8:
        raise ValueError(f"{len(start)} bytes where a box should begin")
    size, kind = struct.unpack_from(">I4s", start)
    head = 8
    if size == 1:
        (size,) = struct.unpack_from(">Q", start, 8)
        head = 16
    elif size == 0:
        # Until the end of what it is in.
        size = space
    if not head <= size <= space:
        raise ValueError(f"box {kind!r} does not fit")
    return kind, head, size


def _children(content: bytes) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    position = 0
    while position + 8 <= len(content):
        kind, head, size = _box(content[position : position + 16], len(content) - position)
        found.setdefault(kind, []).append(content[position + head : position + size])
        position += size
    return found


def _one(content: bytes, kind: bytes) -> bytes:
    boxes = _children(content).get(kind, [])
    if len(boxes) != 1:
        raise ValueError(f"it has {len(boxes)} {kind.decode()} boxes in one place, not 1")
    return boxes[0]
