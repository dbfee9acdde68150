"""Facts of jobs, their order, their groups, and where each card lies."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import jobs_and_facts, run_module

facts = run_module("facts.js")
sort = run_module("sort.js")
group = run_module("group.js")
query = run_module("query.js", "matching.js")
grid = run_module("grid.js")
cut = run_module("cut.js")


def test_facts_are_what_is_known_and_meta_hides_none_of_them() -> None:
    job = {
        "id": "a",
        "job": "run-1/deep/episode-3",
        "state": "done",
        "frames": 240,
        "fps": [30000, 1001],
        "width": 480,
        "height": 360,
        "bytes": 5,
        "meta": {"return": 1.5, "frames": 7, "success": False, "note": "", "env.name": "Ant", "constructor": "x"},
    }
    known = facts.call("factsOf", job)
    assert known.pop("seconds") == pytest.approx(240 * 1001 / 30000)
    assert known.pop("fps") == pytest.approx(30000 / 1001)
    assert known == {
        "name": "episode-3",
        "run": "run-1/deep",
        "state": "done",
        "frames": 240,
        "width": 480,
        "height": 360,
        "bytes": 5,
        "return": 1.5,
        "meta.frames": 7,
        "success": False,
        "env.name": "Ant",
        "constructor": "x",
    }
    assert facts.call("factsOf", {"id": "b", "job": "alone", "state": "failed", "fps": [0, 0]}) == {
        "name": "alone",
        "state": "failed",
    }


def test_a_key_is_a_number_where_half_of_its_values_are() -> None:
    values: list[dict[str, Any]] = [
        {"x": 1, "y": 1, "z": True, "seed": str(2**60), "date": "2026-11-20 10:00"},
        {"x": 2, "y": "one", "seed": 3, "date": "2026-11-21"},
        {"x": 3, "y": "25, 24", "seed": 4, "date": "soon"},
    ]
    jobs = [{"id": f"{n}", "job": f"r/{n}", "state": "done", "meta": meta} for n, meta in enumerate(values)]
    keys = {key.pop("name"): tuple(key.values()) for key in facts.call("keysOf", jobs)}
    assert keys == {
        "name": ("text", 3, 0, 0),
        "run": ("text", 3, 0, 0),
        "state": ("text", 3, 0, 0),
        "x": ("number", 3, 3, 0),
        "y": ("text", 3, 1, 0),
        "z": ("text", 1, 0, 0),
        "seed": ("number", 3, 2, 0),
        "date": ("text", 3, 0, 2),
    }


def test_a_list_of_returns_counts_by_its_mean_and_what_a_rollout_died_of_as_its_error() -> None:
    job = {"id": "a", "job": "a", "state": "done", "meta": {"return": "25, 24"}, "means": {"return": [24.5, 2]}}
    assert facts.call("factsOf", {**job, "rollout_error": "died"}) == {
        "name": "a",
        "state": "done",
        "error": "died",
        "return": 24.5,
    }


def test_all_values_are_read_with_their_means_and_how_many_more_there_are() -> None:
    job = {
        "meta": {"constructor": "x", "return": "25, 24", "seed": 10_000, "toString": True},
        "means": {"return": [24.5, 2], "length": [99.25, 64]},
        "meta_left_out": 3,
    }
    assert facts.call("metaLines", job) == [
        ["length", "mean of 64: 99.25"],
        ["constructor", "x"],
        ["return", "25, 24; mean of 2: 24.5"],
        ["seed", "10,000"],
        ["toString", "true"],
        ["not shown", "3 more values, in its receipt or manifest"],
    ]
    assert facts.call("metaLines", {}) == []


@pytest.mark.parametrize("key", ["has", "mark", "chip", "note", "name", "error"])
def test_a_key_of_meta_that_the_search_means_something_else_by_can_be_asked_for(key: str) -> None:
    job = {"id": "a", "job": "a", "state": "done", "meta": {key: "nice"}}
    found = f"""(() => {{
      const job = {json.dumps(job)};
      const marks = {{ get: () => ({{ mark: null, star: false, note: "" }}) }};
      const facts = new Map(Object.entries({json.dumps(facts.call("factsOf", job))}));
      return ["nice", "other"].map((word) => exports.matches(exports.parse("meta.{key}:" + word), job, facts, marks));
    }})()"""
    assert query.evaluate(found) == [True, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("episode-0003", ["", "episode-0003"]),
        ("eval-step-5000-episode-1", ["eval-step-5000-", "episode-1"]),
        ("ppo/HalfCheetah-v5/seed_12", ["ppo/HalfCheetah-", "v5/seed_12"]),
        ("a" * 30, ["a" * 20, "a" * 10]),
        ("🤖" * 14, ["🤖" * 4, "🤖" * 10]),
        # Of a date with a time no less than tells days apart.
        ("2026-11-26T14:05:09", ["2026-", "11-26T14:05:09"]),
        ("run_2026-11-26_14-05-09", ["run_2026-", "11-26_14-05-09"]),
        ("20261126_140509", ["2026", "1126_140509"]),
        ("🤖/2026-11-26 14:05:09.25Z", ["🤖/2026-", "11-26 14:05:09.25Z"]),
        ("2026-11-26T14:05:09-ppo-seed_1", ["2026-11-26T14:05:09-", "ppo-seed_1"]),
        ("12345678901234567890", ["1234567890", "1234567890"]),
    ],
)
def test_of_a_name_without_room_its_end_stays(text: str, expected: list[str]) -> None:
    assert cut.call("partsOf", text) == expected


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_the_parts_of_a_name_are_the_name(text: str) -> None:
    head, tail = cut.call("partsOf", text)
    assert head + tail == text
    assert (head == "") == (len(text) < 13)


def in_order(values: list[Any], key: str) -> list[int]:
    """The places of values in the order of `sort`."""
    known = [{} if value is None else {"k": value} for value in values]
    answer = sort.evaluate(
        f"""(() => {{
          {jobs_and_facts(known)}
          return exports.sortJobs(jobs, facts, {json.dumps(key)}).map(job => Number(job.id));
        }})()"""
    )
    assert isinstance(answer, list)
    return answer


def test_names_are_in_natural_order_and_jobs_without_the_key_are_last() -> None:
    values = ["episode-10", None, "episode-9", "Episode-1", 3, -1]
    assert in_order(values, "k") == [5, 4, 3, 2, 0, 1]
    assert in_order(values, "-k") == [0, 2, 3, 4, 5, 1]
    # Among numbers, what is none is odd.
    odd = [2, "25, 24", 3, None, 1]
    assert (in_order(odd, "k"), in_order(odd, "-k")) == ([4, 0, 2, 1, 3], [2, 0, 4, 1, 3])
    assert in_order(values, "") == in_order(values, "other") == in_order(values, "-other") == [0, 1, 2, 3, 4, 5]


@settings(max_examples=50)
@given(st.lists(st.none() | st.integers(-5, 5) | st.floats(-1e9, 1e9), max_size=12))
def test_numbers_are_in_the_order_that_python_gives_them(values: list[float | None]) -> None:
    known = [place for place, value in enumerate(values) if value is not None]
    lacking = [place for place, value in enumerate(values) if value is None]
    assert in_order(values, "k") == sorted(known, key=lambda place: values[place] or 0) + lacking
    assert in_order(values, "-k") == sorted(known, key=lambda place: -(values[place] or 0)) + lacking


def test_groups_count_their_jobs_failures_and_mean_return() -> None:
    jobs = [{"id": str(n), "state": "failed" if n == 2 else "done"} for n in range(5)]
    known = [{"env": "b", "return": 1}, {"env": "a", "return": 5}, {"env": "b"}, {"env": "b", "episode.r": 4}, {}]
    script = """(jobs, facts, key) => exports.groupJobs(jobs,
      new Map(facts.map((one, n) => [String(n), new Map(Object.entries(one))])), key)
      .map(one => [one.title, one.jobs.map(job => Number(job.id)), one.failed, one.meanReturn, one.returns])"""

    def grouped(key: str, of: list[dict[str, Any]] = jobs) -> Any:
        return group.evaluate(f"({script})({json.dumps(of)}, {json.dumps(known)}, {json.dumps(key)})")

    assert grouped("env") == [["b", [0, 2, 3], 1, 2.5, 2], ["a", [1], 0, 5, 1], ["no env", [4], 0, None, 0]]
    assert [one[:2] for one in grouped("")] == [["", [0, 1, 2, 3, 4]]]
    assert grouped("", []) == grouped("env", []) == []


SECTIONS = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=8)


def layout_of(width: int, sections: list[tuple[int, bool]], heading: int = 40) -> dict[str, Any]:
    wanted = {
        "width": width,
        "least": 100,
        "gap": 10,
        "heading": heading,
        "text": 50,
        "sections": [{"count": count, "open": is_open} for count, is_open in sections],
    }
    answer = grid.call("layoutOf", wanted)
    assert isinstance(answer, dict)
    return answer


@settings(max_examples=60)
@given(SECTIONS, st.integers(50, 900), st.integers(-500, 9000), st.integers(1, 900))
def test_what_is_in_view_is_all_that_overlaps_it_and_little_more(
    sections: list[tuple[int, bool]], width: int, top: int, height: int
) -> None:
    layout = layout_of(width, sections)
    columns, row = layout["columns"], layout["cardHeight"] + 10
    assert columns * layout["cardWidth"] + (columns - 1) * 10 <= max(width, layout["cardWidth"])
    assert layout["cardWidth"] >= min(100, width)
    # Where each card lies, place by place.
    boxes: list[float] = []
    at = 0.0
    for count, is_open in sections:
        at += 40
        shown = count if is_open else 0
        boxes += [at + place // columns * row for place in range(shown)]
        at += math.ceil(shown / columns) * row
    assert layout["height"] == at and layout["count"] == len(boxes)
    view = grid.call("windowOf", layout, top, top + height)
    shown_places = [place for part in view for place in range(part["from"], part["to"])]
    overlapping = [place for place, y in enumerate(boxes) if y < top + height and y + layout["cardHeight"] > top]
    assert set(overlapping) <= set(shown_places)
    assert len(shown_places) == len(set(shown_places)) <= (height / row + 2) * columns
    for place in shown_places[:3]:
        box = grid.call("boxOf", layout, place)
        assert layout["sections"][box["section"]]["top"] + box["top"] == boxes[place]


def test_keys_begin_at_the_card_that_was_gone_to_or_at_the_first_in_sight() -> None:
    layout = layout_of(1000, [(40, True), (40, True)])
    box = grid.call("boxOf", layout, 57)
    top = layout["sections"][box["section"]]["top"] + box["top"]
    first = 57 - (57 - layout["sections"][1]["first"]) % layout["columns"]
    assert grid.call("inSightFrom", layout, 0, top - 5, top + 600) == first
    assert grid.call("inSightFrom", layout, 57, top - 5, top + 600) == 57
    assert grid.call("inSightFrom", layout, 3, 0, 600) == 3
    assert grid.call("inSightFrom", layout_of(1000, []), 0, 0, 600) == 0


def test_arrows_go_to_the_card_above_and_below_also_across_groups() -> None:
    # Three columns: 0 1 2 / 3, then nothing, then 4 5, then a closed group, then 6 7 8.
    layout = layout_of(330, [(4, True), (0, True), (2, True), (9, False), (3, True)])
    assert layout["columns"] == 3

    def move(place: int, key: str, rows: int = 1) -> Any:
        return grid.call("move", layout, place, key, rows)

    assert [move(place, "ArrowDown") for place in range(9)] == [3, 3, 3, 4, 6, 7, 6, 7, 8]
    assert [move(place, "ArrowUp") for place in range(9)] == [0, 1, 2, 0, 3, 3, 4, 5, 5]
    assert [move(place, "ArrowLeft") for place in (0, 4)] == [0, 3]
    assert [move(place, "ArrowRight") for place in (3, 8)] == [4, 8]
    assert [move(4, key) for key in ("Home", "End")] == [0, 8]
    assert (move(0, "PageDown", 2), move(8, "PageUp", 2), move(0, "PageDown", 99)) == (4, 3, 6)
    assert grid.call("move", layout_of(330, [(0, True)]), 0, "ArrowDown", 1) == 0
