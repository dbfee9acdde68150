"""Both outputs of one job: the same files as each alone, from fewer readings of the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.gif import first_pass
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.yuv import worth
from daddy_encode.encoding.yuv.picture import converted
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import decode_gif, leftovers, moving_square, shaded


def few_colours(job: Path) -> None:
    save_frames_as_png(moving_square(24), job)


def many_colours(job: Path) -> None:
    save_frames_as_png(shaded(24), job)


def more_colours_half_way(job: Path) -> None:
    save_frames_as_png(np.concatenate([moving_square(12, 90, 120), shaded(12)]), job)


def mixed_kinds(job: Path) -> None:
    save_frames_as_png(shaded(24), job)
    for index in (5, 8):
        with Image.open(job / f"{index:06d}.png") as image:
            grey = image.convert("L")
        grey.save(job / f"{index:06d}.png")


OPTIONS: list[dict[str, object]] = [{}, {"gif_width": 30}, {"dither": "sierra2_4a", "scale": 2}]
DUMPS = [few_colours, many_colours, more_colours_half_way, mixed_kinds]
# Each dump and each option once where the frames change their form between the passes.
SPREAD = [(few_colours, 0), (many_colours, 2), (more_colours_half_way, 0), (more_colours_half_way, 1), (mixed_kinds, 2)]


@pytest.mark.parametrize(
    ("dump", "options"),
    [
        pytest.param(
            dump, options, marks=() if (dump, index) in SPREAD else pytest.mark.soak, id=f"{dump.__name__}-{index}"
        )
        for dump in DUMPS
        for index, options in enumerate(OPTIONS)
    ],
)
def test_both_are_byte_for_byte_what_each_is_alone(
    tmp_path: Path, dump: Callable[[Path], None], options: dict[str, object]
) -> None:
    job = tmp_path / "job"
    dump(job)
    encode(job, video="both", **options)
    both = {kind: (tmp_path / f"job.{kind}").read_bytes() for kind in ("mp4", "gif")}
    for kind, made in both.items():
        (tmp_path / f"job.{kind}").unlink()
        encode(job, video=kind, **options)
        assert (tmp_path / f"job.{kind}").read_bytes() == made, kind
    decoded, _, _ = decode_gif(tmp_path / "job.gif")
    assert len(decoded) == 12
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("dump", [few_colours, more_colours_half_way])
def test_frames_that_are_converted_for_the_mp4_give_the_same_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dump: Callable[[Path], None]
) -> None:
    dump(tmp_path / "job")
    monkeypatch.setattr(worth, "LEAST_FRAME", 0)
    made, conversions = [], []

    def counted(frames: Iterable[bytes | memoryview], width: int, height: int) -> Iterator[memoryview]:
        conversions.append((width, height))
        return converted(frames, width, height)

    monkeypatch.setattr(first_pass, "converted", counted)
    for most in (1.0, -1.0):
        monkeypatch.setattr(worth, "MOST_CHANGED", most)
        encode(tmp_path / "job", video="both", force=True)
        made.append([(tmp_path / f"job.{kind}").read_bytes() for kind in ("mp4", "gif")])
        assert len(conversions) == 1
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("dump", "video", "readings"),
    [
        (few_colours, "gif", 1),
        (few_colours, "both", 1),
        (many_colours, "gif", 2),
        (many_colours, "both", 2),
        (many_colours, "mp4", 1),
    ],
)
def test_frames_are_read_as_few_times_as_it_takes(
    tmp_path: Path, dump: Callable[[Path], None], video: str, readings: int
) -> None:
    dump(tmp_path / "job")
    shares: list[float] = []
    encode_job(JobPaths.of(tmp_path / "job"), context(video=video), shares.append)
    assert len(shares) == 24 * readings
    assert sum(shares) == pytest.approx(24)


def test_progress_never_passes_the_end(tmp_path: Path) -> None:
    more_colours_half_way(tmp_path / "job")
    shares: list[float] = []
    encode_job(JobPaths.of(tmp_path / "job"), context(video="both"), shares.append)
    assert sum(shares) == pytest.approx(24)
    assert min(shares) >= 0
