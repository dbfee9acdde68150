"""Reading a gallery as a browser does: the page by an HTML parser, the files beside it by V8."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from py_mini_racer import MiniRacer


@dataclass
class Page:
    """What a browser finds in a page."""

    title: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    # The text of each element whose text is no HTML, by name and attributes.
    raw: list[tuple[str, dict[str, str | None], str]] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.data["jobs"]
        return found

    def job(self, name: str) -> dict[str, Any]:
        (found,) = (job for job in self.jobs if job["job"] == name)
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.page.tags.append((tag, attributes))
        self._inside = tag
        if tag in ("script", "style"):
            self.page.raw.append((tag, attributes, ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.page.title += data
        if self._inside in ("script", "style"):
            tag, attributes, text = self.page.raw[-1]
            self.page.raw[-1] = tag, attributes, text + data


def parse_html(text: str) -> Page:
    parser = _Parser()
    parser.feed(text)
    parser.close()
    return parser.page


def read_page(path: Path) -> Page:
    page = parse_html(path.read_bytes().decode("utf-8"))
    (text,) = (text for _, attributes, text in page.raw if attributes.get("id") == "data")
    page.data = json.loads(text)
    return page


def assert_only_its_own_runs(page: Page) -> None:
    """The policy allows the page's own script and styles by their hashes, and nothing else; no element has any."""
    (content,) = (
        attributes["content"] or ""
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    scripts = [(attributes, text) for tag, attributes, text in page.raw if tag == "script"]
    assert [attributes for attributes, _ in scripts] == [{"type": "application/json", "id": "data"}, {}]
    (style,) = (text for tag, _, text in page.raw if tag == "style")
    assert dict(part.strip().split(" ", 1) for part in content.split(";")) == {
        "default-src": "'none'",
        "script-src": f"'self' {_digest(scripts[1][1])}",
        "style-src": _digest(style),
        "img-src": "'self' data:",
        "media-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "object-src": "'none'",
        "frame-src": "'none'",
    }
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def target(page: Path, url: str) -> Path:
    """The file that a relative URL in a page leads to."""
    assert url.startswith(("./", "../")), url
    return page.parent / Path(unquote_to_bytes(url).decode("utf-8", "surrogateescape"))


def read_script(path: Path) -> tuple[str, Any]:
    """What a file beside the page calls, run by V8: the function's name and its arguments."""
    with MiniRacer() as context:
        context.eval(
            "let call; const daddyEncode = new Proxy({}, {get: (_, name) => (...all) => {call = [name, all]}})"
        )
        context.eval(path.read_bytes().decode("utf-8"), timeout_sec=60)
        answer = context.eval("JSON.stringify(call)")
        assert isinstance(answer, str)
        name, arguments = json.loads(answer)
    return name, arguments


def read_details(page: Path, identifier: str) -> dict[str, Any]:
    """What the file of a job holds."""
    files = page.with_suffix(".files")
    name, (found, details) = read_script(files / f"{identifier}.js")
    assert (name, found) == ("job", identifier)
    answer: dict[str, Any] = details
    return answer
