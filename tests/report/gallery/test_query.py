"""What the search box finds, refuses and suggests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.report.gallery.javascript import run_module

query = run_module("query.js", "matching.js")
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
        ('"salvaged"', ["old"]),
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
        ("chip:hel,salv", ["ant", "old"]),
        ("chip:eld", []),
        ('chip:""', []),
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
        ("ended early", ["early"]),
        ('"ended early"', ["early"]),
        ("Ended  EARLY a", ["early"]),
        ("-ended early", ["anew", "broken"]),
        ("-frames deleted -ended early", ["broken"]),
        ("frames deletedx", []),
        ("early", ["early"]),
        ("ended", ["early"]),
        ("chip:ended", ["early"]),
        ('chip:"ended early"', ["early"]),
        ("memory", ["early"]),
        ('"earlier video"', ["anew"]),
        ("frames deleted", ["anew"]),
        ("-ended", ["anew", "broken"]),
        ('-"frames deleted"', ["early", "broken"]),
        # A state that is a fault looks like a chip on the card.
        ("chip:failed", ["broken"]),
        ("chip:fai,frames", ["anew", "broken"]),
        ("chip:done", []),
        ("chip:partial", ["anew"]),
    ],
)
def test_chips_of_two_words_are_found_by_them(text: str, expected: list[str]) -> None:
    jobs: list[dict[str, Any]] = [
        {"id": "early", "job": "a", "state": "done", "chips": [["ended early", "no memory"]]},
        {"id": "broken", "job": "c", "state": "failed"},
        {
            "id": "anew",
            "job": "b",
            "state": "partial",
            "chips": [["earlier video", "of another"], ["frames deleted", "the directory is gone"]],
        },
    ]
    arguments = ", ".join(map(json.dumps, (text, jobs, {"early": {}, "anew": {}, "broken": {}}, {}, NOTHING)))
    assert sorted(query.evaluate(f"({query_script})({arguments})")) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return >", "after return > something must follow"),
        ("failed env:", "after env: something must follow"),
        ("> 5", "before > there must be a key, as in return > 200"),
        ('failed "two words', "the quote before two words is not closed"),
        ("return > much", "after return > there must be a number, not “much”"),
        ("mark:nice", "a mark is one of good, bad, star, note, none, earlier"),
        ("has > 3", "has is asked with a colon: has:3"),
        ("retrun > 5", "no job has a key “retrun”; to find the text itself, put it in quotes"),
        ("env > 5", "“environment” is text, not a number: environment:word finds it"),
        ("return > 5 env:ant failed", None),
        ("RETURN > 5", None),
        ("lr > 5", "“lr” is a number in 1 of 3 jobs: the others are not found so"),
        ("date > 2026-11-21", None),
        ("date > 5", "“date” is text, not a number: date:word finds it"),
        ("env > 2026-11-21", "“environment” is text, not a number: environment:word finds it"),
    ],
)
def test_what_is_wrong_with_a_query_is_said_in_one_sentence(text: str, expected: str | None) -> None:
    assert query.call("check", query.call("parse", text), KEYS) == expected


KEYS = [
    {"name": "environment", "kind": "text", "count": 2, "numbers": 0, "dates": 0},
    {"name": "return", "kind": "number", "count": 31, "numbers": 30, "dates": 0},
    {"name": "seed", "kind": "number", "count": 2, "numbers": 2, "dates": 0},
    {"name": "lr", "kind": "text", "count": 3, "numbers": 1, "dates": 0},
    {"name": "date", "kind": "text", "count": 3, "numbers": 0, "dates": 2},
]


def test_how_many_jobs_have_something_else_than_a_number_is_said() -> None:
    said = "“return” is a number in 30 of 31 jobs: the others are not found so"
    of_dates = "“date” is a date in 2 of 3 jobs: the others are not found so"
    for text, expected in (
        ("return > 5", said),
        ("return = 5", said),
        ("return != 5", said),
        ("return:5", said),
        ("return:n/a,1..5", said),
        ("date != 2026-11-21", of_dates),
        ("date:2026-11", of_dates),
        ("return:n/a", None),
        ('return:"5"', None),
        ("-return > 5", None),
        ("lr != 5", None),
        ("environment:5", None),
        ("seed > 5", None),
        ("", None),
        ("ret>", None),
    ):
        assert query.call("remark", query.call("parse", text), KEYS) == expected, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x > 1", [60, 61.5]),
        ("x <= 60", [60]),
        ("x = 60", [60]),
        ("x != 60", [61.5]),
        ("x:60", [60]),
        ("x:6", []),
        ("x:1..100", [60, 61.5]),
        ("x > 2026-11-05", []),
        ("x != 2026-11-05", [60, 61.5]),
        ("-x != 60", [60, "n/a 60", True, "1152921504606846976"]),
        # Who writes the text finds it, and so does who asks whether there is any.
        ("x:n/a", ["n/a 60"]),
        ("x:61.5,n/a", [61.5, "n/a 60"]),
        ('x = "n/a 60"', ["n/a 60"]),
        ('x:"6"', ["n/a 60", "1152921504606846976"]),
        ("x != n/a", [60, 61.5, "n/a 60", True, "1152921504606846976"]),
        ("has:x", [60, 61.5, "n/a 60", True, "1152921504606846976"]),
        # An integer that no number can hold is a text.
        ("x = 1152921504606846976", ["1152921504606846976"]),
        ("x:1152921504606846976", ["1152921504606846976"]),
        ("x:1", []),
    ],
)
def test_a_text_in_a_key_of_numbers_is_found_by_nobody_who_asks_for_a_number(text: str, expected: list[Any]) -> None:
    values: list[Any] = [60, 61.5, "n/a 60", True, "1152921504606846976"]
    key = {"name": "x", "kind": "number", "count": 5, "numbers": 3, "dates": 0}
    assert of_values(text, values, key) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 2026-11-05", ["2026-11-05T05:30:00", "2026-11-05"]),
        ("x = 2026-11", ["2026-11-05T05:30:00", "2026-11-05", "2026-11-06 05:30"]),
        ("x = 2026-11-05T05:30", ["2026-11-05T05:30:00"]),
        ("x = 2026-11-05T05:30:00", ["2026-11-05T05:30:00"]),
        ("x != 2026-11-05", ["2026-11-06 05:30"]),
        ("x != 2026-11-06T05:30", ["2026-11-05T05:30:00", "2026-11-05"]),
        ("x:2026-11-05", ["2026-11-05T05:30:00", "2026-11-05"]),
        ("x >= 2026-11-05 x <= 2026-11-05", ["2026-11-05T05:30:00", "2026-11-05"]),
        ("x = 2026-12", []),
        # In quotes it is that text.
        ('x = "2026-11-05"', ["2026-11-05"]),
        ('x != "2026-11-05"', ["2026-11-05T05:30:00", "2026-11-06 05:30", "soon"]),
        ("x != soon", ["2026-11-05T05:30:00", "2026-11-05", "2026-11-06 05:30"]),
        ("x = soon", ["soon"]),
    ],
)
def test_a_day_is_asked_of_a_key_of_dates_by_every_operator(text: str, expected: list[str]) -> None:
    values = ["2026-11-05T05:30:00", "2026-11-05", "2026-11-06 05:30", "soon"]
    assert of_values(text, values, {"name": "x", "kind": "text", "count": 4, "numbers": 0, "dates": 3}) == expected


def test_a_number_or_a_day_that_is_asked_of_a_key_of_texts_is_a_text() -> None:
    key = {"name": "x", "kind": "text", "count": 5, "numbers": 1, "dates": 1}
    values: list[Any] = [5, "5", "v5", "", "2026-11-05T05:30"]
    assert of_values("x != 5", values, key) == ["v5", "", "2026-11-05T05:30"]
    assert of_values("x = 5", values, key) == [5, "5"]
    assert of_values("x:5", values, key) == [5, "5", "v5", "2026-11-05T05:30"]
    assert of_values("x != 2026-11-05", values, key) == [5, "5", "v5", ""]


def of_values(text: str, values: list[Any], key: dict[str, Any]) -> list[Any]:
    """Those of a key's values that a query finds."""
    script = """(text, values, key) => values.filter((value) => exports.matches(exports.parse(text),
      {id: "j", job: "j", state: "done"}, new Map([["x", value]]), undefined, new Map([["x", key]])))"""
    answer = query.evaluate(f"({script})({', '.join(map(json.dumps, (text, values, key)))})")
    assert isinstance(answer, list)
    return answer


