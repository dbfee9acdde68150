"""Frame names: order, gaps, other tools' spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daddy_encode.errors import FrameError
from daddy_encode.spool.frames import frame_name, frame_sequence, is_frame_name

PREFIXES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Nd"]), max_size=12)


@given(PREFIXES, st.sets(st.integers(0, 10**7), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_frames_come_in_the_order_of_their_numbers_whatever_the_listing(
    prefix: str, numbers: set[int], digits: int, random: object
) -> None:
    names = [f"{prefix}{number:0{digits}d}.png" for number in numbers]
    getattr(random, "shuffle")(names)  # noqa: B009
    frames = frame_sequence([*names, "manifest.json", "poster.jpg", "notes.png.txt"], "job")
    assert list(frames.numbers) == sorted(numbers)
    assert [int(name[len(prefix) : -4]) for name in frames.names] == sorted(numbers)


@given(st.sets(st.integers(0, 300), min_size=1), st.integers(1, 8))
def test_the_missing_are_exactly_those_between(numbers: set[int], digits: int) -> None:
    frames = frame_sequence([f"f{number:0{digits}d}.png" for number in numbers], "job")
    absent = sorted(set(range(min(numbers), max(numbers))) - numbers)
    assert frames.missing_count() == len(absent)
    assert frames.missing(1000) == [f"f{number:0{digits}d}.png" for number in absent]
    assert frames.missing(2) == [f"f{number:0{digits}d}.png" for number in absent[:2]]


@given(st.integers(0, 10**9))
def test_our_own_names_are_frame_names_and_sort_by_text_below_a_million(index: int) -> None:
    assert is_frame_name(frame_name(index))
    assert list(frame_sequence([frame_name(index)], "job").numbers) == [index]
    if index < 999_999:
        assert frame_name(index) < frame_name(index + 1)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1.png", "01.png"], "job: 01.png and 1.png have the same number; remove one"),
        (["a1.png", "b1.png"], "job: a1.png and b1.png belong to two sequences of frames"),
        (["000000.png", "depth_000000.png"], "job: 000000.png and depth_000000.png belong to two sequences of frames"),
        (["0.png", "0.PNG"], "have the same number"),
    ],
)
def test_two_candidates_for_one_frame_are_refused(names: list[str], words: str) -> None:
    with pytest.raises(FrameError, match=words):
        frame_sequence(names, "job")


@pytest.mark.parametrize(
    "name", ["poster.png", "1.jpg", ".png", "1.png.tmp", "1 .png", "\u0661.png", "a1", "manifest.json"]
)
def test_what_is_no_numbered_png_is_passed_over(name: str) -> None:
    assert not is_frame_name(name)
    assert len(frame_sequence([name], "job")) == 0
