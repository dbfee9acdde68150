"""The line for each video saved: for people on standard error, for programs as JSON on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daddy_encode.errors import cut, one_line

if TYPE_CHECKING:
    import logging

    from daddy_encode.spool.receipt import OutputRecord, Receipt

NAME = "daddy_encode"
# A log is not a receipt: of many lost frames, the first few.
LOST_SHOWN = 5
# Of why a rollout died, in characters.
_LONGEST_REASON = 200


def saved_line(record: OutputRecord, path: Path, receipt: Receipt | None = None, replaced: str = "") -> str:
    """The six values of a saved video on one line.

    Args:
        record: The video's record.
        path: Where it is.
        receipt: The job's, whose partial and lost frames are named as well. Default: they are not.
        replaced: Which file it has replaced. Default: none.
    """
    kind = f"Both ({record.format.upper()})" if record.type == "Both" else record.type
    notes = "".join(f"; {note}" for note in (*(not_whole(receipt) if receipt is not None else ()), replaced) if note)
    return one_line(
        f"saved {shown(path)}: {record.frames} frame{'s' if record.frames != 1 else ''}, {record.fps} fps, "
        f"took {record.encode_seconds:.2f} s, {size(record.bytes)}, {kind}{notes}"
    )


def log_saved(record: OutputRecord, path: Path) -> None:
    """Log the line of a video that is no job's, and what a viewer should know of it."""
    import logging

    log = logging.getLogger(NAME)
    log.info("%s", saved_line(record, path))
    for warning in record.warnings:
        log.info("%s: %s", shown(path), warning)


def not_whole(receipt: Receipt) -> list[str]:
    """What a job's video lacks of its rollout, in a few words each; empty where nothing is known to be lacking."""
    lost = receipt.lost
    notes = []
    if receipt.salvaged or receipt.partial:
        reason = cut(receipt.rollout_error or "", _LONGEST_REASON)
        died = f" (the rollout died: {reason})" if reason else ""
        notes.append(("salvaged" if receipt.salvaged else "partial") + died)
    words = {"missing": lost.missing_count, "bad": lost.bad_count, "dropped": lost.dropped_count}
    counts = [f"{count} {word}" for word, count in words.items() if count]
    if counts:
        instead = "left out" if receipt.gaps == "skip" else "the frame before each is repeated"
        notes.append(f"{', '.join(counts)} ({instead})")
    if receipt.source.numbering == "irregular":
        notes.append(f"numbers at irregular distances {'closed up' if receipt.gaps == 'skip' else 'held'}")
    return notes


def lost_lines(receipt: Receipt) -> Iterator[str]:
    """Yield a line for each of the first frames that were lost, as `receipt` says, and one for the rest."""
    lines = [f"{name} is missing" for name in receipt.lost.missing]
    lines += [f"{frame.name} {frame.reason}" for frame in receipt.lost.bad]
    yield from lines[:LOST_SHOWN]
    more = receipt.lost.missing_count + receipt.lost.bad_count - LOST_SHOWN
    if more > 0:
        yield f"and {more} more; its receipt lists them"


def saved_json(record: OutputRecord, path: Path) -> str:
    """A saved video as one JSON object on one line: path, frames, fps, encode_seconds, bytes, type, and format."""
    values: dict[str, Any] = {"path": str(path)}
    for name in ("frames", "fps", "encode_seconds", "bytes", "type", "format"):
        values[name] = getattr(record, name)
    import json

    return json.dumps(values)


def shown(path: Path) -> str:
    """`path` as a user on this terminal would type it: relative where it is below the working directory.

    In `/`, where services and Slurm jobs run, it stays absolute: a relative path would only hide where the file is.
    """
    try:
        relative = os.path.relpath(path) if os.getcwd() != "/" else ".."
    except (OSError, ValueError):  # the working directory has gone
        relative = str(path)
    return one_line(str(path) if relative.startswith("..") else relative)


def shown_first(text: str, path: Path) -> str:
    """A line about `path`, which it begins with, with that as `shown` has it."""
    rest = text.removeprefix(one_line(str(path)))
    return text if rest == text else f"{shown(path)}{rest}"


def counted(count: int, noun: str) -> str:
    """`1 video`, `2 videos`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def size(count: int) -> str:
    """A number of bytes for people: 999 B, 1.2 kB, 34.5 MB."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def seconds_text(seconds: float) -> str:
    """A length of time for people: 4.2 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def set_up_logging(handler: logging.Handler, *, quiet: bool = False, verbose: bool = False) -> None:
    """Send this package's log to `handler`, with the time where standard error is a file, such as a Slurm job's.

    Args:
        handler: Where to.
        quiet: Only warnings and errors. Default: what was saved, as well.
        verbose: All there is to say. Default: not.
    """
    # Loaded by those that log: the other functions here are for all commands.
    import logging

    class OneLine(logging.Formatter):
        """Each record is one printable line, whatever text of the spool is in it."""

        def format(self, record: logging.LogRecord) -> str:
            return one_line(super().format(record))

    stamp = "" if sys.stderr.isatty() else "%(asctime)s "
    handler.setFormatter(OneLine(f"{stamp}%(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger(NAME)
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
