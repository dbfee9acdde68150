"""Types of the fixtures that the tests of encode/ use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

StandIn = Callable[[str], Path]