@pytest.mark.parametrize(
    ("text", "fact", "is_found"),
    [
        ("x ≥ 20", 20, True),
        ("x≥20", 19, False),
        ("x ≤ 20", 20, True),
        ("x ≠ 20", 20, False),
        # A unit after a blank belongs to its number.
        ("x > 2 kB", 1999, False),
        ("x > 2 kB", 2001, True),
        ("x < 1.5 MB", 1_400_000, True),
        # As the page shows it.
        ("x:29.97", 30000 / 1001, True),
        ("x:29.98", 30000 / 1001, False),
        ("x=29.97", 30000 / 1001, False),
        ("x:0.1", 0.14, False),
        ("x:30", 30, True),
        ("x:12346000", 12345678, False),
        # One letter, or a letter and its accent.
        ("x:caf\u0065\u0301", "Café", True),
        ("x=CAF\u0045\u0301", "Caf\u00e9", True),
        ("caf\u00e9", "Cafe\u0301", True),
        # Dates that a text says, or a number of seconds.
        ("x > 2026-11-21", "2026-11-22", True),
        ("x > 2026-11-21", "2026-11-21 23:59:59", False),
        ("x >= 2026-11-21", "2026-11-21", True),
        ("x < 2026-11-21", "2026-11-20T23:00", True),
        ("x <= 2026-11-21", "2026-11-21T23:00:00.5", True),
        ("x < 2026-11-21", "2026-11-25T00:00:00+00:00", False),
        ("x:2026-11-01..2026-11-20", "2026-11-20 04:05", True),
        ("x:2026-11-01..2026-11-20", "2026-11-21", False),
        ("x > 2026-11-21", "2026-13-45", False),
        ("x > 2026-11-21", 1_800_000_000, True),
        ("x > 2026-11-21", "true", False),
    ],
)
def test_a_value_is_found_as_people_write_it(text: str, fact: str | float, is_found: bool) -> None:
    script = f"""(() => {{
      const facts = new Map([["x", {json.dumps(fact)}]]);
      return exports.matches(exports.parse("{text}"), {{ job: "j", id: "j" }}, facts);
    }})()"""
    assert query.evaluate(script) is is_found


