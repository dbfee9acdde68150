"""`frames.tar`: its bytes, for writing and for reading. Nothing in it is ever extracted to a path. Pure.

The layout of headers: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format".
"""

from __future__ import annotations

import os
import re
from typing import Literal, NamedTuple

BLOCK = 512
# An archive ends with two blocks of zeros.
END_BYTES = 2 * BLOCK
ZEROS = bytes(BLOCK)
# Of the fields that a pax header may have, those that change neither which bytes a file has nor what it is called.
_HARMLESS = re.compile(
    rb"(?:[amc]time|[ug]id|[ug]name|comment|LIBARCHIVE\.(?:xattr\..*|creationtime)|RHT\.security\..*|"
    rb"SCHILY\.(?:xattr\..*|acl\..*|fflags|dev|ino|nlink))",
    re.DOTALL,
)
_LONGEST_PAX = 64 * 1024
# What eleven octal digits can say; a twelfth stands where the field should end.
_MOST_BYTES = 8 * 2**30
_NUMBER = re.compile(rb" *([0-7]+)[ \0]*|[ \0]*")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
_REFUSED = {
    b"1": "is a link",
    b"2": "is a link",
    b"3": "is a device",
    b"4": "is a device",
    b"6": "is a FIFO",
    b"S": "is sparse",
    b"L": "has a long name in GNU's form, which is not read; give frames short names",
    b"K": "is a link",
    b"M": "continues an archive of several volumes",
}

Kind = Literal["file", "directory", "pax"]


class TarFault(Exception):
    """Why an archive is not read: one phrase, which begins with the entry at fault where there is one.

    Attributes:
        advice: What helps.
    """

    def __init__(self, reason: str, advice: str = "make it again, of numbered PNGs alone") -> None:
        super().__init__(reason)
        self.advice = advice


class Member(NamedTuple):
    """What a header says.

    Attributes:
        name: The path of a file, as it is written.
        size: Of its data, in bytes.
        kind: What it is; `pax`: more about the next one.
    """

    name: str
    size: int
    kind: Kind


def padded(size: int) -> int:
    """The bytes that data of this size takes."""
    return -(-size // BLOCK) * BLOCK


def entry(name: str, data: bytes, mtime: int) -> bytes:
    """A file in an archive: its header, its data, and what fills the last block.

    Args:
        name: At most 100 characters, ASCII.
        data: Its bytes, fewer than 8 GiB.
        mtime: When it was modified, in seconds since the epoch.
    """
    return b"".join((_header(name, len(data), mtime), data, bytes(padded(len(data)) - len(data))))


def _header(name: str, size: int, mtime: int) -> bytes:
    fields = (
        name.encode("ascii").ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        b"%011o\0%011o\0" % (size, mtime),
        b" " * 8 + b"0" + bytes(100) + b"ustar\x0000",
    )
    block = bytearray(b"".join(fields).ljust(BLOCK, b"\0"))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def is_of_entry(block: bytes) -> bool:
    """Whether a block is, to the last byte, a header of `entry`: other programs write other owners, modes or kinds."""
    size, mtime = _number(block[124:136]), _number(block[136:148])
    if not block[:100].isascii():
        return False
    return size is not None and mtime is not None and _header(_text(block[:100]), size, mtime) == block


def parse_header(block: bytes) -> Member:
    """What a header says, a block that is not all zeros.

    Raises:
        TarFault: It is none, or of something that is not read.
    """
    checksum = _number(block[148:156])
    if checksum is None or checksum != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise TarFault("has a wrong checksum")
    name = _text(block[:100])
    if block[257:265] == b"ustar\x0000" and block[345]:
        name = f"{_text(block[345:500])}/{name}"
    elif block[257:265] not in (b"ustar\x0000", b"ustar  \0", bytes(8)):
        raise TarFault(f"{name}: is of an unknown kind of archive")
    size = _number(block[124:136])
    if size is None:
        raise TarFault(f"{name}: its size is not a number of octal digits")
    if size >= _MOST_BYTES:
        raise TarFault(f"{name}: says that it has {size} bytes; 8 GiB or more are not read")
    flag = block[156:157]
    if flag in b"xg":
        return Member(name, size, "pax")
    if flag in b"0\0" and not name.endswith("/"):
        return Member(name, size, "file")
    if flag in b"05\0":
        if size:
            raise TarFault(f"{name}: is a directory with {size} bytes")
        return Member(name, 0, "directory")
    raise TarFault(f"{name}: {_REFUSED.get(flag, 'is neither a file nor a directory')}")


def check_compression(begin: bytes) -> None:
    """Raise TarFault where a file that begins with these bytes is compressed."""
    for magic, name in _COMPRESSED.items():
        if begin.startswith(magic):
            raise TarFault(f"is compressed ({name})", "decompress it")


def relative_parts(name: str) -> tuple[str, ...]:
    """The parts of a member's path below the directory where the archive was made.

    Raises:
        TarFault: It leads elsewhere.
    """
    if name.startswith("/"):
        raise TarFault(f"{name}: is an absolute path")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise TarFault(f"{name}: leads out of the archive")
    return parts


def check_pax(name: str, size: int) -> None:
    """Raise TarFault where a pax header is too large to be read."""
    if size > _LONGEST_PAX:
        raise TarFault(f"{name}: is a pax header of {size} bytes, more than {_LONGEST_PAX}")


def check_pax_fields(name: str, data: bytes) -> None:
    """Raise TarFault where a pax header has a field that is not to be passed over: a path, a size, a sparse file's."""
    position = 0
    while position < len(data):
        length, _, _ = data[position : position + 8].partition(b" ")
        end = position + int(length) if length.isdigit() else 0
        key, equals, _ = data[position + len(length) + 1 : end].partition(b"=")
        if not equals or end > len(data) or data[end - 1 : end] != b"\n":
            raise TarFault(f"{name}: is a pax header that is not well-formed")
        if not _HARMLESS.fullmatch(key):
            field = key[:40].decode("ascii", "replace")
            raise TarFault(f"{name}: is a pax header with the field {field}, which is not read (tar --format=ustar)")
        position = end


def _text(field: bytes) -> str:
    return os.fsdecode(field.partition(b"\0")[0])


def _number(field: bytes) -> int | None:
    # GNU's other form, of base 256, is for what is negative or has 8 GiB or more.
    match = _NUMBER.fullmatch(field)
    return int(match[1] or b"0", 8) if match is not None else None
