"""What functions are given, checked where Python would say no more than that it is of another type."""

from __future__ import annotations

import math
import operator
from typing import Any


def whole_number(name: str, value: Any) -> int:
    """The argument `name` as an integer. Raises SettingsError where it is none: a text, a fraction, a truth value."""
    from daddy_encode.errors import SettingsError

    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SettingsError(f"{name} is {value!r:.60}; it has to be a whole number")
    return operator.index(value)


def positive_number(name: str, value: Any) -> int:
    """As `whole_number`, of 1 or more."""
    from daddy_encode.errors import SettingsError

    if (number := whole_number(name, value)) < 1:
        raise SettingsError(f"{name} is {value}; it has to be at least 1")
    return number


def pixels_of(max_pixels: Any) -> int:
    """The argument `max_pixels`, in units of 2**20, as a number of pixels. Raises SettingsError where it is none."""
    from daddy_encode.errors import SettingsError

    is_number = isinstance(max_pixels, int | float) and not isinstance(max_pixels, bool)
    if not is_number or not math.isfinite(max_pixels) or max_pixels <= 0:
        raise SettingsError(
            f"max_pixels is {max_pixels!r:.60}; it has to be a number above 0, in units of 2**20 pixels"
        )
    return int(max_pixels * 2**20)
