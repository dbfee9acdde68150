"""Reading and writing the JSON records of the spool. What is read was written by anybody: bounded, checked."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from daddy_encode.errors import ManifestError
from daddy_encode.spool.held_file import SAFELY

# A manifest holds a user's `meta`; a receipt may list bad frames. Neither comes near this.
MAX_RECORD_BYTES = 4 * 2**20
PIECE_BYTES = 2**16
# Deeper than any record we write; keeps a hostile one away from the interpreter's recursion limit.
MAX_DEPTH = 64
# Enough for a 1024-bit seed in `meta`.
MAX_DIGITS = 400
# Numbers, texts, lists and objects: as Python's own, 4 MiB of the smallest would take 100 MB and more. A receipt that
# lists all the frames that it may has a fifth of this.
MAX_VALUES = 20_000
# A text, or a character that comes with each further value. A text that never ends is one, too: else it would be looked
# through once more from each quotation mark in it.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[,:\[{]', re.DOTALL)

Record = TypeVar("Record", bound=msgspec.Struct)

_known: set[type[msgspec.Struct]] = set()
_describing = threading.Lock()


def encode_record(record: msgspec.Struct) -> bytes:
    """`record` as indented JSON text with a final newline; values as in `encode_json`, which raises the same."""
    return msgspec.json.format(encode_json(record), indent=2) + b"\n"


def encode_json(value: Any) -> bytes:
    """`value` as JSON text on one line. numpy's scalars and arrays become numbers and lists; NaN becomes null.

    Raises:
        ManifestError: There is a value that JSON cannot hold.
    """
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ManifestError(f"a value cannot be written as JSON: {error}") from error


class _Unread(msgspec.Struct):
    """A record of which one field is kept as it is written: what it would be in memory may be many times as large."""

    meta: msgspec.Raw = msgspec.Raw(b"{}")


def parse_record(
    text: bytes,
    kind: type[Record],
    name: str,
    *,
    most_meta: int | None = None,
    max_bytes: int = MAX_RECORD_BYTES,
    max_values: int = MAX_VALUES,
) -> Record:
    """Parse a record. Pure; unknown fields are ignored.

    Args:
        text: What should be its JSON.
        kind: The type of the record.
        name: What the error's text begins with.
        most_meta: The record's `meta` is wanted where the whole text has at most so many bytes and `max_values` values.
            Of one with more values it is only asked that it is an object in JSON. Default: it is wanted, and has to
            have no more values.
        max_bytes: How long the text may be.
        max_values: How many values it may have.

    Raises:
        ManifestError: It is not such a record: bad JSON, a repeated key, NaN, a wrong type, a number out of bounds,
            more than `max_values` values, a version that this program does not know.
    """
    try:
        if len(text) > max_bytes:
            raise ValueError(f"larger than {max_bytes} bytes")
        if most_meta is not None and _has_many_values(text, max_values):
            text = _without_meta(text)
        if _has_many_values(text, max_values):
            raise ValueError(f"more than {max_values} values, or nested too deeply")
        tree = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_bounded,
            parse_float=_finite,
        )
        if not isinstance(tree, dict):
            raise ValueError("not a JSON object")
        _check_depth(tree)
        if "version" not in tree:
            raise ValueError("it has no version, so it is another kind of file")
        version = tree["version"]
        if type(version) is not int or version != 1:
            raise ValueError(f"version {version!r:.40} is not one this program reads (1); update daddy-encode")
        if most_meta is not None and len(text) > most_meta and isinstance(tree.get("meta"), dict):
            del tree["meta"]
        return msgspec.convert(tree, known(kind))
    except RecursionError:
        raise ManifestError(f"{name}: nested too deeply; write it again") from None
    except (ValueError, msgspec.MsgspecError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ManifestError(f"{name}: not a valid {kind.__name__.lower()}: {reason}") from error


Check = Callable[[os.stat_result, Path], None]
"""Called with the status of a file that was opened, and its path; raises where the file should not be used."""


def most_values(text: bytes) -> int:
    """How many values JSON text may have, at most, from a quick look: texts in it may count for some."""
    return text.count(b",") + text.count(b":") + text.count(b"[") + text.count(b"{")


def _has_many_values(text: bytes, many: int) -> bool:
    """Whether JSON text has more than `many` values, without making one of them."""
    if most_values(text) <= many:
        return False
    # Texts may hold these characters as well, and seldom do.
    values = 0
    for token in _TOKEN.finditer(text):
        values += text[token.start()] != ord('"')
        if values > many:
            return True
    return False


def _without_meta(text: bytes) -> bytes:
    """A record's text with an empty `meta` instead of its own."""
    meta = bytes(msgspec.json.decode(text, type=known(_Unread)).meta)
    return text.replace(meta, b"{}", 1) if meta.startswith(b"{") else text


def known(kind: type[Record]) -> type[Record]:
    """`kind`, to be read from any thread.

    msgspec (0.22) describes a type when it is first read, and a thread that meets the unfinished description of another
    ends the process with a segmentation fault.
    """
    if kind not in _known:
        with _describing:
            msgspec.json.Decoder(kind)
            _known.add(kind)
    return kind


def read_record(
    path: Path,
    kind: type[Record],
    *,
    dir_fd: int | None = None,
    check: Check | None = None,
    most_meta: int | None = None,
) -> tuple[Record, bytes] | None:
    """Read a record.

    Args:
        path: The file.
        kind: The type of the record.
        dir_fd: A descriptor of its directory, where that is open already.
        check: Called once the file is open, before it is read; what it raises is raised. Default: any file is read.
        most_meta: As in `parse_record`.

    Returns:
        The record and its exact bytes; None where there is no such file.

    Raises:
        ManifestError: The file is a link, not a regular file, too large, unreadable or not valid.
    """
    try:
        descriptor = os.open(path if dir_fd is None else path.name, os.O_RDONLY | SAFELY, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be opened: {error.strerror}; is it a link, or not yours?") from error
    # A directory cannot become a stream, so this comes first.
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ManifestError(f"{path}: not a regular file; remove it and write it again")
    with os.fdopen(descriptor, "rb") as stream:
        if check is not None:
            check(status, path)
        text = b""
        try:
            # In pieces: a buffer for the largest record, allocated thousands of times, would leave gaps in memory.
            while len(text) <= MAX_RECORD_BYTES and (piece := stream.read(PIECE_BYTES)):
                text += piece
        except OSError as error:
            raise ManifestError(f"{path}: cannot be read: {error.strerror}; try again") from error
    return parse_record(text, kind, str(path), most_meta=most_meta), text


def _plain(value: Any) -> Any:
    # numpy's scalars and arrays, torch's tensors: everything that can convert itself to Python's own types.
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("it has the same key twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _bounded(text: str) -> int:
    # Python before 3.10.7 takes hours for millions of digits; later ones refuse them with a text of their own.
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _check_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
