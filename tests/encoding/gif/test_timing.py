"""When a GIF's pictures begin, and how often it plays."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.settings import GifSettings, make_settings, plan
from daddy_encode.errors import SettingsError
from daddy_encode.spool.rate import format_fps, parse_fps
from tests.jobs import encode
from tests.media import decode_gif

rates = st.fractions(min_value=Fraction(1, 100), max_value=1000, max_denominator=1001)


def gif_settings(fps: Fraction, gif_fps: Fraction) -> GifSettings:
    made = plan(make_settings(video="gif", fps=format_fps(fps), gif_fps=format_fps(gif_fps)), None)["gif"]
    assert isinstance(made, GifSettings)
    return made


def test_the_page_on_gifs_says_at_which_rate_a_recording_is_shown() -> None:
    page = (Path(__file__).parents[3] / "docs" / "gif.md").read_text()
    rows = re.findall(r"^\| ([\d.]+) fps \| (.*) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    for fps, cells in rows:
        for cell, gif_fps in zip(cells.split(" | "), ("15", "30", "50"), strict=True):
            settings = gif_settings(Fraction(fps), Fraction(gif_fps))
            every = "" if settings.step == 1 else f"every {settings.step}{'nd' if settings.step == 2 else 'th'}"
            assert cell.removesuffix(" frame") == format_fps(Fraction(fps) / settings.step) + (every and f", {every}")


@pytest.mark.soak
@given(st.integers(1, 400), rates, rates.filter(lambda rate: rate <= 50))
def test_no_picture_drifts_and_none_is_too_short(frames: int, fps: Fraction, gif_fps: Fraction) -> None:
    settings = gif_settings(fps, gif_fps)
    found = delays(frames, settings)
    assert len(found) == -(-frames // settings.step)
    assert min(found) >= 2
    rate = parse_fps(settings.fps)
    begins = list(itertools.accumulate(found, initial=0))
    for index, begin in enumerate(begins[:-1]):
        # The last ones make room for the very last, which may stand for less than a whole step.
        assert -Fraction(5, 2) < begin - index * settings.step * 100 / rate <= Fraction(1, 2)
    over = begins[-1] - frames * 100 / rate
    assert -Fraction(1, 2) <= over <= Fraction(1, 2) or set(found) == {2}
    assert over <= 2


def test_a_last_picture_for_a_single_frame_takes_its_time_from_those_before() -> None:
    # 3 of 4 frames of 1/90 s: 2 pictures, begun at 0 and 2.2 hundredths, over at 3.3.
    assert delays(3, gif_settings(Fraction(90), Fraction(50))) == [2, 2]
    assert delays(9, gif_settings(Fraction(90), Fraction(50))) == [2, 2, 2, 2, 2]
    assert delays(7, gif_settings(Fraction(70), Fraction(50))) == [3, 3, 2, 2]


@pytest.mark.parametrize(("plays", "written"), [(0, 0), (1, None), (2, 1), (7, 6), (65_535, 65_534)])
def test_loop_is_the_number_of_times_it_plays(job: Path, plays: int, written: int | None) -> None:
    # A browser plays a GIF once and then repeats it as often as is written.
    encode(job, video="gif", loop=plays)
    _, _, loop = decode_gif(job.parent / "episode-0003.gif")
    assert loop == written


@pytest.mark.parametrize("loop", [-1, 65_536, 1.5, "x"])
def test_a_loop_count_that_cannot_be_is_refused(loop: object) -> None:
    with pytest.raises(SettingsError, match="loop"):
        make_settings(loop=loop)
