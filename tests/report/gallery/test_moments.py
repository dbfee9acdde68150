"""Times as headings: what tells them apart is there, and no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.gallery.javascript import jobs_and_facts, run_module

MOMENTS = run_module("moments.js")
SIDES = run_module("matrix_sides.js")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # Several of a day, and of several days.
        (
            ["2026-11-01T01:30:00", "2026-11-01T02:30:00", "2026-11-02T02:30:00"],
            ["11-01 01:30", "11-01 02:30", "11-02 02:30"],
        ),
        (["2026-11-01 01:30:07", "2026-11-01 02:30:08"], ["01:30", "02:30"]),
        (["2026-11-01T01:30:07", "2026-11-01T01:30:08.5"], ["01:30:07", "01:30:08"]),
        (["2026-11-01T01:30:07.25", "2026-11-01T01:30:07.5"], ["01:30:07.25", "01:30:07.5"]),
        # One a day, and one a year.
        (["2026-11-01T01:30:00", "2026-11-02T01:30:00"], ["11-01", "11-02"]),
        (["2025-12-31", "2026-01-01 08:00"], ["2025-12-31", "2026-01-01"]),
        (["2026-11-01T01:30:00Z", "2026-11-01T01:30:00+02:00"], ["01:30Z", "01:30+02:00"]),
        (["2026-11-01T01:30:00Z", "2026-11-01T04:30:00Z"], ["01:30", "04:30"]),
        # The same time, written in two ways; a single one; other texts.
        (["2026-11-01T01:30:00", "2026-11-01 01:30:00"], None),
        (["2026-11-01T01:30:00"], None),
        (["2026-11-01", "n/a"], None),
        ([], None),
    ],
)
def test_a_heading_has_what_tells_it_from_the_others(texts: Sequence[str], expected: Sequence[str] | None) -> None:
    assert MOMENTS.call("momentNames", texts) == expected


@settings(max_examples=30)
@given(st.sets(st.integers(0, 400_000_000), min_size=2, max_size=30))
def test_no_two_headings_are_alike(seconds: set[int]) -> None:
    texts = [(datetime(2024, 1, 1) + timedelta(seconds=second)).isoformat() for second in sorted(seconds)]
    assert len(set(MOMENTS.call("momentNames", texts))) == len(texts)


def test_bins_and_values_of_times_say_their_day_where_there_are_several() -> None:
    begin = datetime(2026, 6, 1, 1, 30, 5).timestamp()

    def labels(times: Sequence[float]) -> list[str]:
        found = SIDES.evaluate(
            f"""(() => {{
              {jobs_and_facts([{"finished": time} for time in times])}
              return exports.sideOf(jobs, facts, "finished").entries.map(({{ label }}) => label);
            }})()"""
        )
        assert isinstance(found, list)
        return found

    # Some at the same time of two days.
    assert labels([begin, begin + 3600, begin + 86_400]) == ["06-01 01:30", "06-01 02:30", "06-02 01:30"]
    assert labels([begin]) == ["2026-06-01 01:30:05"]
    bins = labels([begin + 3600 * hour for hour in range(48)])
    assert len(set(bins)) == len(bins) > 4
    assert bins[:3] == ["< 06-01 06:00", "06-01 06:00 \u2013 12:00", "06-01 12:00 \u2013 18:00"]
    assert labels([begin + 86_400 * day for day in range(60)])[1] == "06-08 \u2013 06-15"


def test_a_date_among_texts_keeps_its_name_and_has_a_short_one() -> None:
    metas = [{"date": text} for text in ("2026-11-01T01:30:00", "2026-11-02T01:30:00", "tomorrow")]
    entries = SIDES.evaluate(
        f"(() => {{ {jobs_and_facts(metas)} return exports.sideOf(jobs, facts, {json.dumps('date')}).entries; }})()"
    )
    assert [(entry["label"], entry.get("short")) for entry in entries] == [
        ("2026-11-01T01:30:00", "11-01"),
        ("2026-11-02T01:30:00", "11-02"),
        ("tomorrow", None),
    ]
