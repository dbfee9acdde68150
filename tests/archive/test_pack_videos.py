"""Videos of packed jobs, whose file ffmpeg decodes and encodes in one run: those of their PNGs, byte for byte."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.archive.pack.unpack import unpack_job
from daddy_encode.encoding.job import encode_job
from daddy_encode.errors import EncodeError
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.media import ffmpeg, moving_square, noise
from tests.stand_in import REAL


def packed_copy(loose: Path) -> Path:
    packed = shutil.copytree(loose, loose.with_name("packed"))
    pack_job(JobPaths.of(packed), context())
    return packed


def made(job: Path, **settings: Any) -> dict[str, bytes]:
    made = encode(job, force=True, **settings).made
    return {record.format: job.with_name(record.path).read_bytes() for record in made}


@pytest.fixture
def counted_ffmpeg(tmp_path: Path, ffmpeg_path: Path) -> Path:
    """A file that gets a line for each ffmpeg that is started."""
    log = tmp_path / "runs"
    log.touch()
    ffmpeg_path.write_text(f"#!/bin/sh\necho run >> '{log}'\nexec '{REAL}' \"$@\"\n")
    ffmpeg_path.chmod(0o755)
    return log


@pytest.mark.parametrize(
    ("size", "rates"),
    [
        ((48, 64), ["30000/1001", "1000000/9973"]),
        ((33, 27), ["0.01"]),
        pytest.param((33, 27), ["12.5", "999999/10000", "24000/1001", "1000", "7"], marks=pytest.mark.soak),
    ],
    ids=str,
)
def test_at_any_rate_the_video_is_that_of_the_pngs(tmp_path: Path, size: tuple[int, int], rates: list[str]) -> None:
    save_frames_as_png(noise(5, *size), tmp_path / "loose")
    packed = packed_copy(tmp_path / "loose")
    for fps in rates:
        assert made(packed, fps=fps) == made(tmp_path / "loose", fps=fps), fps


@pytest.mark.parametrize(
    "settings",
    [
        {"video": "both", "scale": 2, "gif_fps": "10"},
        pytest.param({"video": "gif", "gif_fps": "7", "scale": 3}, marks=pytest.mark.soak),
        pytest.param({"video": "gif", "dither": "bayer"}, marks=pytest.mark.soak),
        pytest.param({"video": "both", "crf": 0, "dither": "sierra2_4a", "gif_width": 20}, marks=pytest.mark.soak),
    ],
    ids=str,
)
def test_videos_of_many_colours_are_those_of_the_pngs(tmp_path: Path, settings: dict[str, Any]) -> None:
    save_frames_as_png(noise(9, 48, 64), tmp_path / "loose")
    assert made(packed_copy(tmp_path / "loose"), **settings) == made(tmp_path / "loose", **settings)


@pytest.mark.parametrize(
    ("frames", "settings"),
    [
        (7, {"video": "gif", "gif_fps": "10"}),
        (8, {"video": "both", "gif_fps": "10"}),
        pytest.param(3, {"video": "both", "gif_width": 32, "scale": 2}, marks=pytest.mark.soak),
        pytest.param(8, {"video": "gif", "gif_fps": "10"}, marks=pytest.mark.soak),
        pytest.param(9, {"video": "both", "gif_fps": "30"}, marks=pytest.mark.soak),
    ],
    ids=str,
)
def test_exact_gifs_are_those_of_the_pngs(tmp_path: Path, frames: int, settings: dict[str, Any]) -> None:
    save_frames_as_png(moving_square(frames), tmp_path / "loose")
    assert made(packed_copy(tmp_path / "loose"), **settings) == made(tmp_path / "loose", **settings)


def test_a_gif_that_is_exact_in_the_beginning_only_is_that_of_the_pngs(tmp_path: Path) -> None:
    save_frames_as_png([*moving_square(4), *noise(4, 48, 64)], tmp_path / "loose")
    assert made(packed_copy(tmp_path / "loose"), video="both") == made(tmp_path / "loose", video="both")


def test_one_ffmpeg_makes_the_mp4_and_the_pictures_of_an_exact_gif(tmp_path: Path, counted_ffmpeg: Path) -> None:
    save_frames_as_png(moving_square(12), tmp_path / "loose")
    packed = packed_copy(tmp_path / "loose")
    counted_ffmpeg.write_text("")
    assert sorted(made(packed, video="both")) == ["gif", "mp4"]
    # The other one was for the first frame.
    assert counted_ffmpeg.read_text() == "run\nrun\n"


def test_one_ffmpeg_reads_the_file_and_makes_the_mp4_and_the_bar_goes_to_its_end(
    tmp_path: Path, counted_ffmpeg: Path
) -> None:
    save_frames_as_png(moving_square(40), tmp_path / "loose")
    packed = packed_copy(tmp_path / "loose")
    counted_ffmpeg.write_text("")
    shares: list[float] = []
    encode_job(JobPaths.of(packed), context(), shares.append)
    assert counted_ffmpeg.read_text() == "run\n"
    assert sum(shares) == pytest.approx(40)


def entropy_coding_modes(video: Path) -> set[str]:
    """Of its H.264, as ffmpeg reads it."""
    command = [ffmpeg(), "-nostdin", "-i", str(video), "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr
    return set(re.findall(r"entropy_coding_mode_flag.* = (\d)", said))


@pytest.mark.parametrize(
    ("frames", "mode"),
    [(noise(5, 48, 64), "0"), (moving_square(1).repeat(9, axis=0), "1")],
    ids=["noise", "stills"],
)
def test_busy_frames_are_packed_so_that_they_are_decoded_quickly_and_each_time_the_same(
    tmp_path: Path, frames: Any, mode: str
) -> None:
    save_frames_as_png(frames, tmp_path / "loose")
    packed = packed_copy(tmp_path / "loose") / "frames.mkv"
    assert entropy_coding_modes(packed) == {mode}
    first = packed.read_bytes()
    unpack_job(JobPaths.of(packed.parent), context())
    pack_job(JobPaths.of(packed.parent), context())
    assert packed.read_bytes() == first


def test_a_single_large_frame_is_packed(tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir()
    Image.fromarray(moving_square(1)[0]).save(tmp_path / "loose" / "0.png", compress_level=0)
    assert entropy_coding_modes(packed_copy(tmp_path / "loose") / "frames.mkv") == {"1"}


@pytest.mark.parametrize(
    ("frames", "video"),
    [
        (5, "mp4"),
        (7, "gif"),
        *(pytest.param(*case, marks=pytest.mark.soak) for case in [(7, "mp4"), (5, "gif"), (5, "both"), (7, "both")]),
    ],
)
def test_a_file_with_another_number_of_frames_than_its_record_says_is_named(
    tmp_path: Path, frames: int, video: str
) -> None:
    save_frames_as_png(moving_square(6), tmp_path / "loose")
    packed = packed_copy(tmp_path / "loose")
    (packed / "manifest.json").unlink()
    (packed / "rollout.json").unlink()
    record = json.loads((packed / "frames.json").read_text())
    (packed / "frames.json").write_text(json.dumps(record | {"frames": frames, "manifest_sha256": None}))
    with pytest.raises(EncodeError, match=r"packed/frames\.mkv: has .*the [57] frames|fewer than the [57]"):
        made(packed, video=video)
    assert not [*tmp_path.glob("packed.*")]
