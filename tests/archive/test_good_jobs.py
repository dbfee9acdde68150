"""Jobs of every kind whose videos are right: verified by themselves and beside their frames, none is at fault."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.archive.verify.result import VerifiedJob
from daddy_encode.encoding.job import encode_job
from daddy_encode.spool.paths import JobPaths
from tests.archive.jobs import alone, beside, change_receipt, faults, output
from tests.conftest import Require
from tests.jobs import context, encode
from tests.media import Frames, decode_yuv, moving_square, noise, run_command, shaded

# With those of the other modules here they take too long for the default tests.
pytestmark = pytest.mark.soak


def assert_right(job: Path) -> VerifiedJob:
    assert faults(alone(job)) == ""
    result = beside(job)
    assert faults(result) == ""
    assert result.note == ""
    assert result.proof is not None
    assert {video.kind for video in result.videos} == set(result.proof.outputs)
    return result


@pytest.mark.parametrize(
    "settings",
    [
        {"fps": "30000/1001", "gif_fps": "7"},
        {"scale": 3, "loop": 1},
        {"crf": 0, "loop": 3},
        {"crf": 40, "preset": "slow", "gif_width": 32, "fps": "0.5"},
        pytest.param({"crf": 51, "preset": "ultrafast", "fps": "60"}, marks=pytest.mark.soak),
        pytest.param({"fps": "1000", "gif_fps": "50"}, marks=pytest.mark.soak),
    ],
    ids=str,
)
def test_settings(tmp_path: Path, settings: dict[str, Any]) -> None:
    save_frames_as_png(moving_square(31, 47, 63), tmp_path / "job")
    encode(tmp_path / "job", video="both", **settings)
    mp4, gif = assert_right(tmp_path / "job").videos
    assert gif.worst is not None and (gif.worst.psnr == float("inf")) == ("gif_width" not in settings)
    assert mp4.worst is not None and (mp4.worst.psnr == float("inf")) == (settings.get("crf") == 0)


@pytest.mark.parametrize(
    "dither", ["none", *(pytest.param(name, marks=pytest.mark.soak) for name in ("bayer", "sierra2_4a"))]
)
@pytest.mark.parametrize(
    "frames", [shaded(20), pytest.param(noise(8), marks=pytest.mark.soak)], ids=["shaded", "noise"]
)
def test_gifs_in_a_palette(tmp_path: Path, dither: str, frames: Frames) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    encode(tmp_path / "job", video="gif", dither=dither, gif_fps="30", scale=2)
    (gif,) = assert_right(tmp_path / "job").videos
    assert gif.worst is not None and 10 < gif.worst.psnr < 50


def test_a_gif_whose_equal_pictures_are_one(tmp_path: Path, require_program: Require) -> None:
    require_program("gifsicle", "gifsicle")
    save_frames_as_png(np.repeat(moving_square(5), 7, 0), tmp_path / "job")
    result = encode(tmp_path / "job", video="gif", gif_optimize=True, fps="25")
    assert result.made[0].frames < 18
    assert_right(tmp_path / "job")


@pytest.mark.parametrize(
    "frames",
    [moving_square(1), moving_square(2), np.repeat(moving_square(1), 12, 0), noise(12, 8, 8), noise(3, 1, 1)],
    ids=["one", "two", "still", "small", "one pixel"],
)
def test_clips_of_little(tmp_path: Path, frames: Frames) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    encode(tmp_path / "job", video="both")
    assert_right(tmp_path / "job")


def of_several_sizes(job: Path) -> dict[str, Any]:
    for index, size in enumerate([(40, 30), (64, 48), (20, 48)]):
        Image.fromarray(moving_square(1, *size[::-1])[0]).save(job / f"{index:06}.png")
    return {"fit": "scale", "background": "204080"}


def of_16_bits(job: Path) -> dict[str, Any]:
    for index in range(6):
        depth = np.linspace(300, 4000 + 100 * index, 64 * 48).reshape(48, 64).astype(np.uint16)
        Image.fromarray(depth).save(job / f"{index:06}.png")
    return {"depth": "auto"}


def of_rgba(job: Path) -> dict[str, Any]:
    for index, frame in enumerate(moving_square(6)):
        alpha = np.full((48, 64, 1), 255 - 30 * index, np.uint8)
        Image.fromarray(np.concatenate([frame, alpha], axis=2)).save(job / f"{index:06}.png")
    return {"background": "ff8000"}


def with_gaps(how: str) -> Callable[[Path], dict[str, Any]]:
    def write(job: Path) -> dict[str, Any]:
        save_frames_as_png(moving_square(20), job)
        for index in (3, 9, 10):
            (job / f"{index:06}.png").unlink()
        data = (job / "000015.png").read_bytes()
        (job / "000015.png").write_bytes(data[: len(data) // 2])
        return {"gaps": how}

    return write


def died(job: Path) -> dict[str, Any]:
    save_frames_as_png(moving_square(20), job)
    (job / "manifest.json").unlink()
    (job / "000019.png").write_bytes(b"")
    return {"salvage": True}


def with_dropped_frames(job: Path) -> dict[str, Any]:
    save_frames_as_png(moving_square(12), job)
    lines = [json.dumps({"dropped_before": 3} if index in (4, 9) else {}) for index in range(12)]
    (job / "annotations.jsonl").write_text("\n".join(lines) + "\n")
    return {}


@pytest.mark.parametrize(
    "write",
    [of_several_sizes, of_16_bits, of_rgba, with_gaps("hold"), with_gaps("skip"), died, with_dropped_frames],
    ids=["sizes", "16 bits", "RGBA", "held", "skipped", "salvaged", "dropped"],
)
def test_frames_that_are_not_plain(tmp_path: Path, write: Callable[[Path], dict[str, Any]]) -> None:
    job = tmp_path / "job"
    job.mkdir()
    settings = write(job)
    encode(job, video="both", **settings)
    assert_right(job)


def test_each_sequence_of_a_directory(tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    for name, frames in (("rgb", moving_square(6)), ("dépth é\n", moving_square(6)[::-1])):
        for index, frame in enumerate(frames):
            Image.fromarray(frame).save(job / f"{name}_{index:04}.png")
    assert run_command("encode", "--split", job).returncode == 0
    told = run_command("verify", "--against-frames", "--json", tmp_path)
    assert (told.returncode, [json.loads(line)["ok"] for line in told.stdout.splitlines()]) == (0, [True, True])
    assert "2 videos of 2 jobs verified, 0 faults" in told.stderr
    assert "gone" not in told.stderr


def test_an_output_directory(tmp_path: Path) -> None:
    for name in ("run-1/a", "run-2/a"):
        save_frames_as_png(moving_square(4), tmp_path / "spool" / name)
    out = tmp_path / "out"
    assert run_command("encode", "--output-dir", out, tmp_path / "spool").returncode == 0
    told = run_command("verify", "--against-frames", "--output-dir", out, tmp_path / "spool")
    assert (told.returncode, told.stdout) == (0, "")
    assert "2 videos of 2 jobs verified, 0 faults" in told.stderr
    assert "gone" not in told.stderr
    told = run_command("verify", "--against-frames", out)
    assert (told.returncode, told.stderr.count("as --output-dir")) == (0, 2), "nothing says where they are"
    job = tmp_path / "spool" / "run-1" / "a"
    encode_job(JobPaths.of(job, job, out), context())
    told = run_command("verify", "--against-frames", "--output-dir", out, job)
    assert (told.returncode, "1 video of 1 job verified, 0 faults" in told.stderr) == (0, True)


def test_a_receipt_of_an_earlier_version(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(8), tmp_path / "job")
    encode(tmp_path / "job", video="both")

    def forget(receipt: dict[str, Any]) -> None:
        for record in receipt["outputs"]:
            del record["mtime_ns"]
            for name in ("alpha", "depth", "fit", "background", "optimize", "width", "loop"):
                record["settings"].pop(name, None)
        for name in ("names", "numbering", "stride", "directory_mtime_ns"):
            del receipt["source"][name]
        for name in ("sequence", "unfinished", "failures", "settled", "salvaged", "gaps", "lost"):
            receipt.pop(name, None)

    change_receipt(tmp_path / "job", forget)
    assert_right(tmp_path / "job")


def test_a_copy_with_other_times(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(8), tmp_path / "job")
    encode(tmp_path / "job")
    for path in (*(tmp_path / "job").iterdir(), output(tmp_path / "job", "mp4")):
        os.utime(path, (1e9, 1e9))
    assert_right(tmp_path / "job")


def test_the_figures_are_those_of_another_decoder(tmp_path: Path) -> None:
    """PSNR from the MP4's samples as decoded, and frames converted by BT.709's equations, not swscale's."""
    frames = moving_square(8)
    save_frames_as_png(frames, tmp_path / "job")
    encode(tmp_path / "job", crf=30)
    (video,) = assert_right(tmp_path / "job").videos
    decoded = decode_yuv(output(tmp_path / "job", "mp4"), 64, 48).astype(np.float64)
    red, green, blue = np.moveaxis(frames.astype(np.float64) / 255, -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    halved = [
        ((part - luma) / scale).reshape(8, 24, 2, 32, 2).mean((2, 4)) for part, scale in ((blue, 1.8556), (red, 1.5748))
    ]
    planes = [16 + 219 * luma.reshape(8, -1), *(128 + 224 * part.reshape(8, -1) for part in halved)]
    errors = (np.concatenate(planes, axis=1).round() - decoded.reshape(8, -1)) ** 2
    psnr = 10 * np.log10(255**2 / errors.mean(axis=1))
    assert video.worst is not None
    assert video.worst.psnr == pytest.approx(psnr.min(), abs=0.1)
    assert video.worst.frame == psnr.argmin()
    assert video.mean_psnr == pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=0.1)
