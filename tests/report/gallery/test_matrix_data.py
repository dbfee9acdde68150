"""The matrix's numbers: which keys are its sides, what is in each cell, and the query that a cell asks."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import pytest

from daddy_encode.report.ledger import csv_cell
from tests.report.gallery.javascript import jobs_and_facts, run_module

DATA = run_module("matrix_data.js")
SIDES = run_module("matrix_sides.js")
QUERY = run_module("query.js", "matching.js")
CSV = run_module("csv.js")

Metas = Sequence[Mapping[str, Any]]


def build(metas: Metas, rows: str, columns: str, mean: str = "return", success: str = "") -> Any:
    """The matrix of jobs with these facts, its cells as lists."""
    of = {"rows": rows, "columns": columns, "mean": mean, "success": success}
    return DATA.evaluate(
        f"""(() => {{
          {jobs_and_facts(metas)}
          const matrix = exports.buildMatrix(jobs, facts, {json.dumps(of)});
          const order = exports.orderOf(matrix, "", "mean");
          const cells = matrix.rows.map((_, row) => matrix.columns.map((_, column) => matrix.at(row, column)));
          const shown = exports.shownRows(matrix, "mean", order, "x");
          return {{...matrix, cells, shown, csv: exports.matrixRows(matrix, {json.dumps(of)}, order),
            ordered: ["-mean", "share", "-column ppo", "row Ant", "-", "nonsense", "column gone"].map(
              (order) => exports.orderOf(matrix, order, "mean"))}};
        }})()"""
    )


def labels(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(entry["label"]) for entry in entries]


def test_each_cell_has_its_jobs_their_mean_and_their_share_of_successes() -> None:
    random.seed(16)
    metas = [
        {
            "task": random.choice(["Ant", "Hopper", "Walker"]),
            "policy": random.choice(["ppo", "sac"]),
            "return": random.gauss(100, 50),
            "success": random.random() < 0.5,
        }
        for _ in range(300)
    ]
    matrix = build(metas, "task", "policy", success="success")
    assert labels(matrix["rows"]) == ["Ant", "Hopper", "Walker"]
    assert labels(matrix["columns"]) == ["ppo", "sac"]
    groups = defaultdict(list)
    for meta in metas:
        for place in ((meta["task"], meta["policy"]), (meta["task"], None), (None, meta["policy"]), (None, None)):
            groups[place].append(meta)
    for row, task in enumerate([*labels(matrix["rows"]), None]):
        for column, policy in enumerate([*labels(matrix["columns"]), None]):
            if task is None:
                stats = matrix["total"] if policy is None else matrix["columnTotals"][column]
            else:
                stats = matrix["rowTotals"][row] if policy is None else matrix["cells"][row][column]
            group = groups[task, policy]
            assert stats["n"] == len(group)
            assert stats["mean"] == pytest.approx(fmean(float(str(meta["return"])) for meta in group))
            assert stats["share"] == pytest.approx(fmean(bool(meta["success"]) for meta in group))


def test_what_a_job_lacks_is_not_counted_as_nothing() -> None:
    metas: Metas = [
        {"task": "Ant", "return": 4},
        {"task": "Ant"},
        {"task": "Ant", "return": "many", "success": 0},
        {"return": 1},
    ]
    matrix = build(metas, "task", "", success="success")
    assert labels(matrix["rows"]) == ["Ant", "no value"]
    (ant, without) = (row[0] for row in matrix["cells"])
    assert (ant["n"], ant["mean"], ant["tried"], ant["share"]) == (3, 4, 1, 0)
    assert (without["n"], without["mean"], without["share"]) == (1, 1, None)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ("success", True, True),
        ("success", False, False),
        ("success", 1, True),
        ("success", 0.0, False),
        ("success", "True", True),
        ("success", "no", False),
        ("success", None, None),
        ("success>=0.5", 0.5, True),
        ("success>=0.5", 0.49, False),
        ("success>=-1e3", -999, True),
        ("success>=0.5", "0.9", None),
    ],
)
def test_a_success_is_a_truth_or_a_number_that_is_large_enough(rule: str, value: object, expected: object) -> None:
    facts = "new Map()" if value is None else f'new Map([["success", {json.dumps(value)}]])'
    assert SIDES.evaluate(f"exports.isSuccess({facts}, exports.readSuccess({json.dumps(rule)}))") is expected


def test_a_key_may_have_any_name_also_one_that_looks_like_a_rule() -> None:
    assert SIDES.call("readSuccess", "a>=b") == {"key": "a>=b", "least": None}
    assert SIDES.call("readSuccess", "a>=b>=3") == {"key": "a>=b", "least": 3}
    assert SIDES.call("readSuccess", ">=") == {"key": ">=", "least": None}


HOSTILE = [
    'a"b',
    "a\\",
    "-x",
    "a,b",
    "a..b",
    "1..2",
    "=x",
    "<img src=x>",
    " blank ",
    "mark:good",
    "3",
    "ümlaut",
    "failed",
]


def test_a_cell_asks_for_exactly_its_jobs() -> None:
    for key in ("task", 'k"ey', "a b", "x:y"):
        metas = [{key: value, "seed": number} for value in HOSTILE for number in (-3, 0.1, 7)]
        matrix = build(metas, key, "seed")
        pairs = [(entry, across) for entry in matrix["rows"] for across in matrix["columns"]]
        found = matching([f"{entry['query']} {across['query']}" for entry, across in pairs], metas)
        assert found == [[{key: entry["value"], "seed": across["value"]}] for entry, across in pairs]
        assert {stats["n"] for row in matrix["cells"] for stats in row} == {1}


def test_values_that_a_search_finds_together_are_one_entry() -> None:
    values: list[Any] = (
        [1] * 10 + ["1"] * 12 + [2.5, "x y", "X Y", "x y"] + [True] * 3 + ["true"] * 4 + ["True", "-3", 0, -3]
    )
    metas = [{"mixed": value, "task": "Ant"} for value in values]
    matrix = build(metas, "mixed", "task")
    assert sorted(labels(matrix["rows"])) == sorted(["-3", "0", "1", "2.5", "true", "x y"])
    found = matching([entry["query"] for entry in matrix["rows"]], metas)
    assert [len(jobs) for jobs in found] == [row[0]["n"] for row in matrix["cells"]]
    assert sum(row[0]["n"] for row in matrix["cells"]) == len(metas)


def matching(queries: Sequence[str], metas: Metas) -> list[list[Mapping[str, Any]]]:
    """Of each query the jobs that the page finds."""
    answer = QUERY.evaluate(
        f"{json.dumps(queries)}.map((text) => {{ const query = exports.parse(text);"
        f"return query.error || {json.dumps(metas)}.map((meta) => exports.matches(query, {{job: 'j', state: 'done'}}, "
        "new Map(Object.entries(meta)))); })"
    )
    return [[meta for meta, does in zip(metas, found, strict=True) if does] for found in answer]


def test_many_numbers_are_in_bins_whose_queries_divide_them() -> None:
    metas = [{"lr": number / 7, "task": "Ant"} for number in range(-50, 150)]
    matrix = build(metas, "lr", "task")
    assert 5 <= len(matrix["rows"]) <= 14
    assert sum(row[0]["n"] for row in matrix["cells"]) == 200
    found = matching([entry["query"] for entry in matrix["rows"]], metas)
    assert [len(jobs) for jobs in found] == [row[0]["n"] for row in matrix["cells"]]


def test_of_very_many_values_the_frequent_ones_are_shown_and_the_rest_counted() -> None:
    metas = [{"name": f"job {number}"} for number in range(300)] + [{"name": "job 299"}]
    matrix = build(metas, "name", "")
    assert (len(matrix["rows"]), matrix["left"]) == (200, 100)
    assert "job 299" in labels(matrix["rows"])


def test_rows_and_columns_are_sorted_by_what_is_asked() -> None:
    metas = [
        {"task": "Ant", "policy": "ppo", "return": 1},
        {"task": "Ant", "policy": "sac", "return": 9},
        {"task": "Hopper", "policy": "ppo", "return": 5},
        {"task": "Bee-10", "policy": "sac", "return": 7},
        {"task": "Bee-9", "policy": "sac", "return": 3},
    ]
    matrix = build(metas, "task", "policy")
    assert labels(matrix["rows"]) == ["Ant", "Bee-9", "Bee-10", "Hopper"], "naturally"
    by_mean, by_share, by_ppo, by_ant, backwards, nonsense, gone = matrix["ordered"]
    assert by_mean == {"rows": [2, 0, 3, 1], "columns": [1, 0]}
    assert by_share["rows"] == [0, 1, 2, 3], "no value: as they were"
    assert by_ppo["rows"] == [3, 0, 1, 2], "those without a value last"
    assert by_ant["columns"] == [0, 1]
    assert backwards["rows"] == [3, 2, 1, 0]
    assert nonsense == gone == {"rows": [0, 1, 2, 3], "columns": [0, 1]}


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ([{"env": e, "policy": p, "seed": s} for e in "ab" for p in "xy" for s in range(3)], ("env", "policy")),
        ([{"cfg.task": e, "run": r} for e in "ab" for r in "xyz"], ("cfg.task", "run")),
        ([{"seed": s, "colour": c} for s in range(3) for c in "rg"], ("colour", "seed")),
        ([{"env": "one", "seed": s, "step": t} for s in (1, 2) for t in (1, 2)], ("step", "seed")),
        # What a rollout says of its end tells little, also where there is nothing else but the run.
        (
            [
                {"run": r, "terminated": t, "truncated": not t, "seed": 1, "global_step": s}
                for r in "ab"
                for t in (True, False)
                for s in (1, 2)
            ],
            ("global_step", "run"),
        ),
        ([{"terminated": t, "truncated": not t, "run": r} for t in (True, False) for r in "ab"], ("terminated", "run")),
        # Of many runs what they have in common.
        (
            [
                {"run": f"{a}/{e}/{s}", "dir1": a, "dir2": e, "env": e}
                for a in ("ppo", "sac")
                for e in ("Ant", "Hopper")
                for s in range(5)
            ],
            ("env", "dir1"),
        ),
        ([{"name": n} for n in "abc"], ("", "")),
    ],
)
def test_the_sides_are_what_people_compare(metas: Metas, expected: tuple[str, str]) -> None:
    values: dict[str, set[object]] = defaultdict(set)
    for meta in metas:
        for key, value in meta.items():
            values[key].add(value)
    keys = [
        {"name": key, "kind": "number" if type(next(iter(of))) is int else "text", "count": len(metas)}
        for key, of in values.items()
    ]
    counts = {key: [[value, 1] for value in sorted(of, key=str)] for key, of in values.items()}
    chosen = SIDES.evaluate(
        f"(() => {{ const counts = {json.dumps(counts)}; "
        f"return exports.defaultAxes({json.dumps(keys)}, (key) => new Map(counts[key])); }})()"
    )
    assert (chosen["rows"], chosen["columns"]) == expected


def test_one_odd_value_takes_no_bins_from_the_numbers() -> None:
    metas: list[dict[str, Any]] = [{"seed": n} for n in range(100)]
    odd: list[dict[str, Any]] = [{"seed": str(2**60)}, {}]
    plain, mixed = build(metas, "seed", ""), build([*metas, *odd], "seed", "")
    assert labels(mixed["rows"]) == [*labels(plain["rows"]), str(2**60), "no value"]
    assert mixed["rows"][-2]["query"] == f'seed="{2**60}"'
    assert [stats["n"] for stats in mixed["rowTotals"]] == [*(stats["n"] for stats in plain["rowTotals"]), 1, 1]
    assert len(plain["rows"]) < 20
    # Where most have none, each is by itself.
    texts = [{"seed": f"text {n}"} for n in range(40)]
    assert len(build([*metas[:30], *texts], "seed", "")["rows"]) == 70


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\uff1d1",
        "plain",
        "a,b",
        'a"b',
        "a\nb",
        "\x00\x7f\x85",
        "\u202eabc",
        "\U0001f600",
        "é",
        "",
    ],
)
def test_a_text_in_csv_is_what_the_log_makes_of_it(text: str) -> None:
    expected = csv_cell(text)
    assert CSV.call("csvCell", text) == expected
    (row,) = csv.reader(io.StringIO(CSV.call("toCsv", [[text, 1.5, None, True, "x"]]), newline=""))
    assert row == [expected, "1.5", "", "true", "x"]


def test_csv_has_a_line_for_each_cell_and_what_is_copied_is_the_table() -> None:
    metas: Metas = [
        {"task": "=Ant", "policy": "ppo", "return": 1.5, "success": True},
        {"task": "=Ant", "policy": "ppo", "return": 2.5, "success": False},
        {"task": "Bee", "policy": "sac"},
    ]
    matrix = build(metas, "task", "policy", success="success")
    assert matrix["csv"] == [
        ["task", "policy", "n", "mean return", "successes", "of", "success rate"],
        ["=Ant", "ppo", 2, 2, 1, 2, 0.5],
        ["Bee", "sac", 1, None, None, 0, None],
    ]
    assert matrix["shown"] == [
        ["x", "ppo", "sac", "all"],
        ["=Ant", 2, None, 2],
        ["Bee", None, None, None],
        ["all", 2, None, 2],
    ]
    assert CSV.call("toTsv", matrix["shown"]).splitlines()[1] == "'=Ant\t2\t\t2"


def test_terms_are_added_to_a_query_once() -> None:
    assert DATA.call("narrowed", " a ", "b=1", "", "c<2") == "a b=1 c<2"
    assert DATA.call("narrowed", "a b=1 c<2", "b=1", "c<2") == "a b=1 c<2"
    assert DATA.call("narrowed", "b=12", "b=1") == "b=12 b=1"
