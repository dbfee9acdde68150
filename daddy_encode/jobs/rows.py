"""Receipts as rows of a table: flat, every row with the same columns, every column of one type. Pure.

That is what polars needs, which takes the types from the first rows, and drops or refuses what comes later and is none;
pandas is content with it. So there is no None: a number that is missing is NaN, a text is empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Value: TypeAlias = str | int | float | bool

# What a 64-bit column holds.
_LARGEST = 2**63
META = "meta."


def completed(rows: Sequence[Mapping[str, Value | None]]) -> list[dict[str, Value]]:
    """The rows with all columns of all of them, in the order in which they come first."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [_column([row.get(name) for row in rows]) for name in names]
    return (
        [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        if names
        else [{} for _ in rows]
    )


def _column(values: Sequence[Value | None]) -> Sequence[Value]:
    """The values as ones of one type: truth values, integers, numbers, else texts."""
    present = [value for value in values if value is not None]
    is_full = len(present) == len(values)
    if _are(present, bool) and is_full:
        return present
    if _are(present, int) and is_full and all(-_LARGEST <= value < _LARGEST for value in present):  # type: ignore[operator]
        return [int(value) for value in present]
    if present and _are(present, int | float):
        return [float(value) if value is not None else math.nan for value in values]
    return ["" if value is None else str(value) for value in values]


def _are(values: Iterable[Value], kind: Any) -> bool:
    return all(isinstance(value, kind) for value in values)
