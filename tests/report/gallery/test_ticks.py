"""Ticks of the plot: at least two round numbers or times of any range, and labels that tell them apart."""

from __future__ import annotations

import json
import math
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

TICKS = run_module("ticks.js")
SCALE = run_module("plot_scale.js")
any_number = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**7), 10**7).map(float))
ROUND = {Decimal(1), Decimal(2), Decimal(5)}


def axis(values: list[float], kind: str, count: int) -> tuple[list[float], list[float], list[str]]:
    """The ends of an axis that shows these values, its ticks and their labels."""
    answer: dict[str, Any] = SCALE.evaluate(
        f"(() => {{ const domain = exports.domainOf({json.dumps(values)}, {json.dumps(kind)});"
        f"const scale = exports.createScale(domain, [0, 400], {json.dumps(kind)}); const ticks = scale.ticks({count});"
        "return {domain, ticks, labels: ticks.map(scale.format)}; })()"
    )
    return answer["domain"], answer["ticks"], answer["labels"]


@settings(max_examples=150)
@given(st.lists(any_number, min_size=1, max_size=4), st.integers(2, 12))
@example([0.0], 2)
@example([20_000.0], 2)
@example([1.1, 2.9], 2)
@example([5e-324], 4)
@example([5e-324, 1e-323], 4)
@example([1.7976931348623157e308], 4)
@example([-1.7e308, 1.7e308], 5)
@example([1_000_001.0, 1_000_002.0, 1_000_003.0], 3)
@example([-1e15, -1e15 + 1], 3)
@example([1.0, 1 + 2**-52], 5)
def test_an_axis_has_two_or_more_round_ticks_with_labels_of_their_own(values: list[float], count: int) -> None:
    (least, most), ticks, labels = axis(values, "linear", count)
    assert 2 <= len(ticks) <= 2.5 * count + 1
    room = Decimal(most) - Decimal(least)
    assert ticks == sorted(set(ticks)) and len(set(labels)) == len(labels)
    assert all(Decimal(least) - room / 10**6 <= Decimal(tick) <= Decimal(most) + room / 10**6 for tick in ticks)
    if ticks == [least, most]:
        assert room < Decimal(max(abs(least), abs(most))) / 2**40 or most < 1e-320, "there are round ones"
        return
    # What is written in as few digits as say which number it is.
    written = [Decimal(repr(tick)) for tick in ticks]
    (step,) = {after - before for before, after in pairwise(written)}
    assert Decimal(step.as_tuple().digits[0]) in ROUND and not any(step.as_tuple().digits[1:])
    assert all(tick % step == 0 for tick in written)


@settings(max_examples=60)
@given(st.lists(st.floats(5e-324, 1.7e308), min_size=1, max_size=4), st.integers(2, 9))
@example([2.0, 9e5], 2)
@example([5e-324], 2)
@example([3.0], 4)
@example([5e-324, 1.7e308], 4)
def test_a_logarithmic_axis_has_two_or_more_too(values: list[float], count: int) -> None:
    (least, most), ticks, labels = axis(values, "log", count)
    assert 0 < least < most
    assert 2 <= len(ticks) <= 2.5 * count + 2
    assert ticks == sorted(set(ticks)) and len(set(labels)) == len(labels)
    assert all(least * (1 - 1e-6) <= tick <= most * (1 + 1e-6) for tick in ticks)


def test_ticks_read_as_people_write_them() -> None:
    assert TICKS.call("linearTicks", 0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert TICKS.call("linearTicks", -0.3, 0.3, 6) == [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]
    assert TICKS.call("linearTicks", 1.1, 2.9, 2) == [1.5, 2, 2.5]
    assert TICKS.call("linearTicks", 5, 5, 5) == [5]
    assert TICKS.call("logTicks", 0.001, 100, 6) == [0.001, 0.01, 0.1, 1, 10, 100]
    assert TICKS.call("logTicks", 1, 1e9, 4) == [1, 1e3, 1e6, 1e9]
    assert TICKS.call("logTicks", 1, 40, 6) == [1, 2, 5, 10, 20]
    written = [
        TICKS.call("numberLabel", value) for value in (0, -2, 0.05, 1500, 25_000, 2.5e6, 3e9, 1e-7, 1e18, -12_000)
    ]
    assert written == ["0", "-2", "0.05", "1500", "25k", "2.5M", "3G", "1e-7", "1e18", "-12k"]
    assert axis([1_000_001, 1_000_002], "linear", 2)[2] == ["1.000001M", "1.000002M"]


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize(
    "seconds", [0.004, 0.3, 1.2, 50, 130, 3000, 40_000, 500_000, 5_000_000, 50_000_000, 900_000_000, 2e10, 1e12]
)
def test_ticks_of_time_are_round_in_local_time(seconds: float, count: int) -> None:
    least = datetime(2026, 11, 20, 13, 7, 11).timestamp()
    ticks = TICKS.call("timeTicks", least, least + seconds, count)
    assert 2 <= len(ticks) <= 14
    assert all(least <= tick <= least + seconds for tick in ticks)
    texts = [TICKS.evaluate(f"exports.timeLabel({tick}, {ticks[1] - ticks[0]})") for tick in ticks]
    assert len(set(texts)) == len(texts), texts
    if seconds < 1 or seconds > 1e10:
        # The least that is seen, and what Python has no date for.
        return
    for tick in ticks:
        moment = datetime.fromtimestamp(tick)
        assert moment.microsecond == 0 or seconds < 2
        assert moment.second == 0 or seconds < 300
        assert (moment.hour, moment.minute) == (0, 0) or seconds < 1e6
        assert moment.day == 1 or seconds < 1e7


@settings(max_examples=60)
@given(st.lists(st.floats(-1e11, 1e11), min_size=1, max_size=3), st.integers(2, 8))
@example([1e300], 2)
@example([1764000000.1], 2)
@example([1764000000.1, 1764000000.1000001], 2)
def test_an_axis_of_times_has_two_or_more(values: list[float], count: int) -> None:
    (least, most), ticks, labels = axis(values, "time", count)
    assert 2 <= len(ticks) <= 5 * count + 2
    assert ticks == sorted(set(ticks)) and all(least <= tick <= most for tick in ticks)
    assert all(label and math.isfinite(tick) for tick, label in zip(ticks, labels, strict=True))
