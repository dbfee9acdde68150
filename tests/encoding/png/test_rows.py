"""Pictures one after another, of which only what has changed is made anew, are what Pillow makes of each file."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from daddy_encode.encoding.png.filters import filtered
from daddy_encode.encoding.png.inflate import all_rows
from daddy_encode.encoding.png.parse import PngFault, check_png
from daddy_encode.encoding.png.rows import PixelRows
from tests.media import Frames
from tests.pngs import SIGNATURE, chunk, ihdr

SUB, UP, AVERAGE, PAETH = 1, 2, 3, 4
MANY = 10**6


def png(rows: Frames, samples: int, data: bytes | None = None) -> bytes:
    """A file of filtered rows, (H, 1 + W * samples)."""
    height, stride = rows.shape
    header = ihdr((stride - 1) // samples, height, colour={3: 2, 4: 6}[samples])
    image = zlib.compress(rows.tobytes()) if data is None else data
    return b"".join([SIGNATURE, header, chunk(b"IDAT", image), chunk(b"IEND", b"")])


def by_pillow(data: bytes) -> Frames:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def clip(generator: np.random.Generator, size: tuple[int, int], samples: int, filters: list[int]) -> list[Frames]:
    """Filtered rows of pictures, each of which differs from the one before in some bytes, or some filters, or not."""
    width, height = size
    rows = generator.integers(0, 256, (height, 1 + width * samples), np.uint8)
    rows[:, 0] = generator.choice(filters, height)
    pictures = []
    for _ in range(12):
        rows = rows.copy()
        for row in generator.integers(0, height, generator.integers(0, 4)):
            at = generator.integers(0, rows.shape[1])
            rows[row, at] = generator.choice(filters) if at == 0 else generator.integers(0, 256)
        pictures.append(rows)
    return pictures


@pytest.mark.parametrize("filters", [[0], [0, SUB], [UP], [0, SUB, UP], [0, SUB, UP, AVERAGE, PAETH]])
@pytest.mark.parametrize("samples", [3, 4])
def test_all_pixels_are_right_whatever_has_changed(samples: int, filters: list[int]) -> None:
    generator = np.random.default_rng(len(filters) * samples)
    for size in ((1, 1), (7, 1), (1, 9), (5, 40), (16, 3), (11, 70)):
        rows = None
        for picture in clip(generator, size, samples, filters):
            file = png(picture, samples)
            checked = check_png(file, MANY)
            rows = rows or PixelRows(checked.header)
            assert np.array_equal(rows.of(checked), by_pillow(file))


@pytest.mark.parametrize("together", [1, 2, 5])
def test_pixels_of_frames_taken_together_are_right_whatever_has_changed(together: int) -> None:
    generator = np.random.default_rng(together)
    for size in ((1, 1), (1, 9), (40, 40), (16, 3), (11, 70)):
        pictures = clip(generator, size, 3, [0, SUB, UP, AVERAGE, PAETH])
        files = [png(picture, 3) for picture in pictures]
        rows = PixelRows(check_png(files[0], MANY).header, together)
        undone = [bytes(pixels) for pixels in rows.undone(picture.tobytes() for picture in pictures)]
        assert undone == [by_pillow(file).tobytes() for file in files]


@pytest.mark.parametrize("samples", [3, 4])
def test_a_decoder_undoes_the_filters_that_known_pixels_are_given(samples: int) -> None:
    generator = np.random.default_rng(samples)
    # Few values, so that neighbours are often equally near.
    pixels = generator.choice(np.array([0, 1, 2, 3, 127, 128, 254, 255], np.uint8), (60, 9 * samples))
    kinds = generator.integers(0, 5, 60, np.uint8)
    above = np.vstack([np.zeros_like(pixels[:1]), pixels[:-1]])
    rows = np.hstack([kinds[:, np.newaxis], filtered(pixels, above, kinds, samples)])
    assert np.array_equal(by_pillow(png(rows, samples)).reshape(pixels.shape), pixels)


def taken_together(pictures: list[Frames], together: int) -> list[Frames]:
    maker = PixelRows(check_png(png(pictures[0], 3), MANY).header, together)
    height, stride = pictures[0].shape
    return [
        np.array(pixels).reshape(height, stride // 3, 3)
        for pixels in maker.undone(picture.tobytes() for picture in pictures)
    ]


def test_a_frame_is_compared_with_the_last_one_of_those_before() -> None:
    rows = np.zeros((30, 1 + 3 * 20), np.uint8)
    rows[:, 0] = UP
    changed = rows.copy()
    changed[10, 5] = 9
    # The first is by itself. Then what comes is as the last one of those before, or as the first one of them.
    pictures = [rows, changed, changed, changed, rows, rows, changed, rows, changed, changed]
    for undone, picture in zip(taken_together(pictures, 2), pictures, strict=True):
        assert np.array_equal(undone, by_pillow(png(picture, 3)))


def test_a_change_goes_on_downwards_in_those_of_the_frames_whose_rows_depend_on_it() -> None:
    still, up = np.zeros((2, 60, 1 + 3 * 20), np.uint8)
    up[:, 0] = UP
    changed, up_changed = still.copy(), up.copy()
    changed[10, 5] = up_changed[10, 5] = 9
    for pictures in ([still, changed, up_changed], [still, up_changed, changed]):
        for undone, picture in zip(taken_together(pictures, 2), pictures, strict=True):
            assert np.array_equal(undone, by_pillow(png(picture, 3)))


def test_a_change_goes_on_downwards_past_others_to_its_left_and_to_its_right() -> None:
    before = np.zeros((90, 1 + 3 * 60), np.uint8)
    before[:, 0] = UP
    for columns in ((100, 10), (10, 100)):
        rows = before.copy()
        # Too far apart to be one block.
        rows[(10, 40), columns] = 9
        maker = PixelRows(check_png(png(rows, 3), MANY).header)
        maker.of(check_png(png(before, 3), MANY))
        assert np.array_equal(maker.of(check_png(png(rows, 3), MANY)), by_pillow(png(rows, 3)))


def test_to_see_what_differs_from_a_picture_with_other_filters_takes_less_memory_than_that() -> None:
    height, width = 1000, 900
    pictures = np.zeros((3, height, 1 + 3 * width), np.uint8)
    pictures[1, :, 0], pictures[2, :, 0] = PAETH, AVERAGE
    files = [check_png(png(rows, 3), MANY) for rows in pictures[[0, 1, 2, 1]]]
    maker = PixelRows(files[0].header)
    maker.of(files[0])
    tracemalloc.start()
    try:
        for file in files[1:]:
            maker.of(file)
        assert tracemalloc.get_traced_memory()[1] < pictures[0].nbytes
    finally:
        tracemalloc.stop()


def rollout(generator: np.random.Generator, size: tuple[int, int], frames: int) -> Iterator[Frames]:
    """Pictures of squares that move over stripes, and the same once more in every fifth one."""
    width, height = size
    ground = (np.add.outer(np.arange(height) // 7, np.arange(width) // 5) % 3 * 40).astype(np.uint8)
    places = generator.integers(0, (height - 8, width - 8), (3, 2))
    for index in range(frames):
        picture = np.repeat(ground[:, :, np.newaxis], 3, axis=2)
        if index % 5:
            places = (places + generator.integers(-3, 4, (3, 2))) % (height - 8, width - 8)
        for colour, (top, left) in enumerate(places):
            picture[top : top + 8, left : left + 8, colour] = 250 - index % 3
        yield picture


@pytest.mark.parametrize("together", [1, 4])
def test_pixels_of_things_that_move_are_right(together: int) -> None:
    """As Pillow's own encoder filters them, which chooses the filter of a row by what the row shows."""
    for size in ((60, 50), (200, 90)):
        pictures = list(rollout(np.random.default_rng(together), size, 25))
        files = []
        for picture in pictures:
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "png")
            files.append(check_png(stream.getvalue(), MANY))
        assert {kind for file in files for kind in all_rows(file)[:: 1 + 3 * size[0]]} >= {SUB, UP, PAETH}
        rows = PixelRows(files[0].header, together)
        if together == 1:
            assert all(np.array_equal(rows.of(file), picture) for file, picture in zip(files, pictures, strict=True))
        undone = [bytes(pixels) for pixels in rows.undone(map(all_rows, files))]
        assert undone == [picture.tobytes() for picture in pictures]


