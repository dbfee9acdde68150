"""What the plot shows: which keys, which points, and the groups with a colour and a form each."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.report.gallery.javascript import jobs_and_facts, run_module

DATA = run_module("plot_data.js")
DRAW = run_module("plot_draw.js")
RUNS = run_module("runs.js")


def keys(*names: str, kind: str = "number") -> list[dict[str, object]]:
    return [{"name": name, "kind": kind, "count": 9} for name in names]


@pytest.mark.parametrize(
    ("names", "x", "y"),
    [
        (("finished", "frames", "return", "step"), "step", "return"),
        (("finished", "frames", "episode_return", "global_step", "seed"), "global_step", "episode_return"),
        (("finished", "frames", "return"), "finished", "return"),
        (("finished", "frames", "seconds", "loss"), "finished", "loss"),
        (("finished", "frames", "seconds"), "finished", "seconds"),
        ((), "", ""),
    ],
)
def test_the_return_over_the_training_step_is_shown_or_what_is_nearest_to_that(
    names: tuple[str, ...], x: str, y: str
) -> None:
    assert DATA.call("defaultPlot", [*keys(*names), *keys("run", kind="text")]) == {"x": x, "y": y}


def colour(jobs: Mapping[str, Mapping[str, Any]], x: str = "step") -> Any:
    """The key that the plot is coloured by at first, of jobs by their paths."""
    listed: list[dict[str, Any]] = [
        {"id": str(number), "job": path, "meta": meta} for number, (path, meta) in enumerate(jobs.items())
    ]
    places = RUNS.call("placesInRuns", listed, "rollouts")
    known = [
        {"run": place["run"], **dict(place["directories"]), **job["meta"]}
        for job in listed
        if (place := places[job["id"]])
    ]
    names = {name: "number" if isinstance(value, int) else "text" for one in known for name, value in one.items()}
    listed_keys = [{"name": name, "kind": kind, "count": len(known)} for name, kind in names.items()]
    return DATA.evaluate(
        f"""(() => {{
          {jobs_and_facts(known)}
          const valuesOf = (key) => new Map([...facts.values()].map((one) => [one.get(key), 1]));
          return exports.defaultColour({json.dumps(listed_keys)}, valuesOf, facts, {json.dumps(x)});
        }})()"""
    )


def test_many_runs_have_the_colour_of_what_is_above_them_never_of_their_steps() -> None:
    def tree(*parts: str, runs: int, **meta: Any) -> dict[str, dict[str, Any]]:
        """Three checkpoints of each run, two rollouts of each."""
        steps = (1000, 2000, 3000)
        return {
            "/".join((*parts, f"run-{run}", f"step_{step}", f"ep_{episode}")): {"step": step, **meta}
            for run in range(runs)
            for step in steps
            for episode in range(2)
        }

    assert colour(tree(runs=8)) == "run"
    assert colour(tree(runs=9)) == ""
    both = {**tree("ppo", "Ant", runs=6), **tree("sac", "Ant", runs=6), **tree("sac", "Hopper", runs=6)}
    assert colour(both) == "dir1"
    # The last of a path that begins alike.
    assert colour({**tree("all", "ppo", runs=5), **tree("all", "sac", runs=5)}) == "dir2"
    # Not what the run's own directory is called.
    beside = {f"seed-{seed}/{name}/ep_{step}": {"step": step} for seed in range(3) for name in "abc" for step in (1, 2)}
    assert colour(beside) == "dir1"
    assert colour({f"run-{run}/ep_{step}": {"step": step} for run in range(9) for step in (1, 2)}) == ""


def test_what_x_shows_is_no_colour() -> None:
    jobs: dict[str, dict[str, Any]] = {
        f"{step}-{number}": {"step": step, "checkpoint": f"step_{step}"} for step in (1, 2, 3) for number in range(2)
    }
    assert colour(jobs) == ""
    assert colour(jobs, "number") == "checkpoint"
    for path, meta in jobs.items():
        meta["policy"] = "greedy" if path.endswith("0") else "random"
    assert colour(jobs) == "policy"


def plot(metas: Sequence[Mapping[str, Any]], **of: str) -> Any:
    whole = {"x": "step", "y": "return", "colour": "run", "log": "", **of}
    return DATA.evaluate(
        f"""(() => {{
          {jobs_and_facts(metas)}
          return exports.plotOf(jobs, facts, {json.dumps(whole)});
        }})()"""
    )


def test_a_job_with_both_numbers_is_a_point_and_the_others_are_counted() -> None:
    metas: list[dict[str, Any]] = [
        {"step": 1, "return": 2, "run": "a"},
        {"step": 3},
        {"return": 4},
        {"step": 5, "return": "many"},
    ]
    shown = plot(metas)
    assert [(point["id"], point["x"], point["y"]) for point in shown["points"]] == [("0", 1, 2)]
    assert shown["lacking"] == 3
    # Nor has it a place in a selection.
    within = "['3000', 5, undefined, true].map((x) => exports.isWithin([0, 5000, 0, 5000], x, 1))"
    assert DATA.evaluate(within) == [False, True, False, False]


def test_numbers_have_a_ramp_of_colours_also_where_some_job_has_none() -> None:
    metas: list[dict[str, Any]] = [{"step": n, "return": n, "run": n} for n in range(40)]
    plain = plot(metas)["groups"]
    shown = plot([*metas, {"step": 1, "return": 1, "run": "3000 and one"}, {"step": 1, "return": 1}])["groups"]
    assert [group["label"] for group in shown] == [*(group["label"] for group in plain), "no value", "others"]
    assert [group["colour"] for group in shown][: len(plain)] == [group["colour"] for group in plain]


def test_what_has_no_logarithm_has_no_place_on_a_logarithmic_axis() -> None:
    metas = [{"step": step, "return": value} for step in (1, 2) for value in (-1, 0, 1, 10)]
    assert len(plot(metas)["points"]) == 8
    shown = plot(metas, log="y")
    assert (len(shown["points"]), shown["lacking"], shown["kinds"]) == (4, 4, {"x": "linear", "y": "log"})
    assert DATA.call("lackingText", shown) == "4 jobs not above 0"
    assert (
        DATA.call("lackingText", plot([*metas, {"step": 1}], log="y"))
        == "1 job without these numbers, 4 jobs not above 0"
    )
    assert DATA.call("lackingText", plot(metas)) == ""
    # Where nothing is left, nothing stands along the axes.
    negative = plot([{"step": step, "return": -step} for step in (1, 2)], log="y")
    assert (negative["points"], DATA.call("lackingText", negative)) == ([], "no value above 0")
    layout = DRAW.call("layoutOf", negative, 800, 400)
    assert (layout["rows"], layout["columns"]) == ([], [])
    assert len(DRAW.call("layoutOf", shown, 800, 400)["rows"]) > 1
    rates = [{"step": 10.0**power, "return": 1} for power in range(-6, 0)]
    assert plot(rates)["kinds"]["x"] == "log"
    assert plot(rates, log="none")["kinds"]["x"] == "linear"
    assert plot([{"finished": 1.7e9, "return": 1}], x="finished", log="x")["kinds"]["x"] == "time"


def test_each_value_has_a_colour_and_a_form_and_of_many_the_rarest_share_one() -> None:
    metas = [{"step": 1, "return": 1, "run": f"run-{number % (number // 10 + 1)}"} for number in range(200)]
    shown = plot(metas)
    groups = shown["groups"]
    assert [group["label"] for group in groups][-1] == "others"
    assert (len(groups), sum(group["count"] for group in groups)) == (8, 200)
    assert len({(group["colour"], group["form"]) for group in groups}) == 8
    assert groups[-1]["query"] == ""
    for place, group in enumerate(groups):
        assert sum(point["group"] == place for point in shown["points"]) == group["count"]


def test_the_legend_counts_points() -> None:
    metas: list[dict[str, Any]] = [
        *({"step": step, "return": step - 1, "run": "a"} for step in range(4)),
        *({"step": step, "run": run} for step in range(6) for run in "ab"),
    ]
    counts = {group["label"]: group["count"] for group in plot(metas)["groups"]}
    assert counts == {"a": 4, "b": 0}, "those without a return are no points"
    assert plot(metas, log="y")["groups"][0]["count"] == 2, "nor those without a logarithm"


def test_a_plot_has_room_for_its_bands() -> None:
    metas = [{"step": step, "return": value} for step in range(3) for value in (0, 0, 0, 90)]
    mean, spread = statistics.mean((0, 0, 0, 90)), statistics.stdev((0, 0, 0, 90))
    least, most = DRAW.call("layoutOf", plot(metas), 800, 400)["domains"]["y"]
    assert least < mean - spread < 0 and most > 90
    # What lies below 0 has no place on a logarithmic axis, and takes none of it.
    positive = [{"step": step, "return": value} for step in range(3) for value in (1, 1, 1, 1000)]
    least, most = DRAW.call("layoutOf", plot(positive, log="y"), 800, 400)["domains"]["y"]
    assert 0.5 < least < 1 and most > 1000


def test_numbers_of_many_values_are_coloured_along_a_ramp() -> None:
    metas = [{"step": number, "return": number, "lr": number / 7} for number in range(100)]
    groups = plot(metas, colour="lr")["groups"]
    assert 3 <= len(groups) <= 8
    assert all(group["colour"].startswith("--ramp-") for group in groups)
    assert len(plot(metas, colour="")["groups"]) == 1
    texts = plot([{"step": 1, "return": 1, "lr": f"<{number}>=3"} for number in range(20)], colour="lr")["groups"]
    assert [group["colour"] for group in texts] == [f"--series-{number}" for number in range(8)], "texts, not bins"
    few = plot([{"step": 1, "return": 1, "seed": number % 3} for number in range(9)], colour="seed")["groups"]
    assert [group["colour"] for group in few] == ["--series-0", "--series-1", "--series-2"]


def test_an_axis_is_made_logarithmic_and_linear_again() -> None:
    linear = {"x": "linear", "y": "linear"}
    assert DATA.call("toggleLog", linear, "y") == "y"
    assert DATA.call("toggleLog", {"x": "log", "y": "linear"}, "y") == "xy"
    assert DATA.call("toggleLog", {"x": "log", "y": "linear"}, "x") == "none"
    assert DATA.call("toggleLog", {"x": "time", "y": "log"}, "y") == "none"


def test_a_selection_has_as_many_digits_as_it_needs() -> None:
    assert DATA.call("cleanBrush", [271834.123, 1188046.9, 427.6012, 56.8049]) == [271800, 1188000, 56.8, 427.6]
    assert DATA.call("cleanBrush", [1e-7, 3.00004e-7, 0, 0]) == [1e-7, 3e-7, 0, 0]
    assert DATA.evaluate("exports.cleanBrush([NaN, 1, 2, 3])") is None
    # Near to each other, and far from 0.
    left, right, *_ = DATA.call("cleanBrush", [1764000000.25, 1764000003.75, 0, 1])
    assert (left, right) == (1764000000.25, 1764000003.75)


def test_forms_have_about_the_same_size() -> None:
    def area(corners: list[list[float]]) -> float:
        turned = [*corners[1:], corners[0]]
        return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(corners, turned, strict=True))) / 2

    areas = [area(corners) for form in range(8) if (corners := DRAW.call("cornersOf", form, 0, 0, 1))]
    assert len(areas) == 7, "one is a circle"
    assert max(areas) / min(areas) < 2
    assert len({json.dumps(DRAW.call("cornersOf", form, 0, 0, 1)) for form in range(8)}) == 8
