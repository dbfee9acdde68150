"""Runs the page's JavaScript modules that need no page, through the page's own bundler, in V8 (mini-racer)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from py_mini_racer import MiniRacer

from daddy_encode.report.gallery.bundle import bundle

TIMEOUT = 60
# A Map becomes an object, a Set an array, what JSON has no number for its name: "NaN", "Infinity".
_ANSWER = """
globalThis.asJson = value => {
  const text = JSON.stringify(value, (_, item) =>
    item instanceof Map ? Object.fromEntries(item)
    : item instanceof Set ? [...item]
    : typeof item === "number" && !Number.isFinite(item) ? String(item)
    : item);
  return text === undefined ? "null" : text;
};
"""
_open: list[JavaScriptModule] = []


class JavaScriptModule:
    """Modules; where they run, the global variable `exports` has their exports. Their state lasts for a test module."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._context: MiniRacer | None = None

    def call(self, function: str, *arguments: Any) -> Any:
        """Call one of its functions with JSON values; what it returns, as JSON has it."""
        texts = ", ".join(map(json.dumps, arguments))
        return self.evaluate(f"exports[{json.dumps(function)}]({texts})")

    def evaluate(self, expression: str) -> Any:
        """The value of any JavaScript expression, such as `exports.parse("x").terms.length`, as JSON has it."""
        if self._context is None:
            self._context = MiniRacer()
            _open.append(self)
            self._context.eval(_ANSWER)
            self._context.eval("globalThis.exports = {};")
            for name in self.names:
                self._context.eval(bundle(name, expose="one"))
                self._context.eval("Object.assign(exports, one);")
        answer = self._context.eval(f"asJson(({expression}))", timeout_sec=TIMEOUT)
        assert isinstance(answer, str)
        return json.loads(answer)

    def close(self) -> None:
        """End its thread."""
        if self._context is not None:
            self._context.close()
            self._context = None


def run_module(*names: str) -> JavaScriptModule:
    """Modules of the page by their names, such as `query.js`; loaded when one is first called."""
    return JavaScriptModule(*names)


def jobs_and_facts(known: Sequence[Mapping[str, Any]]) -> str:
    """JavaScript that declares `jobs`, with the ids "0", "1", …, and `facts`, what is known of each of them."""
    return f"""
      const known = {json.dumps(known)};
      const jobs = known.map((_, id) => ({{id: String(id)}}));
      const facts = new Map(known.map((one, id) => [String(id), new Map(Object.entries(one))]));
    """


def close_all() -> None:
    """End all that was opened: each has a thread, and other tests fork."""
    while _open:
        _open.pop().close()
