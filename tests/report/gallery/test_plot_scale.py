"""Scales of the plot: places and values, running means, the nearest point."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

SCALE = run_module("plot_scale.js")


@settings(max_examples=40)
@given(st.lists(st.floats(-1e300, 1e300, allow_nan=False), min_size=1, max_size=9), st.sampled_from(["linear", "log"]))
def test_a_place_leads_back_to_its_value(values: list[float], kind: str) -> None:
    values = [value for value in values if kind != "log" or value > 1e-290]
    if not values:
        return
    places = SCALE.evaluate(
        f"(() => {{ const values = {json.dumps(values)}; const scale = exports.createScale("
        f"exports.domainOf(values, {json.dumps(kind)}), [400, 0], {json.dumps(kind)});"
        "return values.map((value) => [scale.to(value), scale.from(scale.to(value))]); })()"
    )
    spread = max(values) - min(values)
    for value, (place, back) in zip(values, places, strict=True):
        assert 0 < float(place) < 400, "no point lies on the frame"
        near = 1e-6 * (abs(value) if kind == "log" else max(abs(value), spread))
        # The smallest of all numbers have no half.
        assert abs(float(back) - value) <= max(near, 1e-300)


def test_what_is_no_number_and_what_has_no_logarithm_does_not_count() -> None:
    assert SCALE.evaluate("exports.domainOf([], 'linear')") == [0, 1]
    assert SCALE.evaluate("exports.domainOf([NaN, Infinity, 3, 4], 'linear')") == pytest.approx([2.96, 4.04])
    assert SCALE.evaluate("exports.domainOf([0, -1], 'log')") == [1, 10]
    least, most = SCALE.evaluate("exports.domainOf([0, 1, 100], 'log')")
    assert 0.5 < least < 1 < 100 < most < 200


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 10, 100, 1000, 10_000], True),
        ([number * 1000 for number in range(1, 5000)], False),
        ([0, 1, 10_000], False),
        ([-1, 1, 10_000], False),
        ([1e-5, 1e-4, 1e-3, 3e-4], False),
        ([1e-6, 1e-5, 1e-4, 1e-2, 3e-4], True),
        ([5, 5, 5], False),
        ([], False),
    ],
)
def test_an_axis_is_logarithmic_where_most_would_lie_at_its_beginning(values: list[float], expected: bool) -> None:
    assert SCALE.call("isLogarithmic", values) is expected


def test_a_running_mean_is_the_mean_of_neighbours_and_does_not_lean_at_the_ends() -> None:
    points = [[x, 3 * x + 1] for x in (5, 3, 1, 4, 2, 0, 6, 7, 8, 9)]
    assert SCALE.call("runningMean", points, 0.4) == [[x, pytest.approx(3 * x + 1)] for x in range(10)]
    noisy = [[x, (-1) ** x] for x in range(100)]
    means = SCALE.call("runningMean", noisy, 0.2)
    assert [x for x, _ in means] == list(range(100)), "over the whole range"
    assert all(
        y == pytest.approx(statistics.mean((-1) ** n for n in range(100) if abs(n - x) <= 10)) for x, y in means[10:90]
    )
    assert means[3][1] == pytest.approx(statistics.mean((-1) ** n for n in range(7))), "as many on both sides"
    assert (means[0][1], means[-1][1]) == (1, -1)
    same = [[1, 2], [1, 4], [2, 10], [2, 20]]
    assert SCALE.call("runningMean", same, 0.0) == [[1, 3], [2, 15]]
    assert SCALE.call("runningMean", [], 0.1) == []


def test_where_steps_repeat_the_line_goes_through_the_mean_of_each() -> None:
    # Two evaluations of each of five checkpoints, in any order.
    points = [[step, step / 50 + 2 * episode] for episode in range(2) for step in (3000, 1000, 5000, 2000, 4000)]
    spread = statistics.stdev([0, 2])
    expected = [[step, step / 50 + 1, pytest.approx(spread)] for step in range(1000, 6000, 1000)]
    assert SCALE.call("meanLine", points) == expected
    # Of different numbers of them, and of one alone, of which no spread is known.
    uneven = [[1, 4], [2, 5], [1, 9], [1, 2], [2, 7], [3, 8]]
    assert SCALE.call("meanLine", uneven) == [
        [1, 5, pytest.approx(statistics.stdev([4, 9, 2]))],
        [2, 6, pytest.approx(spread)],
        [3, 8, None],
    ]
    # Many steps that hardly repeat, and many that do, are smoothed.
    single = [[x, (-1) ** x] for x in range(100)]
    assert SCALE.call("meanLine", single) == SCALE.call("runningMean", single, 0.1)
    twice = [[x, (-1) ** x + up] for x in range(300) for up in (0, 2)]
    assert all(abs(y - 1) < 0.3 for _, y in SCALE.call("meanLine", twice)[2:-2])
    assert SCALE.call("meanLine", [[1, 2]] * 9) == SCALE.call("meanLine", []) == []


@pytest.mark.parametrize("steps", [2, 5, 15, 100])
@pytest.mark.parametrize("episodes", [2, 3, 10])
def test_a_rollout_that_is_lacking_changes_its_own_step_and_no_other(steps: int, episodes: int) -> None:
    points = [[step, 60 * (step % 2) + 10 * episode] for step in range(steps) for episode in range(episodes)]
    whole = SCALE.call("meanLine", points)
    assert len(whole) == steps and all(spread > 0 for _, _, spread in whole)
    # One in the middle, and the last of a step that is not done.
    for lacking in (steps // 2, steps - 1):
        some = [point for point in points if point != [lacking, 60 * (lacking % 2)]]
        line = SCALE.call("meanLine", some)
        assert [mean for mean in line if mean[0] != lacking] == [mean for mean in whole if mean[0] != lacking]
        (mean,) = (mean for mean in line if mean[0] == lacking)
        expected = [y for x, y in some if x == lacking]
        assert mean[1] == statistics.mean(expected)
        assert mean[2] == (pytest.approx(statistics.stdev(expected)) if len(expected) > 1 else None)


def test_most_steps_have_several_where_some_have_one_and_few_that_meet_by_accident_are_smoothed() -> None:
    # Some rollouts died at every third step.
    some = [[step, step + up] for step in range(60) for up in (0, 4) if up == 0 or step % 3]
    line = SCALE.call("meanLine", some)
    assert line[:4] == [[0, 0, None], *([step, step + 2, pytest.approx(8**0.5)] for step in (1, 2)), [3, 3, None]]
    # Rollouts at any time step, of which two have the same.
    single = [[7 * n, (-1) ** n] for n in range(40)]
    met = [*single, [21, 1], [70, 1]]
    assert SCALE.call("meanLine", met) == SCALE.call("runningMean", met, 0.1)


def test_a_band_has_gaps_where_no_spread_is_known() -> None:
    means = [[1, 5, 1], [2, 6, 2], [3, 7, None], [4, 8, 0], [5, 9, None], [6, 1], [7, 2, 3]]
    assert SCALE.call("bandsOf", means) == [[[1, 4, 6], [2, 4, 8]], [[4, 8, 8]], [[7, -1, 5]]]
    assert SCALE.call("bandsOf", []) == []


@pytest.mark.parametrize("count", [2, 3, 5, 11])
def test_of_few_steps_the_line_goes_through_what_there_is_at_each(count: int) -> None:
    points = [[1000 * n, (-1) ** n * n] for n in range(1, count + 1)]
    line = [[*point, None] for point in points]
    assert SCALE.call("meanLine", points[::-1]) == line
    # Where one of them has two points, through their mean.
    met = SCALE.call("meanLine", [*points, [1000, 5]])
    assert met == [[1000, 2, pytest.approx(statistics.stdev([-1, 5]))], *line[1:]]


def test_of_many_steps_the_line_is_smooth_and_goes_from_the_first_to_the_last() -> None:
    for count in (12, 30, 200):
        line = SCALE.call("meanLine", [[x, (-1) ** x] for x in range(count)])
        assert [x for x, _ in line] == list(range(count))
        assert max(abs(y) for _, y in line[1:-1]) < 0.5


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(-50, 450), st.integers(-50, 450)), max_size=60),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_the_nearest_point_is_found(points: list[tuple[int, int]], x: int, y: int) -> None:
    index = SCALE.evaluate(f"exports.createNearest({json.dumps(points)}, 24)({x}, {y})")
    distances = [math.hypot(px - x, py - y) for px, py in points]
    if index < 0:
        assert all(distance > 24 for distance in distances)
    else:
        assert distances[index] == min(distances)
