"""A picture as rows of pixels, some at a time: what is made of them need not hold all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Rows = Iterator[Sequence[memoryview]]
"""Rows from above, each rgb24, as many at a time as was asked for; the last ones may be fewer."""
Picture = Callable[[int], Rows]
"""Gives the rows of one picture, so many at a time; those of several pictures may be read in several threads."""


def whole_picture(pixels: bytes, width: int) -> Picture:
    """A picture whose pixels are known: rgb24, row by row, `width` in each."""

    def rows(count: int) -> Rows:
        view, length = memoryview(pixels), 3 * width
        cut = [view[at : at + length] for at in range(0, len(view), length)]
        for first in range(0, len(cut), count):
            yield cut[first : first + count]

    return rows
