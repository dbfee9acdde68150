"""The letters of captions: the same pixels everywhere, every printable ASCII character, anything else harmless."""

from __future__ import annotations

import hashlib
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daddy_encode.report.sheet.glyphs import draw_text, line_pixels, text_width
from daddy_encode.spool.png.pixels import Pixels

PRINTABLE = "".join(character for character in string.printable if character.isprintable())


def pixels(text: str, unit: float = 2.0, darkness: int = 255) -> Pixels:
    drawn = draw_text(text, unit, darkness)
    grey = np.frombuffer(b"".join(drawn.rows), np.uint8).reshape(len(drawn.rows), drawn.width, 3)
    assert (grey == grey[:, :, :1]).all()
    return grey[:, :, 0]


def test_every_printable_letter_is_drawn_and_no_two_are_alike() -> None:
    assert len(PRINTABLE) == 95
    seen = {pixels(letter, 3.0).tobytes(): letter for letter in PRINTABLE}
    assert len(seen) == 95
    assert all((pixels(letter) < 128).any() for letter in PRINTABLE if letter != " ")


@pytest.mark.parametrize(
    ("unit", "digest"),
    [(1.0, "12b5ef3acbb48a32"), (2.35, "357c1cd039430400"), (7.5, "7001a548e989b640")],
)
def test_letters_are_the_same_pixels_on_every_machine(unit: float, digest: str) -> None:
    assert hashlib.sha256(pixels(PRINTABLE, unit, 230).tobytes()).hexdigest()[:16] == digest


def test_a_capital_is_seven_units_high_on_the_baseline_and_a_g_goes_below() -> None:
    unit = 10.0
    capital, small = (np.flatnonzero((pixels(letter, unit) < 128).any(axis=1)) for letter in "Hg")
    assert abs(len(capital) - (7 * unit + 9)) <= 2, "and half of the line's thickness at each end"
    assert small[-1] > capital[-1] + unit
    assert pixels("H", unit).shape[0] == line_pixels(unit) == 130


def test_a_stroke_is_as_dark_as_it_should_be_and_thin_ones_are_seen() -> None:
    assert pixels("I", 8.0, 200).min() == 55
    assert pixels("I", 1.0).min() < 100


def test_letters_of_other_scripts_lose_their_accents_or_become_a_box() -> None:
    assert pixels("é").tobytes() == pixels("e\u0301").tobytes() == pixels("e").tobytes()
    assert pixels("中").tobytes() == pixels("\U0001f600").tobytes() != pixels(" ").tobytes()
    assert pixels("ﬁ").tobytes() == pixels("fi").tobytes()


@settings(max_examples=40)
@given(st.text(max_size=10), st.sampled_from((0.5, 1.0, 1.85)))
def test_any_text_is_drawn_as_wide_as_it_is_said_to_be(text: str, unit: float) -> None:
    drawn = draw_text(text, unit)
    assert drawn.width == text_width(text, unit)
    assert len(drawn.rows) == line_pixels(unit)
    assert {len(row) for row in drawn.rows} == {3 * drawn.width}
