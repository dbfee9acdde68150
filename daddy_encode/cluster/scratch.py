"""The path of a node's local scratch, which often only the node itself knows."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.errors import SettingsError
from daddy_encode.spool.paths import absolute, user_path


def scratch(path: str | None) -> Path | None:
    """`path`, absolute, with the environment variables of this machine, and `~`, expanded.

    Raises:
        SettingsError: A variable is not set on this machine, or there is no such directory.
    """
    if path is None:
        return None
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise SettingsError(
            f"--tmp-dir {expanded}: that variable is not set on this machine; name a directory that is there"
        )
    directory = absolute(user_path(expanded))
    # One that is made because of a typing error would stay, perhaps on another disk than the one that was meant.
    if not os.path.isdir(directory):
        raise SettingsError(
            f"--tmp-dir {directory}: is no directory on this machine; make it, or name one that is there"
        )
    return directory
