"""Which of many are shown where there is room for a few. Pure."""

from __future__ import annotations


def evenly_spaced(count: int, total: int) -> list[int]:
    """Up to `count` of the numbers from 0 to `total` - 1, ascending, the first and the last among them."""
    count = min(count, total)
    return [number * (total - 1) // (count - 1) for number in range(count)] if count > 1 else [0]
