"""`frames.json`: what is in the `frames.mkv` beside it, and of which PNGs that was made. Written last of all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from daddy_encode.errors import ManifestError
from daddy_encode.spool.receipt import MAX_WHOLE, Nanoseconds, Seconds, Whole
from daddy_encode.spool.records import encode_record, parse_record, read_record
from daddy_encode.spool.stored.names import PACK_RECORD

# Nine hours at 30 frames per second.
MAX_FRAMES = 1_000_000
# A frame takes more in any container.
LEAST_FRAME_BYTES = 8
# Names that do not follow from a number, all of them together: the record stays below what a reader accepts.
MAX_NAME_CHARACTERS = 3 * 2**20
# What a PNG has before its pixels: its size and kind, a palette, a text or a colour profile.
MAX_HEAD_BYTES = 64 * 2**10
MAX_WIDTH = 40
# A name ends so; what comes before may be anything a file's name may have.
_NAME = re.compile(r"[^/\0]{1,250}\.png", re.DOTALL | re.IGNORECASE)

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Name = Annotated[str, Meta(max_length=255)]


class NumberedNames(Struct, frozen=True, kw_only=True):
    """Names that differ in a number alone, which grows by one distance: `before`, the number in decimal, `after`.

    Attributes:
        before: The text before the number.
        after: The text after it, with the suffix.
        first: The number of the first frame.
        stride: The distance to the next.
        digits: How many digits a number has at least, zeros before it.
    """

    before: Name = ""
    after: Name = ".png"
    first: Whole = 0
    stride: Annotated[int, Meta(ge=1, le=MAX_WHOLE)] = 1
    digits: Annotated[int, Meta(ge=1, le=MAX_WIDTH)] = 6


class PackRecord(Struct, frozen=True, kw_only=True):
    """What a packed file holds.

    Attributes:
        version: Of this format: 1.
        frames: How many frames there are.
        numbered: Their names, where these follow from a number; else None.
        listed: All their names, a slash between each two, where they do not; else empty.
        width: Of each frame, in pixels; `head` says the same.
        height: Likewise.
        head: What each PNG began with, up to its image data, in hexadecimal digits: size, kind, palette, texts.
        codec: ffmpeg's name of the encoder.
        bytes: The size of the packed file.
        mtime_ns: Its modification time when it got its name, in nanoseconds.
        sha256: Of its bytes, in hexadecimal digits.
        pixels_sha256: Of the samples of all frames in order, as PNG has them without a filter.
        changing: The part of a frame, from 0 to 1, that changes from one to the next, by some of them; None: not known.
        png_sha256: Of the bytes of all PNGs in order: the `source.sha256` of a receipt that was made of them.
        listing_sha256: Of their names, sizes and modification times, as in a receipt.
        manifest_sha256: Of the manifest's bytes; None where there was none.
        ffmpeg: The version of the program.
        finished: Seconds since the epoch.
    """

    version: int = 1
    frames: Annotated[int, Meta(ge=1, le=MAX_FRAMES)]
    numbered: NumberedNames | None = None
    listed: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)] = ""
    width: Whole
    height: Whole
    head: Annotated[str, Meta(max_length=2 * MAX_HEAD_BYTES)]
    codec: Literal["libx264rgb", "libx264", "ffv1"]
    bytes: Whole
    mtime_ns: Nanoseconds
    sha256: Digest
    pixels_sha256: Digest
    changing: Annotated[float, Meta(ge=0, le=1)] | None = None
    png_sha256: Digest
    listing_sha256: Digest
    manifest_sha256: Digest | None = None
    ffmpeg: str = ""
    finished: Seconds = field(default=0.0)


def write_names(names: Sequence[str]) -> tuple[NumberedNames | None, str]:
    """The fields `numbered` and `listed` of a record that say these names, of one sequence, in order.

    Raises:
        ManifestError: They are too many or too long, or not UTF-8.
    """
    if len(names) > MAX_FRAMES:
        raise ManifestError(f"has {len(names)} frames, more than the {MAX_FRAMES} that one packed file holds")
    if (numbered := _numbered(names)) is not None:
        return numbered, ""
    listed = "/".join(names)
    if len(listed) > MAX_NAME_CHARACTERS:
        raise ManifestError("its names are too long to be written down, and do not follow from a number")
    try:
        listed.encode()
    except UnicodeEncodeError as error:
        raise ManifestError("a name is not UTF-8") from error
    return None, listed


def names_of(record: PackRecord) -> list[str]:
    """The names of the frames, in order. Raises ManifestError where the record does not say them."""
    if record.bytes < record.frames * LEAST_FRAME_BYTES:
        # Before so many names are made.
        raise ManifestError(f"says that {record.bytes} bytes are {record.frames} frames")
    if record.numbered is not None:
        numbered = record.numbered
        if numbered.first + record.frames * numbered.stride > MAX_WHOLE:
            raise ManifestError("its names have numbers that are too large")
        names = list(_spelled(numbered, record.frames))
        # They differ in digits alone, so what is right of the longest is right of all.
        checked = names[-1:]
    else:
        names = checked = record.listed.split("/")
    if len(names) != record.frames or not all(map(_NAME.fullmatch, checked)) or len(set(names)) < len(names):
        raise ManifestError("does not name as many PNGs as it has frames")
    return names


def encode_pack_record(record: PackRecord, directory: Path) -> bytes:
    """The bytes of a record. Raises ManifestError where no reader would accept it."""
    text = encode_record(record)
    parse_record(text, PackRecord, str(directory / PACK_RECORD))
    return text


def read_pack_record(
    directory: Path, *, dir_fd: int | None = None, check: Callable[..., None] | None = None
) -> PackRecord | None:
    """The record in `directory`; None where there is none. Raises as `read_record`."""
    found = read_record(directory / PACK_RECORD, PackRecord, dir_fd=dir_fd, check=check)
    return found[0] if found is not None else None


def _numbered(names: Sequence[str]) -> NumberedNames | None:
    """What says `names`, if they follow from a number."""
    # It may be any of the runs of digits.
    runs = [match.span() for match in re.finditer("[0-9]+", names[0])]
    for begin, end in reversed(runs):
        if end - begin > MAX_WIDTH:
            continue
        before, after = names[0][:begin], names[0][end:]
        second = names[min(1, len(names) - 1)]
        if not (second.startswith(before) and second.endswith(after) and len(second) >= len(before) + len(after)):
            continue
        digits = second[len(before) : len(second) - len(after)]
        if not re.fullmatch("[0-9]{1,40}", digits):
            continue
        start = int(names[0][begin:end])
        stride = int(digits) - start if len(names) > 1 else 1
        if stride < 1 or start + stride * len(names) > MAX_WHOLE:
            continue
        numbered = NumberedNames(before=before, after=after, first=start, stride=stride, digits=end - begin)
        if _is_utf8(before + after) and all(map(str.__eq__, _spelled(numbered, len(names)), names)):
            return numbered
    return None


def _spelled(numbered: NumberedNames, frames: int) -> Any:
    numbers = range(numbered.first, numbered.first + frames * numbered.stride, numbered.stride)
    return (f"{numbered.before}{number:0{numbered.digits}d}{numbered.after}" for number in numbers)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
