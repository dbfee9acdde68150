"""A node's own storage, whose path often only the node knows."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.errors import SettingsError


def scratch(path: str | None) -> Path | None:
    """`path` with this machine's environment variables filled in, absolute.

    Raises SettingsError where a variable is not set here.
    """
    if path is None:
        return None
    filled = os.path.expandvars(path)
    if "$" in filled:
        raise SettingsError(f"{filled}: that variable is not set on this machine; name a folder that is there")
    return Path(os.path.abspath(filled))
