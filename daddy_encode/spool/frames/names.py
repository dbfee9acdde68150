"""The names of single frames."""

from __future__ import annotations

import os
import re
from pathlib import Path

# ASCII digits only: int() would also take other scripts' digits, and no renderer writes those.
_NUMBERED = re.compile(r"(?!\.).*[0-9]\.png", re.DOTALL | re.IGNORECASE)
_OWN = re.compile(r"(?:[0-9]{6}|[1-9][0-9]{6,17})\.png")


def frame_name(index: int) -> str:
    """The name this project gives frame `index`, counted from 0: six digits, more where they are not enough."""
    return f"{index:06d}.png"


def frame_path(directory: Path | str, index: int) -> str:
    """The path of frame `index` in `directory`."""
    return f"{directory}{os.sep}{frame_name(index)}"


def is_own_name(name: str) -> bool:
    """Whether `name` is one that `frame_name` gives."""
    return _OWN.fullmatch(name) is not None


def is_frame_name(name: str) -> bool:
    """Whether `name` is that of a PNG whose number stands at its end."""
    return _NUMBERED.fullmatch(name) is not None
