"""Numbers of bytes on the command line: 500M, 20G, 1.5T, 20GiB."""

from __future__ import annotations

import re

import click

_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([KMGTP]?)(I?)B?", re.IGNORECASE)


def byte_size(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """The value of an option in bytes, from a text such as 20G (powers of 1000) or 20GiB (of 1024).

    Raises BadParameter where it is no number of bytes.
    """
    if value is None:
        return None
    match = _SIZE.fullmatch(value)
    if match is None or (match[3] and not match[2]):
        raise click.BadParameter(
            f"{value!r:.60} is not a number of bytes: give one such as 500M, 20G or 1.5T", context, option
        )
    return int(float(match[1]) * (1024 if match[3] else 1000) ** _UNITS[match[2].upper()])
