"""A rollout's `meta`: where it is found, and as the gallery shows it, flat and of bounded size."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.errors import ManifestError, one_line
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME, Manifest
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.recording.rollout import Rollout
from daddy_encode.spool.records import read_record

MOST_KEYS = 64
LONGEST_KEY = 100
LONGEST_TEXT = 300
# Of all keys and texts of one job: thousands of jobs are in one page.
MOST_CHARACTERS = 8000
DEEPEST = 8
# A list with no more is shown as a text.
MOST_ITEMS = 16
# A browser's numbers are exact up to here; a larger one, such as a seed, is shown as a text.
LARGEST_EXACT = 2**53


def meta_of(
    receipt: Receipt, directory: Path, names: Collection[str] = (MANIFEST_NAME, ROLLOUT_NAME)
) -> Mapping[str, Any]:
    """What the rollout of a job said of itself: as its receipt has it, or where that has none, the records there.

    Args:
        receipt: The job's.
        directory: Of its frames.
        names: What may be in that; of these, the two records are looked for. Default: both may be.
    """
    if receipt.meta is not None:
        return receipt.meta
    with contextlib.suppress(ManifestError):
        if MANIFEST_NAME in names and (manifest := read_record(directory / MANIFEST_NAME, Manifest)) is not None:
            return manifest[0].meta
        if ROLLOUT_NAME in names and (rollout := read_record(directory / ROLLOUT_NAME, Rollout)) is not None:
            return rollout[0].meta
    return {}


def flat_meta(meta: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """The numbers, texts and truth values in `meta`, in its order, by their paths: `{"a": {"b": 1}}` is `{"a.b": 1}`.

    A short list of these is a text. What is null, NaN or too deep is left out, as is what is beyond MOST_KEYS,
    LONGEST_KEY or MOST_CHARACTERS; a text is cut after LONGEST_TEXT characters.
    """
    flat: dict[str, str | int | float | bool] = {}
    characters = 0
    for key, value in _values(meta, "", DEEPEST):
        if len(flat) >= MOST_KEYS:
            break
        characters += len(key) + (len(value) if isinstance(value, str) else 8)
        if characters <= MOST_CHARACTERS:
            flat.setdefault(key, value)
    return flat


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """`text` on one printable line of at most so many characters, an ellipsis the last where it was cut."""
    # Cut first: to look through a text of megabytes takes long.
    line = one_line(text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _values(meta: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, str | int | float | bool]]:
    for name, value in meta.items():
        if not name or len(name) > LONGEST_KEY:
            continue
        key = before + one_line(name)
        if len(key) > LONGEST_KEY:
            continue
        if isinstance(value, Mapping):
            if depth > 1:
                yield from _values(value, f"{key}.", depth - 1)
        elif isinstance(value, list):
            if 0 < len(value) <= MOST_ITEMS and all(isinstance(item, str | int | float) for item in value):
                yield key, shortened(", ".join(str(_simple(item)) for item in value))
        elif isinstance(value, str | int | float) and (simple := _simple(value)) is not None:
            yield key, simple


def _simple(value: str | int | float) -> str | int | float | bool | None:
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, float):
        # NaN and the infinities are no numbers in JSON.
        return value if value - value == 0 else None
    if isinstance(value, bool) or -LARGEST_EXACT <= value <= LARGEST_EXACT:
        return value
    return shortened(str(value)) if value.bit_length() < 1024 else None
