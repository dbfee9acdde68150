"""What is named on a sheet, and is not quite what this project makes: odd names, links, videos of other programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import daddy_encode
from daddy_encode import save_frames_as_png, save_mp4
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import SettingsError
from daddy_encode.spool.paths import JobPaths
from tests.media import ffmpeg, moving_square
from tests.report.sheet.test_glyphs import pixels
from tests.report.sheet.test_sheet import BORDER, GAP, LINE, fault, read, sheet


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    save_mp4(moving_square(3), tmp_path / "clip.mp4", fps=10)
    return tmp_path / "clip.mp4"


def made(clip: Path, name: str, *options: str) -> Path:
    """What ffmpeg makes of the clip."""
    path = clip.with_name(name)
    command = [ffmpeg(), "-v", "error", "-i", str(clip), *options, str(path)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return path


def test_of_a_video_that_cannot_be_shown_is_said_why(clip: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "s.png")
    told = fault(made(clip, "old.mp4", "-c:v", "mpeg4"), *output)
    assert "its pictures are 'mp4v', not H.264" in told and told.count("\n") == 0
    tone = ("-f", "lavfi", "-i", "sine=duration=0.3", "-c:v", "copy", "-c:a", "aac")
    assert "(an MP4 of one H.264 track and no sound, a GIF89a): it has 2 trak boxes" in fault(
        made(clip, "sound.mp4", *tone), *output
    )
    fragmented = made(clip, "live.mp4", "-c", "copy", "-movflags", "frag_keyframe+empty_moov")
    assert "no index of them; `ffmpeg -i FILE -c copy NEW.mp4`" in fault(fragmented, *output)
    assert sheet(made(fragmented, "mended.mp4", "-c", "copy"), *output).exception is None
    Image.new("RGB", (8, 8)).save(tmp_path / "still.gif")
    assert (tmp_path / "still.gif").read_bytes().startswith(b"GIF87a")
    assert "a GIF89a): no GIF89a header" in fault(tmp_path / "still.gif", *output)
    os.rename(clip, tmp_path / "x.webm")
    assert "x.webm: is a file, and not an MP4 or a GIF by its name (.mp4, .m4v, .gif)" in fault(
        tmp_path / "x.webm", *output
    )
    assert "is 64x48; --max-pixels allows more" in fault(
        fragmented.with_name("mended.mp4"), "--max-pixels", "0.001", *output
    )


@pytest.mark.parametrize("what", ["a link", "a FIFO", "a directory"])
def test_annotations_that_are_no_regular_file_say_nothing(tmp_path: Path, what: str) -> None:
    with FrameWriter(tmp_path / "job", fps=10) as writer:
        for frame in moving_square(3):
            writer.write(frame, reward=1)
    annotations = tmp_path / "job" / "annotations.jsonl"
    os.rename(annotations, tmp_path / "elsewhere")
    assert sheet(tmp_path / "job", "-o", tmp_path / "expected.png").exception is None
    if what == "a link":
        annotations.symlink_to(tmp_path / "elsewhere")
    elif what == "a FIFO":
        os.mkfifo(annotations)
    else:
        annotations.mkdir()
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None
    assert (tmp_path / "s.png").read_bytes() == (tmp_path / "expected.png").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_other_users_annotations_say_nothing_under_a_videos_frames(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", fps=10) as writer:
        for frame in moving_square(3):
            writer.write(frame, reward=1)
    daddy_encode.encode(tmp_path / "job", video="mp4")
    with_them, without = tmp_path / "with.png", tmp_path / "without.png"
    assert sheet(tmp_path / "job.mp4", "-o", with_them).exception is None
    os.chown(tmp_path / "job" / "annotations.jsonl", 12_345, -1)
    assert sheet(tmp_path / "job.mp4", "-o", without).exception is None
    assert read(with_them).shape[0] > read(without).shape[0], "a line for the return"
    assert sheet(tmp_path / "job.mp4", "-o", without, "--trust-owner", "12345").exception is None
    assert without.read_bytes() == with_them.read_bytes()


def test_a_frame_that_is_not_as_large_as_its_recording_is_named(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(5), tmp_path / "job")
    save_frames_as_png(np.zeros((1, 5, 7, 3), np.uint8), tmp_path / "other")
    os.replace(tmp_path / "other" / "000000.png", tmp_path / "job" / "000003.png")
    assert "000003.png: is 7x5, but manifest.json says " in fault(tmp_path / "job", "-o", tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists()
    # Without a word on their size they are what they are.
    (tmp_path / "job" / "manifest.json").unlink()
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None


def test_a_directory_may_have_an_asterisk_in_its_name(tmp_path: Path) -> None:
    job = tmp_path / "run*x"
    save_frames_as_png(moving_square(3), job, fps=10, video="gif")
    assert sheet(job, "-o", tmp_path / "s.png").exception is None
    (video,) = daddy_encode.encode(job)
    assert video.path == tmp_path / "run*x.gif" and daddy_encode.show(job).path == video.path
    for path in job.iterdir():
        path.unlink()
    job.rmdir()
    assert JobPaths.named(job) == JobPaths.of(job), "its receipt and its video are there"
    assert sheet(job, "-o", tmp_path / "gone.png").exception is None and daddy_encode.show(job).path == video.path
    assert JobPaths.named(tmp_path / "rgb_*.png") == JobPaths.of(tmp_path).of_sequence("rgb_*.png")


def test_a_job_may_be_named_by_a_link(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "run" / "job", fps=10, video="mp4") as writer:
        for frame in moving_square(3):
            writer.write(frame, reward=1)
    (tmp_path / "latest").symlink_to("run/job")
    assert sheet(tmp_path / "latest", "-o", tmp_path / "link.png").exception is None
    assert sheet(tmp_path / "run" / "job", "-o", tmp_path / "job.png").exception is None
    assert (tmp_path / "link.png").read_bytes() == (tmp_path / "job.png").read_bytes()
    (video,) = daddy_encode.encode(tmp_path / "latest")
    assert video.path == tmp_path / "latest.mp4"
    assert sheet(video.path, "-o", tmp_path / "video.png").exception is None
    assert read(tmp_path / "video.png").shape == read(tmp_path / "job.png").shape, "with the line of returns"
    assert "is in the directory of a job's frames" in fault(tmp_path / "latest", "-o", tmp_path / "latest" / "s.png")


def test_what_encode_and_receipts_return_is_shown(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(3), tmp_path / "job", fps=10, video="gif")
    (video,) = daddy_encode.encode(tmp_path / "job")
    (receipt,) = daddy_encode.receipts(tmp_path / "job")
    made = {
        name: daddy_encode.sheet(what, output=tmp_path / f"{name}.png").read_bytes()
        for name, what in (("video", video), ("receipt", receipt), ("path", tmp_path / "job"))
    }
    assert made["receipt"] == made["path"]
    video.path.unlink()
    with pytest.raises(daddy_encode.errors.SpoolError, match=r"job\.gif"):
        daddy_encode.sheet(video, output=tmp_path / "video.png")
    for wrong in ("1", None, 0, -5, float("nan"), True):
        with pytest.raises(SettingsError, match="max_pixels is"):
            daddy_encode.sheet(tmp_path / "job", max_pixels=wrong)  # type: ignore[arg-type]


def test_frames_are_shown_as_in_their_own_videos_and_not_as_in_those_of_an_earlier_recording(tmp_path: Path) -> None:
    def corner(value: int) -> list[int]:
        frames = np.full((3, 8, 8, 4), value, np.uint8)
        frames[..., 3] = 0
        save_frames_as_png(frames, tmp_path / "job", fps=10, overwrite=True)
        return shown()

    def shown() -> list[int]:
        assert sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--no-captions").exception is None
        return [int(value) for value in read(tmp_path / "s.png")[GAP + BORDER, GAP]]

    assert corner(1) == [0, 0, 0]
    daddy_encode.encode(tmp_path / "job", video="gif", background="FF8000")
    assert shown() == [255, 128, 0]
    assert corner(2) == [0, 0, 0], "encode begins with the defaults, too"


def test_a_number_that_has_no_room_is_left_out_whole(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "job", fps=10) as writer:
        for frame in moving_square(12, 16, 16):
            writer.write(frame, reward=-12.345)
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--columns", 12, "--rows", 1).exception is None
    picture = read(tmp_path / "s.png")[..., 0]
    top = GAP + 2 * BORDER + 16
    numbers = []
    for column in range(12):
        left = GAP + column * (16 + GAP)
        assert (picture[top:, left + 16 : left + 16 + GAP] == 255).all(), "nothing goes beyond its picture"
        for line, (number, darkness) in enumerate(((str(column), 230), (f"{-12.345 * (column + 1):.1f}", 150))):
            shown = picture[top + line * LINE : top + (line + 1) * LINE, left : left + 16]
            whole = pixels(number, 1.0, darkness)
            if whole.shape[1] > 16:
                assert (shown == 255).all(), number
            else:
                assert (shown[:, : whole.shape[1]] == whole).all() and (shown[:, whole.shape[1] :] == 255).all(), number
                numbers.append(number)
    assert [*map(str, range(12))] == numbers, "of no return, here, is there room"


def test_no_width_is_proposed_that_the_command_refuses(tmp_path: Path) -> None:
    save_frames_as_png(np.zeros((1, 1, 80, 3), np.uint8), tmp_path / "job")
    assert "give 80 or less, or 51040, so" in fault(tmp_path / "job", "--width", 10**9 + 1, "-o", tmp_path / "s.png")
    assert sheet(tmp_path / "job", "--no-captions", "--width", 51_040, "-o", tmp_path / "s.png").exception is None
    save_frames_as_png(np.zeros((1, 1, 40_000, 3), np.uint8), tmp_path / "wide")
    assert "give 40000 or less, so" in fault(tmp_path / "wide", "--width", 65_535, "-o", tmp_path / "s.png")
