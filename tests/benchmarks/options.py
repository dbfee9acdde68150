"""What every benchmark is told."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# What a user types, of the environment that runs the benchmark.
DADDY_ENCODE = str(Path(sys.executable).parent / "daddy-encode")


@dataclass(frozen=True)
class Options:
    """Attributes:
    quick: Only to see that it runs: fewer rounds, on less.
    """

    quick: bool = False

    def rounds(self, count: int) -> int:
        """How many rounds to measure."""
        return 1 if self.quick else count

    def sizes(self, full: T, quick: T) -> T:
        """One of two, such as numbers of frames."""
        return quick if self.quick else full