def test_the_terms_before_a_fault_hold_on() -> None:
    parsed = query.call("parse", "failed return >")
    assert [term["text"] for term in parsed["terms"]] == ["failed"]
    assert parsed["unfinished"] is True and query.call("parse", "> 5")["unfinished"] is False


@pytest.mark.parametrize(
    ("text", "unfinished"),
    [("mark:st", True), ("mark:good,no", True), ("mark:stx", False), ("mark:st failed", False), ("mark:nice", False)],
)
def test_what_may_become_a_mark_is_no_fault_while_it_is_written(text: str, unfinished: bool) -> None:
    parsed = query.call("parse", text)
    assert parsed["error"].startswith("a mark is one of") and parsed["unfinished"] is unfinished


@pytest.mark.parametrize(
    "value", ["a b", 'say "x"', "back\\slash", "a,b", "-minus", "x:y", "", "Ω é", "1..2", "a>b", "a≥b"]
)
def test_a_quoted_value_is_found_exactly(value: str) -> None:
    parsed = query.call("parse", "key:" + query.call("quoted", value))
    assert parsed["error"] is None
    assert [one["text"] for one in parsed["terms"][0]["values"]] == [value.lower()]


def test_the_term_of_a_value_finds_the_jobs_with_it_and_no_others() -> None:
    dates = ["2026-11-21", "2026-11-21T05:30", "2026-11-21T05:30:00", "2026-11", "2026-11-01..2026-11-30"]
    texts = ["false", "a b", 'say "x"', "-minus", "-7", "5e3", "1..3", "2 kB"]
    values = [-3, -3.5, 1e-7, 5e300, 0, True, *texts, *dates, None]
    found = query.evaluate(f"""(() => {{
      const values = {json.dumps(values)};
      const facts = values.map((value) => new Map(value === null ? [] : [["my key", value]]));
      return values.map((value) => {{
        const asked = exports.parse(exports.termOf("my key", value ?? undefined));
        return facts.map((one) => exports.matches(asked, {{ job: "j", id: "j" }}, one));
      }});
    }})()""")
    assert found == [[place == other for other in range(len(values))] for place in range(len(values))]


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
    # Of chips those that there are.
    assert suggestions("chip:") == [("chip:failed ", "2"), ("chip:held ", "1")]
    assert suggestions("chip:dr") == []
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Nothing has a half-typed name in it.
        ("failed env", "failed"),
        ("env", ""),
        ("-env", ""),
        # A value is searched for as it stands, whatever may follow.
        ("chip:hel", "chip:hel"),
        ("failed chip:hel", "failed chip:hel"),
        ("env:Ant", "env:Ant"),
        ("env:nothing", "env:nothing"),
        ("mark:st", "mark:st"),
        ("has:ret", "has:ret"),
        # So is a word that is none, or is done.
        ("nothing", "nothing"),
        ("env ", "env "),
    ],
)
def test_only_the_half_typed_name_of_a_key_is_not_searched_for(text: str, expected: str) -> None:
    script = """(text, finds) => {
      const keys = [{ name: "environment", kind: "text", count: 3 }, { name: "return", kind: "number", count: 2 }];
      const values = (key) => new Map(key === "environment" ? [["Ant-v5", 2]] : [[5, 2]]);
      const offered = exports.suggest(text, text.length, keys, values, new Map([["held", 1]]));
      return [[], [{}]].map((jobs) => exports.searchedFor(text, offered, () => jobs));
    }"""
    assert suggest.evaluate(f"({script})({json.dumps(text)})") == [expected, text]
