"""`ID.js` in the page's folder: what is large of one job, its sprite and its annotations, loaded when it is looked at.

Its first line says of which videos it was made and what is in it, so that the page can be written without the rest
being read; the file is made anew once its job was encoded anew. It is not flushed to disk: a file that a crash has
cut off has another size than its first line says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from daddy_encode.report.gallery.page import embedded_json
from daddy_encode.spool.held_file import NEW, SAFELY
from daddy_encode.spool.orphans import temp_name
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import known

SUFFIX = ".js"
NAME = re.compile(r"([0-9a-f]{12})\.js")
_BEGIN = b"// daddy-encode gallery "
_LONGEST_HEAD = 2**14
_LONGEST_FILE = 2**24
_NEW_SECONDS = 3600
# In a script, the first would set the object's prototype: such a key is written in brackets. In a text there would be
# a backslash before each quote.
_PROTOTYPE, _OWN_KEY = b'"__proto__":', b'["__proto__"]:'

_Size = Annotated[int, Meta(ge=1, le=65_535)]


class Head(Struct, frozen=True, kw_only=True):
    """The first line.

    Attributes:
        key: Of the videos that the file was made of.
        bytes: What comes after the line.
        sprite: Columns, rows, width and height of a cell in pixels, and how many there are; None: none could be made.
        columns: The names of the annotations that are numbers.
        has_tried: Whether a sprite was wanted.
    """

    key: Annotated[str, Meta(min_length=1, max_length=64)]
    bytes: Annotated[int, Meta(ge=0, le=_LONGEST_FILE)]
    sprite: tuple[_Size, _Size, _Size, _Size, _Size] | None = None
    columns: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=40)] = field(default_factory=list)
    has_tried: bool = True


def details_key(receipt: Receipt) -> str:
    """What changes when a job is encoded anew, and not when its receipt is written anew."""
    digests = [receipt.source.sha256, *sorted(record.sha256 for record in receipt.outputs)]
    return hashlib.sha256("\n".join(digests).encode("utf-8", "replace")).hexdigest()[:16]


def read_head(directory: int, identifier: str) -> Head | None:
    """The first line of a job's file; None where there is none that is whole.

    Args:
        directory: A descriptor of the page's folder.
        identifier: The job's.
    """
    with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
        descriptor = os.open(identifier + SUFFIX, os.O_RDONLY | SAFELY, dir_fd=directory)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            line, newline, _ = os.read(descriptor, _LONGEST_HEAD).partition(b"\n")
        finally:
            os.close(descriptor)
        if newline and line.startswith(_BEGIN):
            head = msgspec.json.decode(line[len(_BEGIN) :], type=known(Head))
            if status.st_size == len(line) + 1 + head.bytes:
                return head
    return None


def read_details(directory: int, identifier: str) -> dict[str, Any]:
    """What a job's file holds; nothing where it cannot be used."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(identifier + SUFFIX, os.O_RDONLY | SAFELY, dir_fd=directory)
        with open(descriptor, "rb") as stream:
            text = stream.read(_LONGEST_FILE)
        _, _, call = text.partition(b"\n")
        found = json.loads(call[call.index(b",") + 1 : call.rindex(b")")].replace(_OWN_KEY, _PROTOTYPE))
        return found if isinstance(found, dict) else {}
    return {}


def write_details(directory: int, identifier: str, head: Mapping[str, Any], details: Mapping[str, Any]) -> Head:
    """Write a job's file; its first line gets `head` and the size. Raises OSError."""
    value = embedded_json(details).replace(_PROTOTYPE, _OWN_KEY)
    body = b"".join((b"daddyEncode.job(", embedded_json(identifier), b",", value, b");\n"))
    whole = msgspec.convert({**head, "bytes": len(body)}, known(Head))
    # ASCII: in a comment, a separator of lines would end it.
    line = json.dumps(msgspec.to_builtins(whole), separators=(",", ":")).encode()
    replace_file(directory, identifier + SUFFIX, b"".join((_BEGIN, line, b"\n", body)))
    return whole


def replace_file(directory: int, name: str, data: bytes) -> None:
    """Write `data` under a name in an open directory, atomically, without flushing it. Raises OSError."""
    with ready_file(directory, name, data) as rename:
        rename()


@contextlib.contextmanager
def ready_file(directory: int, name: str, data: bytes) -> Iterator[Callable[[], None]]:
    """Write `data` in an open directory, under a temporary name; what is yielded renames it. Raises OSError."""
    temp = temp_name()
    descriptor = os.open(temp, os.O_WRONLY | NEW, 0o666, dir_fd=directory)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(data)
        yield partial(os.replace, temp, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temp, dir_fd=directory)
        raise


def remove_others(directory: int, identifiers: set[str]) -> None:
    """Remove the files of jobs that are not among these, unless they are new: another encoder may know of its jobs."""
    for name in os.listdir(directory):
        found = NAME.fullmatch(name)
        if found is not None and found[1] not in identifiers:
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if status.st_mtime < time.time() - _NEW_SECONDS:
                    os.unlink(name, dir_fd=directory)
