"""The page's modules as one script, run by V8; whatever the bundler does not understand is an error."""

from __future__ import annotations

import json
import re

import pytest
from py_mini_racer import MiniRacer

from daddy_encode.report.gallery.bundle import HERE, BundleError, bundle, style_sheet

MODULES = sorted(path.name for path in (HERE / "js").glob("*.js"))


def value(sources: dict[str, str], expression: str) -> object:
    with MiniRacer() as context:
        context.eval(bundle("main.js", sources.__getitem__, expose="exports"))
        answer = context.eval(f"JSON.stringify({expression})", timeout_sec=60)
        assert isinstance(answer, str)
        return json.loads(answer)


def test_modules_run_in_the_order_of_their_imports_each_once_in_a_scope_of_its_own() -> None:
    sources = {
        "main.js": (
            'import {first, Second as Other} from "./one.js";\n'
            'import {\n  third,\n} from "./two.js";\n'
            "const hidden = 1;\n"
            "export const seen = [first(), new Other().value, third, hidden];\n"
        ),
        "one.js": (
            "globalThis.loaded = (globalThis.loaded || 0) + 1;\nconst hidden = 2;\n"
            "export function first() { return hidden; }\nexport class Second { value = 3; }\n"
        ),
        "two.js": (
            'import {first} from "./one.js";\nexport const third = first() + 2;\n'
            "export async function fourth() {}\nexport function* fifth() { yield this; }\n"
        ),
    }
    assert value(sources, "[exports.seen, loaded, Object.keys(module = exports)]") == [[2, 3, 4, 1], 1, ["seen"]]
    assert value({"main.js": "export function self() { return this === undefined; }"}, "(0, exports.self)()") is True


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('import x from "./one.js";', "only"),
        ('import {a} from "https://example.org/a.js";', "only"),
        ('import {a} from "../one.js";', "only"),
        ("export default 3;", "only"),
        ("export {a};", "only"),
        ("export let a = 1;", "only"),
        ('import {missing} from "./one.js";', "exports no missing"),
        ('import {a} from "./nowhere.js";', "no such module"),
        ('import {a} from "./main.js";', "circle: main.js -> main.js"),
        ('const text = "</SCRIPT>";', "end the page's script"),
        ('const text = "<!--";', "end the page's script"),
    ],
)
def test_what_the_bundler_does_not_understand_is_an_error(text: str, fault: str) -> None:
    with pytest.raises(BundleError, match=fault):
        bundle("main.js", {"main.js": text, "one.js": "export const a = 1;"}.__getitem__)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_the_page_can_be_bundled_parsed_and_has_at_most_300_lines(name: str) -> None:
    text = (HERE / "js" / name).read_text()
    assert len(text.splitlines()) <= 300
    with MiniRacer() as context:
        # The whole is parsed, and nothing of it called: there is no page here.
        context.eval(f"() => {{{bundle(name)}}}", timeout_sec=60)


def test_the_style_sheets_can_stand_in_the_page() -> None:
    assert style_sheet().startswith("/* base.css */")


def test_what_is_for_narrow_screens_is_not_for_paper() -> None:
    """A4 is as wide as a small window: what can be scrolled there would be cut off."""
    narrow = re.findall(r"@media ([^{]*width[^{]*)", style_sheet())
    assert len(narrow) > 10
    assert [condition for condition in narrow if not condition.startswith("screen and ")] == []
