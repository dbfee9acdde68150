"""What functions are given, checked where Python would say no more than that it is of another type."""

from __future__ import annotations

import operator
from typing import Any


def whole_number(name: str, value: Any) -> int:
    """The argument `name` as an integer. Raises SettingsError where it is none: a text, a fraction, a truth value."""
    from daddy_encode.errors import SettingsError

    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SettingsError(f"{name} is {value!r:.60}; it has to be a whole number")
    return operator.index(value)
