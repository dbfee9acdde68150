"""Lines of numbers, sizes of pictures, and the rollouts nearest to a step of the training; in V8, no browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import run_module

CURVES = run_module("curve_data.js")
FIT = run_module("fit.js")
NEAREST = run_module("nearest.js")

values = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=3000)


def test_a_missing_value_ends_a_part_of_the_line() -> None:
    assert CURVES.call("partsOf", [1, 2, None, 4, None, None, 7]) == [[[0, 1], [1, 2]], [[3, 4]], [[6, 7]]]


@settings(max_examples=60, deadline=None)
@given(values)
def test_a_long_line_is_thinned_without_losing_its_ends_or_a_peak(numbers: list[float | None]) -> None:
    parts = CURVES.call("partsOf", numbers, 50)
    points = [tuple(point) for part in parts for point in part]
    there = [(index, value) for index, value in enumerate(numbers) if value is not None]
    assert len(points) <= 4 * 50
    assert points == sorted(set(points))
    if not there:
        assert points == []
        return
    assert set(points) <= set(there)
    assert points[0] == there[0]
    assert points[-1] == there[-1]
    assert min(value for _, value in points) == min(value for _, value in there)
    assert max(value for _, value in points) == max(value for _, value in there)


def test_the_greatest_value_is_on_top_and_a_lonely_one_is_a_dot() -> None:
    path = CURVES.evaluate("exports.pathOf([0, 10, null, 5], {low: 0, high: 10}, (i) => (i + 0.5) / 4)")
    assert path == "M125 100L375 0M875 50h0"


def test_a_line_without_a_range_lies_in_the_middle() -> None:
    path = CURVES.evaluate("exports.pathOf([3, 3], {low: 3, high: 3}, (i) => i)")
    assert path == "M0 50L1000 50"


def test_a_path_of_huge_numbers_holds_only_numbers() -> None:
    path = CURVES.evaluate("exports.pathOf([-1e308, 1e308], {low: -1e308, high: 1e308}, (i) => i)")
    assert re.fullmatch(r"M0 \d+L1000 \d+", path)


def test_the_value_of_a_frame_of_thinned_columns_is_the_last_that_was_kept() -> None:
    assert [CURVES.call("valueAt", [5, None, 7], frame, 10) for frame in (0, 9, 10, 25, 99)] == [5, 5, None, 7, None]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1 / 3, "0.333333"),
        (-2.5, "-2.5"),
        (12345678, "1.235e7"),
        (0.00001, "1e-5"),
        (None, "\u2013"),
        (1e6, "1000000"),
    ],
)
def test_numbers_are_as_long_as_people_read_them(number: float | None, text: str) -> None:
    assert CURVES.call("readable", number) == text


def test_a_line_is_told_in_words() -> None:
    assert CURVES.call("describe", "reward", [1, None, -2, 4]) == ("reward: -2 to 4, begins at 1, ends at 4, 3 values")
    assert CURVES.call("describe", "reward", [None]) == "reward: no numbers"


def size(width: float, height: float) -> dict[str, float]:
    return {"width": width, "height": height}


def test_small_pictures_are_enlarged_by_whole_pixels_and_sharp() -> None:
    assert FIT.call("fit", size(160, 210), size(1000, 700)) == {"width": 480, "height": 630, "sharp": True}
    # Two pixels of the screen for each of CSS: 6 for each of the picture.
    assert FIT.call("fit", size(160, 210), size(1000, 700), 2) == {"width": 480, "height": 630, "sharp": True}
    assert FIT.call("fit", size(64, 64), size(100, 100), 2) == {"width": 96, "height": 96, "sharp": True}


def test_a_picture_that_must_shrink_fills_the_box() -> None:
    # On a phone of two or three pixels for each of CSS.
    assert FIT.call("fit", size(160, 210), size(148, 400), 2) == {"width": 148, "height": 194.25, "sharp": False}
    assert FIT.call("fit", size(160, 210), size(110, 400), 3)["sharp"]
    assert FIT.call("fit", size(160, 210), size(100, 105)) == {"width": 80, "height": 105, "sharp": False}


def test_large_pictures_are_not_enlarged_beyond_twice() -> None:
    assert FIT.call("fit", size(600, 400), size(3000, 3000)) == {"width": 1200, "height": 800, "sharp": False}


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [(2, 1200, 600, 2), (6, 1200, 900, 3), (6, 1200, 400, 6), (2, 350, 600, 1), (6, 330, 300, 2), (6, 100, 100, 1)],
)
def test_compared_pictures_are_as_large_as_they_can_be(count: int, width: int, height: int, columns: int) -> None:
    around = {"gap": 12, "extra": 100, "narrowest": 150, "lowest": 100}
    assert FIT.call("bestColumns", [size(600, 400)] * count, size(width, height), around) == columns


@pytest.mark.parametrize(
    ("room", "zooms"),
    # 160x210 beside 480x480 and 1280x720: sharp and twice as large as soon as there is room, not before.
    [(size(1744, 600), (2, 1, 0.4)), (size(1744, 519), (1, 0.86, 0.4)), (size(1224, 405), (1, 0.6, 0.3))],
)
def test_a_small_picture_beside_large_ones_is_enlarged_where_there_is_room(
    room: dict[str, float], zooms: tuple[float, ...]
) -> None:
    pictures = [size(160, 210), size(480, 480), size(1280, 720)]
    around = {"gap": 12, "extra": 100, "narrowest": 150, "lowest": 110}
    columns = FIT.call("bestColumns", pictures, room, around)
    height = FIT.call("placeHeight", pictures, room, columns, around)
    assert columns == 3
    assert height <= room["height"] - 99.99
    shown = [
        FIT.call("fit", picture, size((room["width"] - 24) / 3, height))["width"] / picture["width"]
        for picture in pictures
    ]
    assert shown == [pytest.approx(zoom, abs=0.06) for zoom in zooms]


def test_a_place_is_no_higher_than_what_is_shown_in_it() -> None:
    around = {"gap": 12, "extra": 100, "lowest": 110}
    assert FIT.call("placeHeight", [size(160, 210)] * 2, size(1200, 500), 2, around) == 210
    assert FIT.call("placeHeight", [size(160, 210)] * 2, size(1200, 530), 2, around) == 420
    # Rather does the page scroll.
    scrolled = {**size(350, 300), "scrolled": 320}
    assert FIT.call("placeHeight", [size(600, 400)] * 2, scrolled, 1, around) == pytest.approx(220)
    assert FIT.call("placeHeight", [size(600, 400)] * 2, {**scrolled, "scrolled": 500}, 1, around) == pytest.approx(
        233, abs=1
    )


def key(name: str, count: int = 1, kind: str = "number") -> dict[str, Any]:
    return {"name": name, "kind": kind, "count": count, "numbers": count if kind == "number" else 0}


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ([key("seed", 9), key("step", 5), key("epoch", 3)], "step"),
        ([key("step", 5), key("global_step", 5)], "global_step"),
        ([key("train.globalStep", 5), key("return", 9)], "train.globalStep"),
        ([key("step", 9, "text")], "finished"),
        ([{**key("step", 30), "numbers": 29}, key("agent.step", 1)], "step"),
        ([], "finished"),
    ],
)
def test_the_key_that_says_how_far_the_training_was(keys: list[dict[str, Any]], chosen: str) -> None:
    assert NEAREST.call("stepKeyOf", keys) == chosen


FACTS = """new Map([
  ["a", new Map([["run", "run-2"], ["step", 100]])], ["b", new Map([["run", "run-2"], ["step", 300]])],
  ["c", new Map([["run", "run-10"], ["step", 220]])], ["d", new Map([["run", "run-10"], ["step", "later"]])],
  ["e", new Map([["step", 300]])]])"""


def test_for_every_run_the_rollout_nearest_to_the_step() -> None:
    along = f'exports.rolloutsAlong(["a", "b", "c", "d", "e", "gone"], {FACTS}, "step", "run")'
    assert NEAREST.evaluate(f"exports.nearestOfRuns({along}, 190)") == [
        {"id": "e", "run": "", "at": 300, "count": 1, "same": 1},
        {"id": "a", "run": "run-2", "at": 100, "count": 2, "same": 1},
        {"id": "c", "run": "run-10", "at": 220, "count": 1, "same": 1},
    ]
    assert NEAREST.evaluate(f"exports.placesOf({along})") == [100, 220, 300]
    # As near: the earlier.
    assert NEAREST.evaluate(f"exports.nearestOfRuns({along}, 200)[1].id") == "a"
    one, other, next_, apart = (f'{{id: "{i}", run: "{r}", at: {at}}}' for i, r, at in ("ar5", "br5", "dr6", "cq5"))
    two = f"[{one}, {other}, {apart}, {next_}]"
    assert NEAREST.evaluate(f"exports.nearestOfRuns({two}, 5).map(({{count, same}}) => [count, same])") == [
        [1, 1],
        [3, 2],
    ]
    assert NEAREST.evaluate(f"exports.nearestOfRuns({along}, 201)[1].id") == "b"
    # One that failed has nothing to show where its run has a video.
    shown = f'exports.rolloutsAlong(["a", "b", "c", "d"], {FACTS}, "step", "run", (id) => id !== "b")'
    assert NEAREST.evaluate(f"exports.nearestOfRuns({shown}, 300).map(({{id}}) => id)") == ["a", "c"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, unique=True).map(sorted), st.integers(-1200, 1200))
def test_the_nearest_place(places: list[int], step: int) -> None:
    found = NEAREST.call("nearestPlace", places, step)
    assert found == min(range(len(places)), key=lambda index: (abs(places[index] - step), index))
