"""What the search box finds, refuses and suggests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.report.gallery.javascript import run_module

query = run_module("query.js")
suggest = run_module("suggest.js")

JOBS: list[dict[str, Any]] = [
    {
        "id": "ant",
        "job": "run-1/Ant trial",
        "state": "done",
        "columns": ["reward"],
        "chips": [["held", "3 frames missing"]],
    },
    {"id": "hum", "job": "run-2/humanoid", "state": "failed", "error": "frame_000012.png: the PNG is cut off"},
    {
        "id": "old",
        "job": "old",
        "state": "partial",
        "chips": [["salvaged", "the rollout died"], ["partial", "12 of 40"]],
    },
]
FACTS: dict[str, dict[str, Any]] = {
    "ant": {"name": "Ant trial", "run": "run-1", "state": "done", "environment": "Ant-v5", "return": 250.5, "seed": 1},
    "hum": {
        "name": "humanoid",
        "run": "run-2",
        "state": "failed",
        "environment": "Humanoid-v5",
        "error": "the PNG is cut off",
        "return": -3,
        "seed": 12,
    },
    "old": {
        "name": "old",
        "state": "partial",
        "episode.return": 1_500_000,
        "success": False,
        "finished": 1_764_000_000,
    },
}
MARKS = {"ant": {"mark": "good", "star": True, "note": ""}, "hum": {"mark": None, "star": False, "note": "look"}}
NOTHING = {"mark": None, "star": False, "note": ""}

query_script = """(text, jobs, facts, marks, nothing) => {
  const parsed = exports.parse(text);
  return jobs.filter(job => exports.matches(parsed, job, new Map(Object.entries(facts[job.id])),
    {get: id => marks[id] || nothing})).map(job => job.id);
}"""


def found(text: str) -> list[str]:
    arguments = ", ".join(json.dumps(one) for one in (text, JOBS, FACTS, MARKS, NOTHING))
    answer = query.evaluate(f"({query_script})({arguments})")
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["ant", "hum", "old"]),
        ("  \t ", ["ant", "hum", "old"]),
        # Numbers, with and without blanks; a key may be the beginning of one, or of its last part.
        ("return > 200", ["ant", "old"]),
        ("return>200", ["ant", "old"]),
        ("return >200", ["ant", "old"]),
        ("RET >= 250.5", ["ant", "old"]),
        ("return < 0", ["hum"]),
        ("return <= -3", ["hum"]),
        ("return = 250.5", ["ant"]),
        ("return == 250.5", ["ant"]),
        ("return != 250.5", ["hum", "old"]),
        ("return > 1M", ["old"]),
        ("return > 1e6", ["old"]),
        ("return:-5..300", ["ant", "hum"]),
        ("seed:1", ["ant"]),
        ("seed:1,12", ["ant", "hum"]),
        ("episode.return > 0", ["old"]),
        ("episode > 0", ["old"]),
        # Texts.
        ("env:human", ["hum"]),
        ("env:human,ant", ["ant", "hum"]),
        ('env:"Ant-v5",x', ["ant"]),
        ("env=ant", []),
        ("env=ant-v5", ["ant"]),
        ("success:false", ["old"]),
        # Words: states and warnings as such, everything else anywhere in the texts.
        ("failed", ["hum"]),
        ("salvaged", ["old"]),
        ("held", ["ant"]),
        ("humanoid-v5", ["hum"]),
        ("cut", ["hum"]),
        ('"ant trial"', ["ant"]),
        ("trial ant", ["ant"]),
        ("died", ["old"]),
        ('"salvaged"', []),
        ('run-"2', []),
        # Not.
        ("-failed", ["ant", "old"]),
        ("-env:ant", ["hum", "old"]),
        ("-return > 200", ["hum"]),
        # What is there, marks, kinds of warnings, days.
        ("has:reward", ["ant"]),
        ("has:seed", ["ant", "hum"]),
        ("-has:run", ["old"]),
        ("mark:good", ["ant"]),
        ("mark:star,note", ["ant", "hum"]),
        ("mark:none", ["old"]),
        ("chip:held", ["ant"]),
        ("finished > 2025-11-20", ["old"]),
        ("finished < 2025-11", []),
        ("finished:2025-11", ["old"]),
        ("finished:2025-11-01..2025-12-31", ["old"]),
        # All at once; every one has to hold.
        ("return > 200 env:Ant -failed has:reward mark:good", ["ant"]),
        ("return > 200 failed", []),
        # A key that no job has, and values that are no number.
        ("nothing:1", []),
        ("environment > 5", []),
        # The names of what every JavaScript object has.
        ("constructor:x", []),
        ("__proto__ > 1", []),
    ],
)
def test_a_query_finds(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return >", "after return > something must follow"),
        ("failed env:", "after env: something must follow"),
        ("> 5", "before > there must be a key, as in return > 200"),
        ('failed "two words', "the quote before two words is not closed"),
        ("return > much", "after return > there must be a number, not “much”"),
        ("mark:nice", "a mark is one of good, bad, star, note, none"),
        ("has > 3", "has is asked with a colon: has:3"),
        ("retrun > 5", "no job has a key “retrun”; to find the text itself, put it in quotes"),
        ("env > 5", "“environment” is text, not a number: environment:word finds it"),
        ("return > 5 env:ant failed", None),
        ("RETURN > 5", None),
    ],
)
def test_what_is_wrong_with_a_query_is_said_in_one_sentence(text: str, expected: str | None) -> None:
    keys = [{"name": "environment", "kind": "text", "count": 2}, {"name": "return", "kind": "number", "count": 2}]
    assert query.call("check", query.call("parse", text), keys) == expected


def test_the_terms_before_a_fault_hold_on() -> None:
    parsed = query.call("parse", "failed return >")
    assert [term["text"] for term in parsed["terms"]] == ["failed"]
    assert parsed["unfinished"] is True and query.call("parse", "> 5")["unfinished"] is False


@pytest.mark.parametrize("value", ["a b", 'say "x"', "back\\slash", "a,b", "-minus", "x:y", "", "Ω é", "1..2", "a>b"])
def test_a_quoted_value_is_found_exactly(value: str) -> None:
    parsed = query.call("parse", "key:" + query.call("quoted", value))
    assert parsed["error"] is None
    assert [one["text"] for one in parsed["terms"][0]["values"]] == [value.lower()]


def test_every_text_is_read_in_linear_time() -> None:
    for text in ['"' * 1000, "a:" * 500, "<>=!" * 250, "\\" * 999 + '"', " " * 1000, "-" * 1000, "1" * 1000 + "e"]:
        assert query.evaluate(f"exports.parse({json.dumps(text)}).terms.length") >= 0


def suggestions(text: str) -> list[tuple[str, str]]:
    keys = [
        {"name": "state", "kind": "text", "count": 3},
        {"name": "environment", "kind": "text", "count": 3},
        {"name": "return", "kind": "number", "count": 2},
    ]
    script = """(text, keys) => exports.suggest(text, text.length, keys, key => new Map({
      environment: [["Ant v5", 2], ["Humanoid-v5", 1]], return: [[-3, 1], [250.5, 1]],
      state: [["failed", 2], ["done", 1]],
    }[key] || []), new Map([["failed", 2], ["done", 1], ["held", 1]])).suggestions"""
    answer = suggest.evaluate(f"({script})({json.dumps(text)}, {json.dumps(keys)})")
    return [(one["text"], one["detail"]) for one in answer]


def test_what_may_follow_is_suggested_with_counts() -> None:
    assert suggestions("ret") == [("return > ", "-3 to 250.5")]
    assert suggestions("failed env") == [("environment:", "2 values in 3")]
    assert suggestions("env:") == [('env:"Ant v5" ', "2"), ("env:Humanoid-v5 ", "1")]
    assert suggestions("env:hum") == [("env:Humanoid-v5 ", "1")]
    assert suggestions("-env:ant,hum") == [("-env:ant,Humanoid-v5 ", "1")]
    assert suggestions("fai") == [("failed ", "2")]
    assert suggestions("-hel") == [("-held ", "1")]
    assert ("mark:good ", "") in suggestions("mark:")
    assert {"failed ", "return > ", "environment:"} <= {text for text, _ in suggestions("")}
    assert suggestions('"an open quote env') == []


@pytest.mark.parametrize("key", ["constructor", "toString", "hasOwnProperty", "__proto__", "valueOf"])
def test_keys_that_every_object_has_are_searched_and_suggested_as_others(key: str) -> None:
    assert query.evaluate(f"exports.parse('{key}:5').terms[0].key") == key
    script = f"""(() => {{
      const keys = [{{ name: "{key}", kind: "number", count: 2 }}];
      const values = (name) => new Map(name === "{key}" ? [[5, 2]] : []);
      return exports.suggest("{key}:", {len(key) + 1}, keys, values, new Map()).suggestions.map(({{ text }}) => text);
    }})()"""
    assert suggest.evaluate(script) == [f"{key}:5 "]
    of_no_job = f"exports.suggest('{key}:x', {len(key) + 2}, [], () => new Map(), new Map()).suggestions"
    assert suggest.evaluate(of_no_job) == []


def test_a_state_is_added_to_a_query_and_taken_out_again() -> None:
    text = suggest.call("toggleState", "return > 200", "failed")
    assert text == "state:failed return > 200"
    both = suggest.call("toggleState", text, "partial")
    assert both == "state:failed,partial return > 200"
    assert suggest.call("chosenStates", both) == ["failed", "partial"]
    assert suggest.call("toggleState", suggest.call("toggleState", both, "failed"), "partial") == "return > 200"
    assert suggest.call("withoutStates", 'a state:done  "b  c"') == 'a "b  c"'
