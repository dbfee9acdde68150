"""Who does the work of a recording: processes where they can be started, else threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from daddy_encode.dump import crew
from daddy_encode.dump.background import Background
from daddy_encode.dump.budget import DiskBudget
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.layout import layout_of

if TYPE_CHECKING:
    from daddy_encode.dump.apart import Apart


def new_background(
    directory: Path,
    first: Frame,
    *,
    processes: bool,
    workers: int,
    capacity: int,
    min_free: int | None,
    ended: Callable[[], None],
) -> Background | Apart:
    """For frames like `first`; see `FrameWriter` for `processes`, `workers` and `min_free`, `Background` for the rest.

    Raises SpoolError where the system gives what is needed to neither.
    """
    hand = crew.pick([]) if processes else None
    if hand is None:
        budget = DiskBudget(directory, min_free)
        return Background(directory, budget, threads=workers, capacity=capacity, ended=ended)
    # Only here, for the reason that `crew` has.
    from daddy_encode.dump.apart import Apart

    return Apart(directory, layout_of(first), hand, min_free=min_free, workers=workers, capacity=capacity, ended=ended)
