"""Timing side by side, and the table that shows it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. `ratio` is what the bar speaks of; `bar` says it in words, such as "<= 1.15"."""

    what: str
    figures: str
    ratio: float
    bar: str

    @property
    def met(self) -> bool:
        sign, limit = self.bar.split()
        return {"<=": self.ratio <= float(limit), ">=": self.ratio >= float(limit)}[sign]


def medians(runs: Mapping[str, Callable[[], object]], repeat: int = 5) -> dict[str, float]:
    """Seconds per call of each of `runs`: the median over `repeat` rounds, each round running all of them in turn,
    so that a noisy minute falls on every side."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def show(title: str, rows: list[Row]) -> None:
    print(f"\n{title}")
    for row in rows:
        verdict = "met" if row.met else "MISSED"
        print(f"  {row.what:<46} {row.ratio:7.3f}  (bar {row.bar}: {verdict})  {row.figures}", flush=True)
