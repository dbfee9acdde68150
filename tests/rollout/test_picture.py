from __future__ import annotations

import numpy as np
import pytest

from daddy_encode.rollout.picture import Picture, horizontal_bands

BLACK = np.zeros((20, 30, 3), np.uint8)
RED, BLUE = (240, 0, 0), (0, 0, 240)


def test_a_disc_has_the_area_of_a_disc_and_lies_where_it_was_put() -> None:
    picture = Picture(BLACK)
    picture.disc(12.0, 9.0, 6.0, RED)
    red = picture.pixels()[:, :, 0] / 240
    assert red.sum() == pytest.approx(np.pi * 36, rel=0.02)
    assert (red * (np.arange(30) + 0.5)).sum() / red.sum() == pytest.approx(12, abs=0.05)
    assert (red.T * (np.arange(20) + 0.5)).sum() / red.sum() == pytest.approx(9, abs=0.05)


def test_an_edge_has_at_most_three_shades() -> None:
    picture = Picture(BLACK)
    picture.disc(12.3, 9.1, 6.0, RED)
    assert set(np.unique(picture.pixels()).tolist()) == {0, 60, 120, 180, 240}


def test_where_shapes_meet_no_pixel_blends_both_colours() -> None:
    picture = Picture(BLACK)
    picture.disc(10.0, 10.0, 5.0, RED)
    picture.disc(16.0, 10.0, 5.0, BLUE)
    pixels = picture.pixels()
    assert not ((pixels[:, :, 0] > 0) & (pixels[:, :, 2] > 0)).any()


def test_a_faint_shape_lies_under_an_opaque_one_painted_before() -> None:
    picture = Picture(BLACK)
    picture.disc(10.0, 10.0, 5.0, RED)
    picture.disc(10.0, 10.0, 8.0, BLUE, opacity=1)
    pixels = picture.pixels()
    assert pixels[10, 10].tolist() == [240, 0, 0]
    assert pixels[10, 17].tolist() == [0, 0, 60]


@pytest.mark.parametrize(("x", "y"), [(-50, 5), (500, 5), (5, -50), (5, 500)])
def test_a_shape_outside_the_picture_leaves_no_trace(x: float, y: float) -> None:
    picture = Picture(BLACK)
    picture.disc(x, y, 6.0, RED)
    assert not picture.pixels().any()


def test_a_shape_across_the_corner_is_cut_off() -> None:
    picture = Picture(BLACK)
    picture.disc(0.0, 0.0, 4.0, RED)
    pixels = picture.pixels()
    assert pixels[0, 0].tolist() == [240, 0, 0]
    assert not pixels[6:, 6:].any()


def test_a_number_is_written_in_its_digits() -> None:
    picture = Picture(BLACK)
    picture.number(17, 2, 3, 1, RED)
    drawn = (picture.pixels()[3:8, 2:9, 0] > 0).astype(int)
    assert ["".join(map(str, row)) for row in drawn.tolist()] == [
        "0100111",
        "1100001",
        "0100001",
        "0100001",
        "1110001",
    ]


def test_bands_lie_one_below_the_other_and_fill_the_picture() -> None:
    background = horizontal_bands(3, 5, [RED, BLUE])
    assert background.shape == (5, 3, 3)
    assert [tuple(row[0].tolist()) for row in background] == [RED, RED, RED, BLUE, BLUE]
