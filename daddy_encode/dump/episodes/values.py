"""What environments give as rewards and flags, as numbers, lists or nothing. None of this raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from daddy_encode.spool.records import encode_json

# Longer lists, for each frame and in a manifest, would be nobody's.
_MOST_VALUES = 10_000


def as_number(value: Any) -> Any:
    """A reward: a float; of several worlds an array of floats, as it is shaped; None where it is no number."""
    if isinstance(value, (float, int)):
        return _float(value)
    array = _array(value)
    if array is None or array.dtype.kind not in "biuf":
        # A Decimal, say.
        return _float(value)
    return float(array.item()) if array.size == 1 else array.astype(np.float64)


def add(total: Any, value: Any) -> Any:
    """The sum of a float or an array and what `as_number` gave; None where either is None or they do not match."""
    if total is None or value is None or np.shape(total) != np.shape(value):
        return None
    return total + value


def as_flag(value: Any) -> Any:
    """Whether something is over: a bool; of several worlds an array of bools; None where nobody can say."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    array = _array(value)
    if array is None or array.dtype.kind not in "biuf":
        return None
    return bool(array.item()) if array.size == 1 else array.astype(bool)


def all_over(terminated: Any, truncated: Any) -> bool:
    """Whether an episode has ended: that of every world, or of every agent of a dict."""
    # What nearly all give, at every step; whether a value is a Mapping takes longer to find out.
    if isinstance(terminated, bool) and isinstance(truncated, bool):
        return terminated or truncated
    if isinstance(terminated, Mapping):
        others = truncated if isinstance(truncated, Mapping) else {}
        return bool(terminated) and all(all_over(flag, others.get(name)) for name, flag in terminated.items())
    known = [flag for flag in (as_flag(terminated), as_flag(truncated)) if flag is not None]
    try:
        over = np.logical_or.reduce(known) if known else np.False_
        return bool(np.size(over) and np.all(over))
    except Exception:  # of different shapes
        return False


def in_json(value: Any) -> Any:
    """`value` where JSON can hold it, else the number or the list that it is, else None."""
    if value is None or isinstance(value, float):
        return value
    try:
        encode_json(value)
        return value
    except Exception:  # an object's own conversion may raise anything
        return as_number(value)


def _array(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, Mapping)):
        return None
    try:
        # What is on a GPU comes to the CPU so, and so does everything that numpy knows.
        array = np.asarray(value.tolist() if hasattr(value, "tolist") else value)
        return array if 0 < array.size <= _MOST_VALUES else None
    except Exception:  # an object's own conversion may raise anything
        return None


def _float(value: Any) -> float | None:
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        return float(value)
    except Exception:  # as above
        return None
