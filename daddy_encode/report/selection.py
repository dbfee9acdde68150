"""Which jobs, or videos, `status` and `log` show: of some names, since some time, that failed, the last few. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from daddy_encode.errors import SettingsError

_Item = TypeVar("_Item")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhdw])+")
# What datetime.fromisoformat reads in every Python from 3.10 on.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


class Selection(Struct, frozen=True):
    """What to show; all that is given holds at once, and `last` counts what the rest leaves.

    Attributes:
        names: Patterns of jobs, any of which may match; empty: all jobs.
        since: The earliest time, in seconds since the epoch; None: any.
        failed: Only what failed.
        last: How many of the newest; None: all.
    """

    names: tuple[str, ...] = ()
    since: float | None = None
    failed: bool = False
    last: int | None = None

    def __bool__(self) -> bool:
        return self != Selection()

    def select(
        self,
        items: Sequence[_Item],
        *,
        paths: Callable[[_Item], Iterable[Path]],
        root: Path,
        when: Callable[[_Item], float],
        has_failed: Callable[[_Item], bool],
    ) -> list[_Item]:
        """Those of `items` to show, in the same order.

        Args:
            items: The jobs or videos.
            paths: The absolute paths by which an item may be named.
            root: The absolute path of the directory that was asked for.
            when: An item's time, in seconds since the epoch.
            has_failed: Whether an item failed.
        """
        found = [
            (index, item)
            for index, item in enumerate(items)
            if (not self.failed or has_failed(item))
            and (self.since is None or when(item) >= self.since)
            and (not self.names or any(is_named(path, root, name) for path in paths(item) for name in self.names))
        ]
        if self.last is not None:
            # Of equal times, those that come last.
            found = sorted(sorted(found, key=lambda entry: (when(entry[1]), entry[0]))[-self.last :])
        return [item for _, item in found]


def is_named(job: Path, root: Path, pattern: str) -> bool:
    """Whether a pattern names a job, or a directory that it is in.

    A `*` of a pattern also matches `/`. It may begin at any directory from `root` on, or be a path, such as a shell
    makes of an unquoted pattern.

    Args:
        job: The job's absolute path.
        root: The absolute path of the directory that was asked for.
        pattern: As in `fnmatch`.
    """
    if pattern.startswith(("/", "./", "../", "~/")):
        tails = [str(job)]
        pattern = os.path.abspath(os.path.expanduser(pattern))
    elif job.is_relative_to(root):
        parts = [root.name, *job.relative_to(root).parts]
        tails = ["/".join(parts[index:]) for index in range(len(parts))]
        pattern = pattern.rstrip("/")
    else:
        # A receipt may say anything.
        return False
    return any(fnmatchcase(tail, pattern) or fnmatchcase(tail, f"{pattern}/*") for tail in tails)


def parse_since(text: str, now: datetime) -> float:
    """Read a time: a duration before `now`, a date, a date and a time, a time of today, `today` or `yesterday`.

    Args:
        text: Such as 2h, 1d12h, 2026-11-25, "2026-11-25 14:30" or 14:30; local time where it names no other.
        now: In local time.

    Returns:
        Seconds since the epoch.

    Raises:
        SettingsError: It is none of these.
    """
    if _DURATION.fullmatch(text):
        parts = re.findall(r"([0-9.]+)([smhdw])", text)
        return now.timestamp() - sum(float(number) * _UNITS[unit] for number, unit in parts)
    midnight = datetime(now.year, now.month, now.day)
    try:
        if text in ("today", "yesterday"):
            return (midnight - timedelta(days=text == "yesterday")).timestamp()
        if _CLOCK.fullmatch(text):
            return datetime.fromisoformat(f"{midnight.date()} {text}").timestamp()
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    raise SettingsError(
        f"--since {text!r:.60} is not a time: give a duration such as 90m, 2h or 3d, a date such as 2026-11-25 or "
        "'2026-11-25 14:30', 14:30, today or yesterday"
    )
