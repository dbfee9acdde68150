"""The page around the data: one file whose script and styles its own policy allows, by their SHA-256, and no others."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from daddy_encode.report.gallery.bundle import HERE, bundle, style_sheet

# In the page's first bytes: a file without it is not replaced.
GENERATOR = b'<meta name="generator" content="daddy-encode gallery">'
_DATA = "daddy-encode:data"
_POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{script}'; style-src 'sha256-{style}'; img-src 'self' data:; "
    "media-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; frame-src 'none'"
)
# As JSON and as JavaScript they mean the characters themselves, and to a page's parser nothing.
_ESCAPES = {
    b"<": rb"\u003c",
    b">": rb"\u003e",
    b"&": rb"\u0026",
    "\u2028".encode(): rb"\u2028",
    "\u2029".encode(): rb"\u2029",
}


def embedded_json(value: Any) -> bytes:
    """`value` as compact JSON that may stand in an HTML element or in a script: nothing in it ends one.

    Args:
        value: As `msgspec.json.encode` takes it; NaN and the infinities become null.
    """
    text = msgspec.json.encode(value)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def page_parts(title: str, count: int, head: Any, jobs: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the page, in parts.

    Args:
        title: As people read it; any text.
        count: How many jobs there are.
        head: The page's data, but its `jobs`: a dict.
        jobs: Each job's data, made by `embedded_json`.
    """
    before, _, after = _rendered(title, count).partition(_DATA)
    yield before.encode()
    yield embedded_json(head)[:-1] + b',"jobs":['
    separator = b""
    for job in jobs:
        yield separator
        yield job
        separator = b","
    yield b"]}"
    yield after.encode()


@functools.lru_cache(maxsize=4)
def _rendered(title: str, count: int) -> str:
    """The page, with _DATA in place of the data."""
    style, script = _sources()
    policy = _POLICY.format(script=_digest(script), style=_digest(style))
    text = _template().render(
        policy=policy, title=title, count=count, style=style, script=script, data=_DATA, generator=GENERATOR.decode()
    )
    # The title cannot hold it: then the data's place would not be known.
    if text.count(_DATA) != 1:
        return _rendered(title.replace(_DATA, "data"), count)
    return str(text)


@functools.cache
def _sources() -> tuple[str, str]:
    return style_sheet(), bundle("main.js")


@functools.cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string((HERE / "page.html.j2").read_text(encoding="utf-8"))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
