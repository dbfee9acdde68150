"""Frame rates: exact, as written, bounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daddy_encode.errors import SettingsError
from daddy_encode.spool.rate import format_fps, fps_in_json, parse_fps


@pytest.mark.parametrize(
    ("value", "rate", "text"),
    [
        (30, Fraction(30), "30"),
        (12.5, Fraction(25, 2), "12.5"),
        ("12.5", Fraction(25, 2), "12.5"),
        (29.97, Fraction(2997, 100), "29.97"),
        ("30000/1001", Fraction(30000, 1001), "30000/1001"),
        (30000 / 1001, Fraction(30000, 1001), "30000/1001"),
        (Fraction(24000, 1001), Fraction(24000, 1001), "24000/1001"),
        (np.float32(12.5), Fraction(25, 2), "12.5"),
        (np.int64(60), Fraction(60), "60"),
        (" 15 ", Fraction(15), "15"),
        (1 / 3, Fraction(1, 3), "1/3"),
    ],
)
def test_a_rate_is_read_exactly_and_written_as_people_do(value: object, rate: Fraction, text: str) -> None:
    assert parse_fps(value) == rate
    assert format_fps(rate) == text


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 1001, 0.001, "0", "-30", "0/1", float("nan"), float("inf"), -float("inf"), "nan", "inf"),
        *("", "fast", "1/0", "30/", "1e3", "9" * 50, None, [], True, b"30", "30fps", np.nan, 10**400),
        *("1001/30000", "10000001/100000"),
    ],
)
def test_what_is_no_rate_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="fps"):
        parse_fps(value)


@given(st.fractions(Fraction(1, 100), 1000, max_denominator=1001))
def test_every_rate_survives_its_own_spelling(rate: Fraction) -> None:
    kept = parse_fps(rate)
    assert parse_fps(format_fps(kept)) == kept
    assert parse_fps(fps_in_json(kept)) == kept
    # What ffmpeg reads exactly.
    assert kept.numerator <= 1_001_000
    assert kept.denominator * 67 <= 1_001_000
    if rate.numerator <= 1_000_000:
        assert kept == rate
