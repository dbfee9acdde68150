"""The page's JavaScript modules as one classic script, and its style sheets as one text.

A page that is opened from a file may load no module (its origin is null), so they are put into one script here: each in
a function scope of its own, each once, after those that it imports. Only what that takes is understood: statements
that begin a line, `import {a, b as c} from "./x.js";` and `export function`, `class` or `const`. Whatever else begins
with one of these words is an error, so that nothing is lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent

_IMPORT = re.compile(r'^import\s*\{([^{}]*)\}\s*from\s*"\./([a-z][a-z0-9_]*\.js)";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+((?:async\s+)?function\b\s*\*?|class\b|const\b)\s*([A-Za-z_$][\w$]*)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z_$][\w$]*)(?:\s+as\s+([A-Za-z_$][\w$]*))?")
# What would end the page's script element, or begin a state of its parser in which that has no end.
_ENDS_SCRIPT = re.compile(r"</script|<!--|<script", re.IGNORECASE)


class BundleError(Exception):
    """A module that is not written as this bundler, or a page, takes it: our own mistake, which a test finds."""


def read_module(name: str) -> str:
    """The text of a module of the page."""
    return (HERE / "js" / name).read_text(encoding="utf-8")


def bundle(entry: str, read: Callable[[str], str] = read_module, *, expose: str = "") -> str:
    """A module and all that it imports as one script.

    Args:
        entry: The module's file name.
        read: Gives a module's text. Default: of the page's own.
        expose: The name of a global variable that gets the module's exports. Default: none does.

    Raises:
        BundleError: A module is not written as this takes it, imports what is not there, or itself in a circle.
    """
    exported: dict[str, list[str]] = {}
    parts: list[str] = []

    def add(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            raise BundleError(f"modules import each other in a circle: {' -> '.join([*way, name])}")
        if name in exported:
            return
        try:
            text = read(name)
        except (OSError, KeyError) as error:
            raise BundleError(f"{' -> '.join([*way, name])}: there is no such module") from error
        for imported in _IMPORT.finditer(text):
            add(imported[2], (*way, name))
        body, exported[name] = _as_scope(name, text, exported)
        parts.append(body)

    add(entry, ())
    last = f"\n  globalThis.{expose} = {_variable(entry)};" if expose else ""
    return f'(() => {{\n  "use strict";\n{"".join(parts)}{last}\n}})();\n'


def style_sheet(directory: Path = HERE / "css") -> str:
    """The style sheets as one text: `base.css`, which has the tokens, then the others by name."""
    paths = sorted(directory.glob("*.css"), key=lambda path: (path.name != "base.css", path.name))
    text = "".join(f"/* {path.name} */\n{path.read_text(encoding='utf-8')}" for path in paths)
    if re.search("</style|<!--", text, re.IGNORECASE):
        raise BundleError("a style sheet holds what ends its element")
    return text


def _as_scope(name: str, text: str, exported: Mapping[str, list[str]]) -> tuple[str, list[str]]:
    """A module as `const its_name = (() => {…})();`, and the names that it exports."""
    if found := _ENDS_SCRIPT.search(text):
        raise BundleError(f"{name}: {found[0]} would end the page's script; write it in two parts")

    def import_of(match: re.Match[str]) -> str:
        names = []
        for item in filter(None, (part.strip() for part in match[1].split(","))):
            if (parsed := _NAME.fullmatch(item)) is None:
                raise BundleError(f"{name}: cannot import {item}")
            if parsed[1] not in exported[match[2]]:
                raise BundleError(f"{name}: {match[2]} exports no {parsed[1]}")
            names.append(f"{parsed[1]}: {parsed[2]}" if parsed[2] else parsed[1])
        # As many lines as there were, so that an error's line can be found.
        lines = "\n" * match[0].count("\n")
        return f"const {{{', '.join(names)}}} = {_variable(match[2])};{lines}"

    exports = [match[2] for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub(lambda match: match[0].removeprefix("export").lstrip(), _IMPORT.sub(import_of, text))
    if (other := _OTHER.search(text)) is not None:
        raise BundleError(
            f'{name}: {other[0]!r}: only `import {{a}} from "./x.js";` and `export function`, `class`, `const`'
        )
    body = f"const {_variable(name)} = (() => {{\n// {name}\n{text}\nreturn {{{', '.join(exports)}}};\n}})();\n"
    return body, exports


def _variable(module: str) -> str:
    return f"module_{module.removesuffix('.js')}"
