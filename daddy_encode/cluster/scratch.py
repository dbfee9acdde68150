"""The path of a node's local scratch, which often only the node itself knows."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.errors import SettingsError


def scratch(path: str | None) -> Path | None:
    """`path`, absolute, with the environment variables of this machine expanded.

    Raises:
        SettingsError: A variable is not set on this machine.
    """
    if path is None:
        return None
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise SettingsError(
            f"--tmp-dir {expanded}: that variable is not set on this machine; name a directory that is there"
        )
    return Path(os.path.abspath(expanded))