def test_a_changed_row_reaches_as_far_down_as_rows_depend_on_it() -> None:
    height = 100
    rows = np.zeros((height, 1 + 3 * 4), np.uint8)
    rows[:, 0] = UP
    rows[90, 0] = 0
    maker = PixelRows(check_png(png(rows, 3), MANY).header)
    maker.of(check_png(png(rows, 3), MANY))
    # What is added in one row is taken away again in another.
    for row, value, reaches in ((10, 9, range(10, 90)), (20, 256 - 9, range(20, 90))):
        before = maker.of(check_png(png(rows, 3), MANY)).copy()
        rows[row, 5] = value
        pixels = maker.of(check_png(png(rows, 3), MANY))
        assert np.flatnonzero((pixels != before).any(axis=(1, 2))).tolist() == list(reaches)
        assert np.array_equal(pixels, by_pillow(png(rows, 3)))


def test_after_a_damaged_picture_the_next_is_compared_with_the_last_good_one() -> None:
    rows = np.random.default_rng(1).integers(0, 256, (30, 1 + 3 * 20), np.uint8)
    rows[:, 0] = UP
    maker = PixelRows(check_png(png(rows, 3), MANY).header)
    maker.of(check_png(png(rows, 3), MANY))
    other = np.random.default_rng(2).integers(0, 256, rows.shape, np.uint8)
    other[:, 0] = 0
    with pytest.raises(PngFault):
        maker.of(check_png(png(other, 3, data=zlib.compress(other.tobytes())[:-3]), MANY))
    rows[29, 1:] += 1
    assert np.array_equal(maker.of(check_png(png(rows, 3), MANY)), by_pillow(png(rows, 3)))
