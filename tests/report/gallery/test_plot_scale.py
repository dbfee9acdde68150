"""Scales of the plot: round ticks, logarithms, dates, running means, the nearest point."""

from __future__ import annotations

import json
import math
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

SCALE = run_module("plot_scale.js")
finite = st.floats(-1e12, 1e12, allow_nan=False)


@settings(max_examples=60)
@given(finite, finite, st.integers(2, 12))
def test_linear_ticks_are_round_evenly_spaced_and_inside(one: float, other: float, count: int) -> None:
    least, most = sorted((one, other))
    if most - least < 1e-6 * max(1, abs(most), abs(least)):
        return
    ticks = SCALE.call("linearTicks", least, most, count)
    step = SCALE.call("niceStep", least, most, count)
    assert float(f"{step:.6g}") in [float(f"{digit}e{round(math.log10(step / digit))}") for digit in (1, 2, 5)]
    assert 1 <= len(ticks) <= 2.5 * count + 1
    room = (most - least) * 1e-6
    assert all(least - room <= tick <= most + room for tick in ticks)
    assert all(abs(tick / step - round(tick / step)) < 1e-6 for tick in ticks)
    assert all(abs(after - before - step) < step * 1e-6 for before, after in pairwise(ticks))


def test_ticks_read_as_people_write_them() -> None:
    assert SCALE.call("linearTicks", 0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert SCALE.call("linearTicks", -0.3, 0.3, 6) == [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]
    assert SCALE.call("linearTicks", 5, 5, 5) == [5]
    assert SCALE.call("logTicks", 0.001, 100, 6) == [0.001, 0.01, 0.1, 1, 10, 100]
    assert SCALE.call("logTicks", 1, 1e9, 4) == [1, 1e3, 1e6, 1e9]
    assert SCALE.call("logTicks", 1, 40, 6) == [1, 2, 5, 10, 20]
    written = [
        SCALE.call("numberLabel", value) for value in (0, -2, 0.05, 1500, 25_000, 2.5e6, 3e9, 1e-7, 1e18, -12_000)
    ]
    assert written == ["0", "-2", "0.05", "1500", "25k", "2.5M", "3G", "1e-7", "1e18", "-12k"]


@pytest.mark.parametrize("seconds", [50, 3000, 40_000, 500_000, 5_000_000, 50_000_000, 900_000_000])
def test_ticks_of_time_are_round_in_local_time(seconds: int) -> None:
    least = datetime(2026, 11, 20, 13, 7, 11).timestamp()
    ticks = SCALE.call("timeTicks", least, least + seconds, 6)
    assert 2 <= len(ticks) <= 14
    assert all(least <= tick <= least + seconds for tick in ticks)
    for tick in ticks:
        moment = datetime.fromtimestamp(tick)
        assert moment.microsecond == 0
        assert moment.second == 0 or seconds < 300
        assert (moment.hour, moment.minute) == (0, 0) or seconds < 1e6
        assert moment.day == 1 or seconds < 1e7
    texts = [SCALE.evaluate(f"exports.timeLabel({tick}, {ticks[1] - ticks[0]})") for tick in ticks]
    assert len(set(texts)) == len(texts), texts


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
    assert SCALE.call("runningMean", points, 0.4) == [[x, pytest.approx(3 * x + 1)] for x in range(1, 9)]
    noisy = [[x, (-1) ** x] for x in range(100)]
    means = SCALE.call("runningMean", noisy, 0.2)
    assert (means[0][0], means[-1][0]) == (5, 94), "a mean of fewer than half says little"
    assert max(abs(y) for _, y in means) < 0.1
    same = [[1, 2], [1, 4], [2, 10], [2, 20]]
    assert SCALE.call("runningMean", same, 0.0) == [[1, 3], [2, 15]]
    assert SCALE.call("runningMean", [], 0.1) == []


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
