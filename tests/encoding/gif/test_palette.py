"""GIFs of clips with more colours than a palette holds: near the source, and still where the source is still."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.spool.png.format import NONE, SUB
from daddy_encode.spool.png.writer import encode_png
from tests.jobs import encode
from tests.media import Frames, decode_gif, shaded

DITHERS = ["none", "bayer", "sierra2_4a"]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shaded") / "job"
    save_frames_as_png(shaded(12), directory, fps=10)
    return directory


def error(decoded: Frames, frames: Frames) -> float:
    return float(np.abs(decoded.astype(int) - frames).mean())


@pytest.mark.parametrize("dither", DITHERS)
def test_a_gif_of_many_colours_has_every_picture_and_is_near(dump: Path, dither: str) -> None:
    encode(dump, video="gif", dither=dither)
    decoded, delays, loop = decode_gif(dump.parent / "job.gif")
    frames = shaded(12)
    assert decoded.shape == frames.shape
    assert delays == [100] * 12
    assert loop == 0
    assert len(np.unique(decoded.reshape(-1, 3), axis=0)) > 200
    assert error(decoded, frames) < 6


def test_without_dither_a_gif_is_nearest(dump: Path) -> None:
    errors = {}
    for dither in DITHERS:
        encode(dump, video="gif", dither=dither)
        errors[dither] = error(decode_gif(dump.parent / "job.gif")[0], shaded(12))
    assert min(errors, key=lambda dither: errors[dither]) == "none"
    assert len(set(errors.values())) == 3


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("dither", DITHERS)
def test_what_is_still_in_the_source_does_not_shimmer(dump: Path, dither: str, scale: int) -> None:
    encode(dump, video="gif", dither=dither, scale=scale)
    decoded, _, _ = decode_gif(dump.parent / "job.gif")
    frames = shaded(12).repeat(scale, axis=1).repeat(scale, axis=2)
    assert decoded.shape == frames.shape
    still = (frames[1:] == frames[:-1]).all(axis=3)
    assert 0.8 < still.mean() < 0.99
    assert (decoded[1:] == decoded[:-1]).all(axis=3)[still].all()


@pytest.mark.parametrize("dither", DITHERS)
def test_however_the_pngs_are_filtered_the_gif_is_the_same(tmp_path: Path, dither: str) -> None:
    made = []
    for row_filter in (NONE, SUB):
        job = tmp_path / f"job-{row_filter}"
        job.mkdir()
        for index, frame in enumerate(shaded(12)):
            (job / f"{index:06d}.png").write_bytes(encode_png(frame, row_filter))
        encode(job, video="gif", dither=dither)
        made.append((tmp_path / f"{job.name}.gif").read_bytes())
    assert made[0] == made[1]


def test_equal_pictures_stay_pictures(tmp_path: Path) -> None:
    frames = np.repeat(shaded(3), 4, axis=0)
    save_frames_as_png(frames, tmp_path / "job", fps=10)
    for dither in DITHERS:
        encode(tmp_path / "job", video="gif", dither=dither)
        decoded, delays, _ = decode_gif(tmp_path / "job.gif")
        assert delays == [100] * 12
        assert (decoded[1::4] == decoded[::4]).all()
        assert (decoded[1:] != decoded[:-1]).any(axis=(1, 2, 3)).sum() == 2


@pytest.mark.parametrize(
    "dither",
    ["none", pytest.param("bayer", marks=pytest.mark.soak), pytest.param("sierra2_4a", marks=pytest.mark.soak)],
)
def test_the_same_bytes_again_and_on_one_core(dump: Path, tmp_path: Path, dither: str) -> None:
    made = []
    for prefix in ([], ["taskset", "-c", "0"]):
        command = [*prefix, sys.executable, "-m", "daddy_encode", "encode", str(dump), "--force"]
        options = ["--video", "gif", "--dither", dither, "--gif-width", "77", "--output-dir", str(tmp_path)]
        subprocess.run([*command, *options], check=True, capture_output=True, env=os.environ.copy())
        made.append((tmp_path / "job.gif").read_bytes())
    assert made[0] == made[1]
