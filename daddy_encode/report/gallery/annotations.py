"""What a rollout said about each frame, as columns over the frames of its video. Anybody may have written it."""

from __future__ import annotations

import contextlib
import math
import os
import stat
from array import array
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from daddy_encode.report.gallery.meta import LONGEST_KEY, shortened
from daddy_encode.spool.held_file import SAFELY

MOST_COLUMNS = 40
MOST_TEXT_COLUMNS = 8
# Of a text column, changes that are kept.
MOST_TEXTS = 500
# Values of all columns: as JSON some 1.5 MB. Longer rollouts are thinned: every second frame, every third, …
MOST_VALUES = 150_000
# Of one column while it is read.
MOST_ROWS = 20_000
MOST_BYTES = 2**26
# As the encoder's reader has it.
_LONGEST_LINE = 4 * 2**20
_DEEPEST = 4
# A list of more numbers, such as an observation's pixels, is no curve.
_MOST_ITEMS = 16
_DROPPED = "dropped_before"
_SIGNIFICANT = 6


class Shown(Struct, frozen=True):
    """Which frame of a video shows which frame of the recording.

    Attributes:
        frames: How many pictures the video has.
        left_out: The numbers of frames that it does not show, the rest closed up; empty where none is, or others are
            repeated in their place.
        holds_dropped: Whether the frame before is repeated over the time of those that the rollout dropped.
        step: It shows every so many-th of them.
    """

    frames: int
    left_out: Collection[int] = frozenset()
    holds_dropped: bool = True
    step: int = 1


class Annotations(Struct, frozen=True):
    """The annotations of a video's frames.

    Attributes:
        step: Of the frames 0, `step`, 2 * `step`, … there are values.
        columns: By name, for each of these a number, or None.
        texts: By name, the frames where a text begins, with it: it holds until the next.
    """

    step: int = 1
    columns: Mapping[str, list[int | float | None]] = field(default_factory=dict)
    texts: Mapping[str, list[tuple[int, str]]] = field(default_factory=dict)


def read_annotations(path: Path, shown: Shown) -> Annotations:
    """The annotations of a recording, for its video; none where there are none, as far as they can be read.

    Args:
        path: Its `annotations.jsonl`. A link is not followed.
        shown: Which frames the video shows.
    """
    step = max(1, math.ceil(shown.frames / MOST_ROWS))
    rows = -(-shown.frames // step)
    columns: dict[str, array[float]] = {}
    texts: dict[str, list[tuple[int, str]]] = {}
    for frame, values in _lines(path, shown):
        for name, value in _flat(values, "", _DEEPEST):
            if isinstance(value, str):
                _add_text(texts, name, frame, value)
            elif frame % step == 0:
                if name not in columns:
                    if len(columns) >= MOST_COLUMNS:
                        continue
                    columns[name] = array("d", [math.nan]) * rows
                columns[name][frame // step] = value
    thinned = max(1, math.ceil(rows * len(columns) / MOST_VALUES))
    return Annotations(
        step * thinned,
        {name: [_rounded(value) for value in values[::thinned]] for name, values in columns.items()},
        texts,
    )


def _add_text(texts: dict[str, list[tuple[int, str]]], name: str, frame: int, text: str) -> None:
    if name not in texts and len(texts) >= MOST_TEXT_COLUMNS:
        return
    changes = texts.setdefault(name, [])
    if len(changes) < MOST_TEXTS and not (changes and changes[-1][1] == text):
        changes.append((frame, text))


def _lines(path: Path, shown: Shown) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the frame of the video that each line is about, and what it says."""
    with contextlib.suppress(OSError), open(os.open(path, os.O_RDONLY | SAFELY), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return
        decode = msgspec.json.Decoder().decode
        left_out, frame, number, read = frozenset(shown.left_out), 0, -1, 0
        while frame < shown.frames * shown.step and read < MOST_BYTES and (line := stream.readline(_LONGEST_LINE)):
            read += len(line)
            number += 1
            values: Any = {}
            with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
                values = decode(line)
            if number in left_out:
                continue
            if isinstance(values, dict):
                dropped = values.get(_DROPPED)
                if shown.holds_dropped and type(dropped) is int and dropped > 0:
                    frame += dropped
                if frame % shown.step == 0 and frame // shown.step < shown.frames:
                    yield frame // shown.step, values
            frame += 1


def _flat(values: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, float | str]]:
    """Yield the numbers and texts in one line: `{"a": {"b": 1}, "c": [2]}` has `a.b` and `c[0]`."""
    for key, value in values.items():
        if not key or len(before) + len(key) > LONGEST_KEY or (not before and key == _DROPPED):
            continue
        name = shortened(before + key, LONGEST_KEY)
        if isinstance(value, dict):
            if depth > 1:
                yield from _flat(value, f"{before}{key}.", depth - 1)
        elif isinstance(value, list):
            if len(value) <= _MOST_ITEMS:
                for place, item in enumerate(value):
                    if isinstance(item, int | float) and len(name) + 4 <= LONGEST_KEY:
                        yield f"{name}[{place}]", _number(item)
        elif isinstance(value, int | float):
            yield name, _number(value)
        elif isinstance(value, str):
            yield name, shortened(value)


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _rounded(value: float) -> int | float | None:
    """As JSON has it; NaN and the infinities have no number there."""
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) < 10**_SIGNIFICANT:
        return int(value)
    return float(f"{value:.{_SIGNIFICANT}g}")
