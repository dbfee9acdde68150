"""Which frames an archive holds, and where: read from its headers alone, each by one call."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from daddy_encode.spool.frames import count_frames, frame_name, is_own_name
from daddy_encode.spool.stored.tar import (
    BLOCK,
    END_BYTES,
    ZEROS,
    TarFault,
    check_compression,
    check_pax,
    check_pax_fields,
    is_of_entry,
    padded,
    parse_header,
    relative_parts,
)

# Nine hours at 30 frames per second.
MAX_MEMBERS = 1_000_000
# The last record of an archive is filled with zeros: 10,240 bytes, unless somebody has asked for larger records.
_LONGEST_END = 16 * 2**20
_END_PIECE = 2**20
# An archive of so many bytes is soon indexed.
_SHORT = 256 * 1024
# The last header of a recording is looked for in so much at its end: at first, and at most.
_PIECE = 64 * 1024
_LONGEST_PIECE = 16 * 2**20


class TarIndex(Struct, frozen=True):
    """The PNGs in an archive.

    Attributes:
        entries: Where the data of each begins, and its size, by its name.
        end: Where the last whole one ends, with what fills its last block.
        cut: The name of the last one, where the archive ends before it does. Its size is 0 where that is not known.
        other: The name of a file in it that was passed over.
    """

    entries: Mapping[str, tuple[int, int]]
    end: int = 0
    cut: str | None = None
    other: str | None = None


def read_index(descriptor: int, size: int) -> TarIndex:
    """Index an archive.

    Files that are no PNGs, and those that begin with a dot, are passed over. PNGs may all be in one directory.

    Args:
        descriptor: The archive's.
        size: Its size: what lies beyond is not read.

    Raises:
        TarFault: It is none, or holds something that no archive of frames has.
        OSError: It cannot be read.
    """
    check_compression(os.pread(descriptor, 8, 0))
    entries: dict[str, tuple[int, int]] = {}
    parents: dict[tuple[str, ...], str] = {}
    position = end = members = 0
    cut: str | None = None
    other: str | None = None
    latest = "its beginning"
    while position + BLOCK <= size:
        block = os.pread(descriptor, BLOCK, position)
        if block == ZEROS:
            _check_end(descriptor, position, size)
            return TarIndex(entries, end, other=other)
        try:
            member = parse_header(block)
        except TarFault as fault:
            raise fault if ": " in str(fault) else TarFault(f"what follows {latest} {fault}") from None
        members += 1
        if members > MAX_MEMBERS:
            raise TarFault(f"has more than {MAX_MEMBERS} entries")
        latest, begin = member.name, position + BLOCK
        position = begin + padded(member.size)
        if member.kind == "pax":
            check_pax(member.name, member.size)
            if position <= size:
                check_pax_fields(member.name, os.pread(descriptor, member.size, begin))
            continue
        parts = relative_parts(member.name)
        if member.kind == "directory":
            continue
        if any(part.startswith(".") for part in parts):
            other = other or member.name
            continue
        if not parts:
            raise TarFault("has a file without a name")
        name = parts[-1]
        if name[-4:].lower() != ".png":
            other = other or member.name
            continue
        parents.setdefault(parts[:-1], member.name)
        if len(parents) > 1:
            raise TarFault(f"{member.name}: is not in the directory of {next(iter(parents.values()))}")
        if name in entries:
            raise TarFault(f"{member.name}: is there twice")
        entries[name] = begin, member.size
        # What fills the last block of the last entry need not be there.
        if begin + member.size > size:
            cut = name
        else:
            end = position
    following = frame_name(len(entries))
    if (
        position < size
        and latest == frame_name(len(entries) - 1)
        and os.pread(descriptor, BLOCK, position).strip(b"\0")
    ):
        # A recording of this project, killed while it wrote a header.
        entries[following], cut = (size, 0), following
    return TarIndex(entries, end, cut, other)


def count_stored(descriptor: int, size: int) -> tuple[int, list[str]]:
    """How many frames an archive seems to hold. Quick where a recording of this project is.

    Args:
        descriptor: The archive's.
        size: Its size.

    Returns:
        Their number, at least 1 where it holds something that cannot be indexed, and their names; of a recording of
        this project the first name alone.

    Raises:
        OSError: It cannot be read.
    """
    try:
        first = os.pread(descriptor, BLOCK, 0)
        check_compression(first)
        if size >= BLOCK and first != ZEROS:
            member = parse_header(first)
            # Of an archive that somebody has made, frames may be missing; a recording has none without those before it.
            is_ours = size > _SHORT and is_of_entry(first) and member.name == frame_name(0)
            is_ours = is_ours and _is_second(descriptor, member.size)
            if is_ours and (last := _last(descriptor, size)) is not None and last * 2 * BLOCK <= size:
                return last, [frame_name(0)]
            index = read_index(descriptor, size)
            names = list(index.entries)
            return count_frames([name for name in names if name != index.cut]), names
    except TarFault:
        return 1, []
    return 0, []


def _is_second(descriptor: int, first_bytes: int) -> bool:
    """Whether the second frame follows the first, which has so many bytes."""
    header = os.pread(descriptor, BLOCK, BLOCK + padded(first_bytes))
    return len(header) == BLOCK and is_of_entry(header) and parse_header(header).name == frame_name(1)


def _last(descriptor: int, size: int) -> int | None:
    """How many whole frames there are, by the last header, which is looked for from the end; None: it is not ours."""
    end = size - size % BLOCK
    length = _PIECE
    while True:
        begin = max(0, end - length)
        piece = os.pread(descriptor, end - begin, begin)
        at = len(piece)
        while (at := piece.rfind(b"ustar\x0000", 0, at)) >= 0:
            start = at - 257
            if start < 0 or start % BLOCK:
                continue
            try:
                member = parse_header(piece[start : start + BLOCK])
            except TarFault:
                continue
            if not is_own_name(member.name) or not is_of_entry(piece[start : start + BLOCK]):
                return None
            return int(member.name[:-4]) + (begin + start + BLOCK + member.size <= size)
        if begin == 0 or length >= _LONGEST_PIECE:
            return None
        length *= 4


def _check_end(descriptor: int, position: int, size: int) -> None:
    rest = size - position
    if rest > _LONGEST_END + END_BYTES:
        raise TarFault(f"has {rest} bytes from its end on")
    for begin in range(position, size, _END_PIECE):
        if os.pread(descriptor, min(_END_PIECE, size - begin), begin).strip(b"\0"):
            raise TarFault("goes on after its end, as several archives in one file do")
