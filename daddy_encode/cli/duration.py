"""Lengths of time on the command line: 90s, 30m, 1h, 7d."""

from __future__ import annotations

import math
import re
from typing import Any

import click

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PARTS = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?[smhdw])+|[0-9]{1,9}(?:\.[0-9]{1,9})?")
_ADVICE = "give one such as 90s, 30m, 1h or 7d"


def duration(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """The value of an option in seconds, from a text such as 90s, 30m, 1h, 1d12h; a number alone is seconds.

    Raises BadParameter where it is no length of time.
    """
    if value is None:
        return None
    if not _PARTS.fullmatch(value):
        raise click.BadParameter(f"{value!r:.60} is not a length of time: {_ADVICE}", context, option)
    return _seconds(value)


class Seconds(click.FloatRange):
    """The type of an option in seconds: a number alone, or a text as for `duration`."""

    name = "length of time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number of seconds."""
        if isinstance(value, str):
            if _PARTS.fullmatch(value):
                value = _seconds(value)
            elif not _is_finite(value):
                self.fail(f"{value!r:.60} is not a length of time: {_ADVICE}", param, ctx)
        return super().convert(value, param, ctx)


def _seconds(text: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)([smhdw]?)", text))


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
