"""Whether anybody else holds an array: then its pixels may change, else they never will."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def is_sole(array: Any) -> bool:
    """Whether the caller's one variable holds all there is of `array`: a numpy array, or a view of one, with memory of
    its own.

    Says no where that cannot be known: for memory that belongs to a library, such as a renderer's buffer; where Python
    does not count references, or counts them late, as without its global lock.
    """
    if not _counts or type(array) is not np.ndarray or sys.getrefcount(array) > _ALONE:
        return False
    base = array.base
    if base is None:
        return array.flags.owndata
    return type(base) is np.ndarray and base.flags.owndata and sys.getrefcount(base) <= _ALONE_BELOW


def _references(array: Any) -> tuple[int, int]:
    base = array.base
    return sys.getrefcount(array), sys.getrefcount(base)


def _of_one_variable() -> tuple[int, int]:
    array = np.empty((2, 2), np.uint8).T
    return _references(array)


_counts = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
# What this Python counts for an array that one variable of the caller holds, and for the base that only the array
# holds: each version's own number.
_ALONE, _ALONE_BELOW = _of_one_variable() if _counts else (0, 0)
