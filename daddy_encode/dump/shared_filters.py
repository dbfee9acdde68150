"""The filter of each frame where several threads or processes write one recording: the same whoever writes it."""

from __future__ import annotations

import time
from collections.abc import MutableSequence

from daddy_encode.dump.frames import Frame
from daddy_encode.dump.png import CHOOSE_EVERY, NONE, SUB, UP, Filter, choose_filter

_FILTERS: tuple[Filter, ...] = (NONE, SUB, UP)
# Whoever has a stretch's first frame chooses in a fraction of a millisecond, but it may be waiting for the disk, or
# have been killed. Then the same bytes as another time matter less than to go on.
_PATIENCE = 2.0


class SharedFilters:
    """Who gets the first of `CHOOSE_EVERY` frames chooses the filter of all of them; the others wait for that.

    shared: integers, zeros at first, in memory that all of those write to; of as many stretches as these may the
    frames be in work at once.
    """

    def __init__(self, shared: MutableSequence[int] | memoryview) -> None:
        self._shared = shared

    def of(self, index: int, frame: Frame) -> Filter:
        """The filter of `frame`, which is number `index`."""
        stretch, place = divmod(index, CHOOSE_EVERY)
        # Number of stretch and filter in one integer, which is written in one piece.
        base = (stretch + 1) * len(_FILTERS)
        at = stretch % len(self._shared)
        if place == 0:
            self._shared[at] = base + choose_filter(frame)
        deadline = 0.0
        while not 0 <= (found := self._shared[at] - base) < len(_FILTERS):
            deadline = deadline or time.monotonic() + _PATIENCE
            if time.monotonic() > deadline:
                return choose_filter(frame)
            time.sleep(0.0001)
        return _FILTERS[found]
