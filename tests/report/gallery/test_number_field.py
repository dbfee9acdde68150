"""Fields for numbers take them as the search does, and say what is none."""

from __future__ import annotations

import json

import pytest

from tests.report.gallery.javascript import run_module

FIELD = run_module("number_field.js")
# As much of a field as the functions touch.
A_FIELD = """{ value: %s, attributes: {}, setAttribute(name, value) { this.attributes[name] = value; },
  removeAttribute(name) { delete this.attributes[name]; } }"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50k", 50_000),
        (" 1.5M ", 1_500_000),
        ("2 kB", 2000),
        ("-3", -3),
        ("1e-3", 0.001),
        ("", None),
        ("  ", None),
        ("50 apples", "no number"),
        ("1,5", "no number"),
    ],
)
def test_a_number_is_read_as_the_search_reads_it(text: str, expected: float | str | None) -> None:
    number, invalid = FIELD.evaluate(
        f"""(() => {{
          const field = {A_FIELD % json.dumps(text)};
          const number = exports.readField(field);
          return [Number.isNaN(number) ? "no number" : number, field.attributes["aria-invalid"]];
        }})()"""
    )
    assert (number, invalid) == (expected, "true" if expected == "no number" else "false")


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [("50k", 50_000, "50k"), ("50k", 60_000, "60000"), ("", 0, "0"), ("5", None, ""), ("x", 2.5, "2.5")],
)
def test_a_field_keeps_what_says_the_same_as_its_number(text: str, number: float | None, expected: str) -> None:
    shown = FIELD.evaluate(
        f"""(() => {{
          const field = {A_FIELD % json.dumps(text)};
          field.setAttribute("aria-invalid", "true");
          exports.showInField(field, {json.dumps(number)});
          return [field.value, field.attributes];
        }})()"""
    )
    assert shown == [expected, {}]
