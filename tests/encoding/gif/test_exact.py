"""GIFs of clips with at most 256 colours: every pixel as in the source, read by Pillow."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from daddy_encode import save_frames_as_png, save_gif
from daddy_encode.encoding.gif.exact import ExactGif
from daddy_encode.encoding.gif.writer import GifWriter
from daddy_encode.spool.publish import publish, temp_file
from tests.jobs import encode
from tests.media import Frames, decode_gif, moving_square


def colours(count: int) -> Frames:
    """`count` different colours, (count, 3), far from a grey ramp."""
    index = np.arange(count)
    return np.stack([index * 37 % 256, index // 2 % 256, 255 - index % 256], axis=1).astype(np.uint8)


def clip_of(count: int, frames: int = 6, side: int = 24) -> Frames:
    """Frames (frames, side, side, 3) that draw `count` colours in all, most of them in each."""
    rng = np.random.default_rng(count)
    picks = rng.integers(0, count, (frames, side, side))
    picks.reshape(-1)[:count] = np.arange(count)
    return colours(count)[picks]


def palette_of(path: Path) -> Frames:
    with Image.open(path) as image:
        palette = image.getpalette("RGB")
    assert palette is not None
    return np.array(palette, np.uint8).reshape(-1, 3)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 128, 129, 255, 256])
def test_every_pixel_of_a_clip_with_few_colours_is_exact(tmp_path: Path, count: int) -> None:
    frames = clip_of(count)
    path = save_gif(frames, tmp_path / "clip.gif")
    decoded, _, _ = decode_gif(path)
    assert np.array_equal(decoded, frames)
    assert {tuple(colour) for colour in colours(count)} <= {tuple(colour) for colour in palette_of(path)}


def test_257_colours_are_too_many_for_an_exact_gif_and_still_near(tmp_path: Path) -> None:
    frames = clip_of(257)
    decoded, _, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif"))
    assert decoded.shape == frames.shape
    assert not np.array_equal(decoded, frames)
    assert np.abs(decoded.astype(int) - frames).mean() < 1


def test_a_257th_colour_in_the_last_frame_is_noticed(tmp_path: Path) -> None:
    frames = np.concatenate([clip_of(256), clip_of(256)[:1]])
    frames[-1, -1, -1] = (1, 2, 3)
    decoded, _, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif"))
    assert len(decoded) == len(frames)
    assert np.abs(decoded.astype(int) - frames).mean() < 1


def test_256_colours_that_all_change_leave_no_index_for_transparency_and_are_exact(tmp_path: Path) -> None:
    every = colours(256).reshape(16, 16, 3)
    frames = np.stack([np.roll(every, shift, axis=1) for shift in range(5)])
    # A column that stays: a part of the picture could have been transparent.
    frames[:, :, 3] = every[:, 3]
    decoded, _, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif"))
    assert np.array_equal(decoded, frames)


def test_colours_that_come_and_go_are_exact(tmp_path: Path) -> None:
    frames = np.stack([np.broadcast_to(colour, (9, 7, 3)) for colour in colours(200)])
    decoded, _, _ = decode_gif(save_gif(frames, tmp_path / "clip.gif"))
    assert np.array_equal(decoded, frames)


def test_only_the_frames_that_a_gif_shows_count(tmp_path: Path) -> None:
    frames = clip_of(200, frames=8)
    frames[1::2] = np.random.default_rng(0).integers(0, 256, frames[1::2].shape, np.uint8)
    save_frames_as_png(frames, tmp_path / "job", fps=30)
    encode(tmp_path / "job", video="gif")
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, frames[::2])


KINDS = ["RGB", "L", "RGBA", "P", "LA", "1"]


def test_other_kinds_of_png_are_exact_as_well(tmp_path: Path) -> None:
    frames = moving_square(6)
    images = [Image.fromarray(frame) for frame in frames]
    kinds: list[Any] = [image.convert(kind) for image, kind in zip(images, KINDS, strict=True)]
    (tmp_path / "job").mkdir()
    for index, image in enumerate(kinds):
        image.save(tmp_path / "job" / f"{index}.png")
    encode(tmp_path / "job", video="gif", fps="10")
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert np.array_equal(decoded, np.stack([np.asarray(image.convert("RGB")) for image in kinds]))


def test_what_does_not_change_costs_next_to_nothing(tmp_path: Path) -> None:
    frames = np.repeat(clip_of(250, frames=1, side=200), 100, axis=0)
    still = save_gif(frames, tmp_path / "still.gif").stat().st_size
    frames[:, 100, 100] = frames[0, np.arange(100), 0]
    dot = save_gif(frames, tmp_path / "dot.gif").stat().st_size
    one = save_gif(frames[:1], tmp_path / "one.gif").stat().st_size
    assert still - one <= 99 * 25
    assert dot - one <= 99 * 28


clips = st.tuples(
    st.integers(1, 5), st.integers(1, 12), st.integers(1, 12), st.integers(1, 256), st.integers(1, 3), st.randoms()
)


@settings(max_examples=100, deadline=None)
@given(clips)
def test_any_small_clip_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, clip: Any) -> None:
    count, height, width, shades, scale, random = clip
    rng = np.random.default_rng(random.getrandbits(32))
    frames = colours(shades)[rng.integers(0, shades, (count, height, width))]
    # Parts that stay, parts that move.
    for before, frame in itertools.pairwise(frames):
        stays = rng.random((height, width)) < random.random()
        frame[stays] = before[stays]
    path = tmp_path_factory.getbasetemp() / "any.gif"
    with temp_file(path.parent) as target, GifWriter(target, width, height, scale, [7] * count) as writer:
        gif = ExactGif(writer)
        assert all(gif.add(frame) for frame in frames)
        gif.finish(0)
        publish(target, path)
    decoded, _, _ = decode_gif(path)
    assert np.array_equal(decoded, frames.repeat(scale, axis=1).repeat(scale, axis=2))
