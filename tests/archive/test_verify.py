"""Twelve kinds of damage to videos, each found: by its bytes, and where the receipt says that they are right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.dump import FrameWriter
from tests.archive.jobs import alone, beside, change_receipt, copy_job, faults, output, run_ffmpeg, sign
from tests.jobs import encode
from tests.media import moving_square, run_command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs of one kind, encoded as both; nobody writes to them."""
    folder = tmp_path_factory.mktemp("made")
    for name, frames in (("a", moving_square(24)), ("b", moving_square(30)[6:][::-1])):
        save_frames_as_png(frames, folder / name)
        encode(folder / name, video="both")
    return folder


@pytest.fixture
def job(made: Path, tmp_path: Path) -> Path:
    return copy_job(made / "a", tmp_path)


@pytest.fixture
def other(made: Path, tmp_path: Path) -> Path:
    return copy_job(made / "b", tmp_path)


def flip(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[min(int(len(data) * at), len(data) - 1)] ^= 0x10
    path.write_bytes(data)


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_videos_of_a_job_that_failed_later_are_right(job: Path) -> None:
    (job / "000003.png").write_bytes((job / "000003.png").read_bytes()[:100])
    assert run_command("encode", job, "--video", "both").returncode == 1
    assert faults(alone(job)) == ""
    change_receipt(job, lambda receipt: receipt["outputs"][0].update(width=50))
    assert "its size" in faults(alone(job))


def test_a_good_job_has_no_fault_and_a_proof(job: Path) -> None:
    result = alone(job)
    assert (faults(result), result.proof, [video.kind for video in result.videos]) == ("", None, ["mp4", "gif"])
    result = beside(job)
    assert faults(result) == ""
    assert result.proof is not None
    mp4, gif = result.videos
    assert gif.worst is not None and gif.worst.psnr == float("inf"), "an exact GIF"
    assert mp4.worst is not None and 40 < mp4.worst.psnr < 50
    assert result.proof.worst_psnr == mp4.worst.psnr


@pytest.mark.parametrize("kind", ["mp4", pytest.param("gif", marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: os.truncate(path, path.stat().st_size * 6 // 10), "bytes, its receipt says"),
        (lambda path: flip(path, 0.005), "its bytes are not those of its receipt (SHA-256)"),
        (lambda path: flip(path, 0.5), "its bytes are not those of its receipt (SHA-256)"),
        (lambda path: flip(path, 1), "its bytes are not those of its receipt (SHA-256)"),
        (lambda path: os.truncate(path, 0), "has 0 bytes, its receipt says"),
        (lambda path: path.unlink(), "is not there"),
        (lambda path: (path.rename(path.with_name("x")), path.symlink_to("x")), "is a link, not a regular file"),
        (replace_by_fifo, "is a FIFO, not a regular file"),
    ],
    ids=["cut", "header", "middle", "end", "emptied", "gone", "link", "fifo"],
)
def test_damage_to_a_file_is_found(job: Path, kind: str, damage: Callable[[Path], object], said: str) -> None:
    damage(output(job, kind))
    for result in (alone(job), *([beside(job)] if kind == "gif" else [])):
        assert said in faults(result)
        assert len([video for video in result.videos if video.faults]) == 1, "the other one is whole"
        assert result.proof is None


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_cut_file_is_found_behind_a_receipt_that_lies(job: Path, kind: str) -> None:
    path = output(job, kind)
    os.truncate(path, path.stat().st_size * 6 // 10)
    sign(job, kind)
    assert f"is not a whole {kind.upper()}" in faults(alone(job))


def test_damage_inside_the_pictures_is_found_behind_a_receipt_that_lies(job: Path) -> None:
    path = output(job, "mp4")
    data = bytearray(path.read_bytes())
    data[-200:] = bytes(200)
    path.write_bytes(data)
    sign(job, "mp4")
    assert "does not decode: ffmpeg" in faults(alone(job))
    assert "cannot be compared with its frames: ffmpeg" in faults(beside(job))


def test_swapped_videos_are_found(job: Path, other: Path) -> None:
    for kind in ("mp4", "gif"):
        shutil.move(output(job, kind), output(job, "x"))
        shutil.move(output(other, kind), output(job, kind))
        shutil.move(output(job, "x"), output(other, kind))
    assert faults(alone(job)).count("SHA-256") + faults(alone(job)).count("bytes, its receipt says") == 2
    for kind in ("mp4", "gif"):
        sign(job, kind)
    assert faults(alone(job)) == "", "nothing but the frames can tell"
    mp4, gif = beside(job).videos
    assert "shows other frames than its source has there" in mp4.faults[0]
    assert "is not exactly that of its source" in gif.faults[0]


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_another_rate_is_found(job: Path, other: Path, kind: str) -> None:
    encode(other, video=kind, fps="25")
    shutil.copy(output(other, kind), output(job, kind))
    sign(job, kind)
    assert {"mp4": "frames per second: 25, should be 30", "gif": "its delays are not"}[kind] in faults(alone(job))


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_fewer_frames_are_found(job: Path, tmp_path: Path, kind: str) -> None:
    save_frames_as_png(moving_square(20), tmp_path / "short")
    encode(tmp_path / "short", video=kind)
    shutil.copy(output(tmp_path / "short", kind), output(job, kind))
    sign(job, kind)
    assert {"mp4": "frames: 20, should be 24", "gif": "pictures: 10, should be 12"}[kind] in faults(alone(job))
    sign(job, kind, frames={"mp4": 20, "gif": 10}[kind])
    assert faults(alone(job)) == "", "nothing but the frames can tell"
    assert "pictures, its frames make" in faults(beside(job))


def test_another_size_is_found(job: Path, other: Path) -> None:
    encode(other, video="both", scale=2)
    for kind in ("mp4", "gif"):
        shutil.copy(output(other, kind), output(job, kind))
        sign(job, kind)
    assert faults(alone(job)).count("its size: (128, 96), should be (64, 48)") == 2
    for kind in ("mp4", "gif"):
        sign(job, kind, width=128, height=96)
    assert faults(alone(job)).count("its size: (128, 96), should be (64, 48)") == 2, "its settings do not scale"


def test_another_loop_count_is_found(job: Path, other: Path) -> None:
    encode(other, video="gif", loop=3)
    shutil.copy(output(other, "gif"), output(job, "gif"))
    sign(job, "gif")
    assert "its loop count: 2, should be 0" in faults(alone(job))


def test_other_colours_are_found(job: Path) -> None:
    path = output(job, "mp4")
    tags = "matrix_coefficients=5:colour_primaries=5:transfer_characteristics=6"
    run_ffmpeg(
        "-i", path, "-c", "copy", "-bsf:v", f"h264_metadata={tags}", "-movflags", "+faststart", path.with_name("x.mp4")
    )
    path.with_name("x.mp4").rename(path)
    sign(job, "mp4")
    said = "its colours are tagged as yuv420p(tv, bt470bg/bt470bg/smpte170m, progressive)"
    assert said in faults(alone(job))
    assert said in faults(beside(job))


def test_a_stale_receipt_is_found(job: Path) -> None:
    receipt = output(job, "receipt.json").read_bytes()
    encode(job, video="both", crf=35, dither="bayer", scale=2)
    output(job, "receipt.json").write_bytes(receipt)
    assert len(faults(alone(job)).splitlines()) >= 2


def test_frames_that_have_changed_since_are_found(job: Path) -> None:
    """Of the same names, sizes and times."""
    frame = job / "000007.png"
    status, size = frame.stat(), frame.stat().st_size
    frames = moving_square(24)
    frames[7, 0, 0] = 0
    save_frames_as_png(frames, job.with_name("changed"))
    data = (job.with_name("changed") / "000007.png").read_bytes()
    frame.write_bytes(data)
    os.utime(frame, ns=(status.st_atime_ns, status.st_mtime_ns))
    if len(data) == size:
        assert "its frames are not those of a.receipt.json (SHA-256)" in faults(beside(job))
    else:
        assert "its frames, or its manifest, are not those of a.receipt.json" in faults(beside(job))
    assert faults(alone(job)) == ""


def test_a_receipt_of_another_job_is_found(job: Path, other: Path) -> None:
    for suffix in ("mp4", "gif", "receipt.json"):
        output(other, suffix).rename(output(job, suffix))
    assert "is the receipt of the job b; where that was renamed, --against-frames says" in faults(alone(job))
    assert "its frames, or its manifest, are not those of a.receipt.json" in faults(beside(job))


def test_a_job_that_was_renamed_is_right(job: Path) -> None:
    renamed = job.with_name("renamed")
    job.rename(renamed)
    for suffix in ("mp4", "gif", "receipt.json"):
        output(job, suffix).rename(output(renamed, suffix))
    assert "is the receipt of the job a" in faults(alone(renamed))
    assert faults(beside(renamed)) == ""


def shifted(count: int) -> Any:
    return moving_square(count + 1)[1:]


def doubled(count: int) -> Any:
    frames = moving_square(count)
    frames[13] = frames[12]
    return frames


def blackened(count: int) -> Any:
    frames = moving_square(count)
    frames[5] = 0
    return frames


@pytest.mark.parametrize("crf", [20, *(pytest.param(crf, marks=pytest.mark.soak) for crf in (10, 25, 30))])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (shifted, "shows other frames than its source has there"),
        (doubled, "its frame 13 shows the frame before or after it"),
        (blackened, "its frame 5 is not that of its source"),
    ],
)
def test_pictures_at_the_wrong_time_are_found(tmp_path: Path, crf: int, wrong: Callable[[int], Any], said: str) -> None:
    for name, frames in (("right", moving_square(24)), ("wrong", wrong(24))):
        save_frames_as_png(frames, tmp_path / name)
        encode(tmp_path / name, crf=crf)
    shutil.copy(output(tmp_path / "wrong", "mp4"), output(tmp_path / "right", "mp4"))
    sign(tmp_path / "right", "mp4")
    assert faults(alone(tmp_path / "right")) == "", "nothing but the frames can tell"
    assert said in faults(beside(tmp_path / "right"))


def test_a_receipt_that_cannot_be_used_is_a_fault(job: Path) -> None:
    change_receipt(job, lambda receipt: receipt["outputs"][0]["settings"].update(crf=99))
    assert "its receipt has settings that this version does not know" in faults(alone(job))
    output(job, "receipt.json").write_text("{")
    assert "not a valid receipt" in faults(alone(job))
    output(job, "receipt.json").unlink()
    assert "is not there any more" in faults(alone(job))


def test_bytes_after_the_last_box_are_a_fault(job: Path) -> None:
    path = output(job, "mp4")
    data = path.read_bytes()
    for more in (bytes(100), b"\0", b"x" * 100):
        path.write_bytes(data + more)
        sign(job, "mp4")
        assert "is not a whole MP4: " in faults(alone(job)), more
    path.write_bytes(data.replace(b"trak", b"free", 1))
    sign(job, "mp4")
    assert "is not a whole MP4: it has 0 trak boxes in one place, not 1" in faults(alone(job))


def test_a_job_without_frames_is_verified_by_itself(job: Path) -> None:
    for frame in job.glob("*.png"):
        frame.unlink()
    result = beside(job)
    assert (faults(result), result.note) == ("", "its frames are gone, so its videos were verified by themselves")
    shutil.rmtree(job)
    result = beside(job)
    assert (faults(result), result.proof) == ("", None)
    output(job, "mp4").write_bytes(b"")
    assert "has 0 bytes" in faults(beside(job))


@pytest.mark.parametrize("stored", ["packed", "tar"])
def test_a_job_whose_frames_are_in_one_file_is_compared_with_them(job: Path, tmp_path: Path, stored: str) -> None:
    if stored == "packed":
        assert run_command("pack", job).returncode == 0
        assert (job / "frames.mkv").exists()
    else:
        job = tmp_path / "recorded"
        with FrameWriter(job, fps=30, video="both", container="tar") as writer:
            for frame in moving_square(24):
                writer.write(frame)
        assert (job / "frames.tar").exists()
        encode(job)
    result = beside(job)
    assert faults(result) == ""
    assert result.proof is not None
    assert len(result.proof.listing.frames) == 24
    encode(other_job(tmp_path), video="both")
    shutil.copy(output(tmp_path / "b", "mp4"), output(job, "mp4"))
    sign(job, "mp4")
    assert "shows other frames than its source has there" in faults(beside(job))


def other_job(folder: Path) -> Path:
    save_frames_as_png(moving_square(24)[::-1], folder / "b")
    return folder / "b"
