"""From a page to a file, as a browser wants it. Pure."""

from __future__ import annotations

import os
from urllib.parse import quote


def url(path: str, directory: str) -> str:
    """The relative URL of a file, for a page in `directory`; both are absolute. It begins with `./` or `../`.

    The name's bytes are percent-encoded, whatever they are, so that no character of it means anything in a URL.
    """
    inside = directory.rstrip("/") + "/"
    relative = path[len(inside) :] if path.startswith(inside) else os.path.relpath(path, directory)
    text = quote(os.fsencode(relative), safe="/")
    return text if text.startswith("../") else f"./{text}"
