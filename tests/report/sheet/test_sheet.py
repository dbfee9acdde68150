"""Contact sheets show the frames that they say, pixel for pixel, from PNGs, archives, packed files and videos."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import daddy_encode
from daddy_encode import save_frames_as_png, save_gif, save_mp4
from daddy_encode.cli.main import group
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import DaddyEncodeError, SettingsError
from daddy_encode.report.sheet.captions import Noted, caption, decimals_of
from daddy_encode.report.sheet.glyphs import line_pixels
from daddy_encode.spool.png.pixels import Pixels
from tests.media import leftovers, run_command
from tests.pngs import chunk
from tests.report.frame_codes import coded_frames, read_code
from tests.report.sheet.test_glyphs import pixels

# Of pictures of 80x48: around each, and a line of text below it.
GAP, BORDER, LINE = 4, 1, 13


def sheet(*arguments: str | Path | int) -> Result:
    """`daddy-encode sheet`, in this process; an error of ours is its exception."""
    return CliRunner().invoke(group, ["sheet", *map(str, arguments)], standalone_mode=False)


def fault(*arguments: str | Path | int) -> str:
    """The error of `daddy-encode sheet`, which writes nothing."""
    result = sheet(*arguments)
    assert isinstance(result.exception, DaddyEncodeError), result.output
    return str(result.exception)


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def save_by_pillow(frames: Pixels, directory: Path) -> None:
    """Frames as PNGs of which each row has another filter."""
    directory.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(directory / f"{index:06d}.png")


def cells(picture: Pixels, columns: int, rows: int, lines: int = 0, top: int = 0) -> list[Pixels]:
    """The pictures of 80x48 on a sheet, row by row."""
    return [
        picture[y : y + 48, x : x + 80]
        for row in range(rows)
        for column in range(columns)
        for y, x in [(top + GAP + BORDER + row * (48 + 2 * BORDER + lines * LINE + GAP), GAP + column * (80 + GAP))]
    ]


@pytest.fixture
def frames() -> Pixels:
    return coded_frames(100)


def test_a_sheet_of_pngs_has_evenly_spaced_frames_pixel_for_pixel(tmp_path: Path, frames: Pixels) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    result = sheet(tmp_path / "job", "-o", tmp_path / "sheet.png", "--no-captions")
    assert result.exception is None
    picture = read(tmp_path / "sheet.png")
    assert result.output.endswith(f"sheet.png: {picture.shape[1]}x{picture.shape[0]}, 16 frames, each 80x48\n")
    shown = cells(picture, 4, 4)
    indices = [0, 6, 13, 19, 26, 33, 39, 46, 52, 59, 66, 72, 79, 85, 92, 99]
    assert [read_code(cell) for cell in shown] == indices
    assert all((cell == frames[index]).all() for cell, index in zip(shown, indices, strict=True))
    assert picture.shape == (4 * (48 + 2 + GAP) + GAP, 4 * (80 + GAP) + GAP, 3)
    assert (picture[:GAP] == 255).all() and (picture[:, :3] == 255).all()


def test_under_each_picture_is_what_it_is(tmp_path: Path, frames: Pixels) -> None:
    with FrameWriter(tmp_path / "job", fps=20) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, step=1000 + index, **({"reward": 0.5} if index else {}))
    assert (
        sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--columns", 2, "--rows", 1, "--width", 320).exception is None
    )
    picture = read(tmp_path / "s.png")
    unit = 320 / 170
    gap, border = 320 // 60, 1
    for column, texts in enumerate(
        (["frame 0   0.00 s", "return 0.00   step 1000"], ["frame 99   4.95 s", "return 49.50   step 1099"])
    ):
        left, below = gap + column * (320 + gap), gap + 192 + 2 * border
        for line, (text, darkness) in enumerate(zip(texts, (230, 150), strict=True)):
            expected = pixels(text, unit, darkness)
            high, wide = expected.shape
            top = below + line * line_pixels(unit)
            assert (picture[top : top + high, left : left + wide, 1] == expected).all(), text


def test_the_same_frames_give_the_same_bytes_whoever_wrote_them_on_any_number_of_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Noise, and random walks, which nobody writes without a filter; the rows of each are read in several pieces.
    frames = np.random.default_rng(2).integers(0, 256, (4, 140, 320, 3), np.uint8)
    frames[1:3] = np.add.accumulate(frames[1:3] % 3, axis=2, dtype=np.uint8)
    save_frames_as_png(frames, tmp_path / "ours")
    save_by_pillow(frames, tmp_path / "pillow's")
    (tmp_path / "pillow's" / "manifest.json").write_bytes((tmp_path / "ours" / "manifest.json").read_bytes())
    made = set()
    for job in ("ours", "pillow's"):
        for processors in ({0}, set(range(64))):
            monkeypatch.setattr(os, "sched_getaffinity", lambda _, processors=processors: processors)
            assert sheet(tmp_path / job, "-o", tmp_path / "s.png", "--columns", 2, "--rows", 2).exception is None
            made.add((tmp_path / "s.png").read_bytes())
    assert len(made) == 1
    picture = read(tmp_path / "s.png")
    gap, border, line = 5, 1, line_pixels(320 / 170)
    for number, frame in enumerate(frames):
        top = gap + border + number // 2 * (140 + 2 * border + line + gap)
        left = gap + number % 2 * (320 + gap)
        assert (picture[top : top + 140, left : left + 320] == frame).all(), number
        edge = picture[top - border : top + 140 + border, left - border : left + 320 + border]
        assert all((side == 200).all() for side in (edge[0], edge[-1], edge[:, 0], edge[:, -1]))


def test_frames_of_several_kinds_are_on_one_sheet(tmp_path: Path, frames: Pixels) -> None:
    (tmp_path / "job").mkdir()
    for index, mode in enumerate(("RGB", "L", "RGBA", "P", "1", "LA", "RGB")):
        image = Image.fromarray(frames[index]).convert(mode)
        image.save(tmp_path / "job" / f"{index:06d}.png")
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--no-captions").exception is None
    for index, cell in enumerate(cells(read(tmp_path / "s.png"), 4, 2)[:7]):
        assert (cell == read(tmp_path / "job" / f"{index:06d}.png")).all(), index


@pytest.mark.parametrize("container", ["png", "tar"])
def test_frames_of_several_sizes_are_in_the_middle_of_one_that_has_room_for_all(
    tmp_path: Path, frames: Pixels, container: Any
) -> None:
    sizes = [(48, 80), (40, 80), (48, 60), (30, 60)]
    with FrameWriter(tmp_path / "job", sizes_vary=True, container=container) as writer:
        for frame, (height, width) in zip(frames, sizes, strict=False):
            writer.write(frame[:height, :width])
    result = sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--no-captions")
    assert result.output.endswith("4 frames, each 80x48\n")
    whole = read(tmp_path / "s.png")
    for frame, (height, width), cell in zip(frames, sizes, cells(whole, 4, 1), strict=False):
        expected = np.zeros((48, 80, 3), np.uint8)
        top, left = (48 - height) // 2, (80 - width) // 2
        expected[top : top + height, left : left + width] = frame[:height, :width]
        assert (cell == expected).all(), (height, width)
    # Of those that are shown, the largest counts.
    assert sheet(tmp_path / "job", "--at", 3, "-o", tmp_path / "s.png").output.endswith("each 60x30\n")
    assert sheet(tmp_path / "job", "--width", 40, "-o", tmp_path / "s.png").output.endswith("each 40x24\n")
    # As a video of it shows them.
    daddy_encode.encode(tmp_path / "job", fit="pad", video="gif")
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png", "--no-captions").exception is None
    assert (read(tmp_path / "s.png") == whole).all()


def test_what_is_wrong_at_the_end_of_a_picture_is_noticed(tmp_path: Path) -> None:
    job, last = tmp_path / "job", tmp_path / "job" / "000003.png"
    # Their rows come all at once, before their end is known to be right.
    frames = np.random.default_rng(4).integers(0, 256, (4, 125, 320, 3), np.uint8)
    save_frames_as_png(frames, job)
    whole = last.read_bytes()
    at = whole.index(b"IDAT")
    (length,) = struct.unpack(">I", whole[at - 4 : at])
    image = whole[at + 4 : at + 4 + length]
    for wrong, said in (
        (image[:-1] + bytes((image[-1] ^ 1,)), "000003.png: has damaged image data"),
        (
            zlib.compress(zlib.decompress(image) + b"\0"),
            "000003.png: has more image data than its size of 320x125",
        ),
        (zlib.compress(zlib.decompress(image)[:-1]), "000003.png: has image data for 120124 of 120125 bytes"),
    ):
        last.write_bytes(whole[: at - 4] + chunk(b"IDAT", wrong) + chunk(b"IEND", b""))
        assert said in fault(job, "-o", tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists() and not leftovers(tmp_path)


def test_a_gif_whatever_case_its_suffix_has_is_shown_alike(tmp_path: Path, frames: Pixels) -> None:
    with FrameWriter(tmp_path / "job", fps=20) as writer:
        for index, frame in enumerate(frames[:20]):
            writer.write(frame, step=index, reward=1)
    daddy_encode.encode(tmp_path / "job", video="gif")
    assert sheet(tmp_path / "job.gif", "-o", tmp_path / "small.png").exception is None
    (tmp_path / "job.gif").rename(tmp_path / "job.GIF")
    assert sheet(tmp_path / "job.GIF", "-o", tmp_path / "large.png").exception is None
    assert (tmp_path / "large.png").read_bytes() == (tmp_path / "small.png").read_bytes()


@pytest.mark.soak
def test_packed_frames_and_an_archive_give_the_same_bytes_as_pngs(tmp_path: Path, frames: Pixels) -> None:
    for name, container in (("loose", "png"), ("tar", "tar")):
        with FrameWriter(tmp_path / name, container=container) as writer:  # type: ignore[arg-type]
            for frame in frames:
                writer.write(frame, reward=1)
        assert sheet(tmp_path / name, "-o", tmp_path / f"{name}.png").exception is None
    expected = (tmp_path / "loose.png").read_bytes()
    assert (tmp_path / "tar.png").read_bytes() == expected
    assert run_command("encode", tmp_path / "loose", "-q").returncode == 0
    assert run_command("pack", tmp_path / "loose", "-q").returncode == 0
    assert not list((tmp_path / "loose").glob("*.png"))
    assert sheet(tmp_path / "loose", "-o", tmp_path / "packed.png").exception is None
    assert (tmp_path / "packed.png").read_bytes() == expected


@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_a_sheet_of_a_video_shows_exactly_the_frames_that_it_says(tmp_path: Path, frames: Pixels, kind: str) -> None:
    video = tmp_path / f"clip.{kind}"
    (save_mp4 if kind == "mp4" else save_gif)(frames, video, fps=10)
    result = sheet(video, "-o", tmp_path / "s.png", "--at", "98,0,7,31", "--no-captions")
    assert result.exception is None
    assert [read_code(cell) for cell in cells(read(tmp_path / "s.png"), 4, 1)] == [0, 7, 31, 98]


def test_of_a_job_whose_frames_are_gone_the_video_is_shown_with_what_the_rollout_said(
    tmp_path: Path, frames: Pixels
) -> None:
    with FrameWriter(tmp_path / "job", fps=20) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, step=index, reward=1)
    daddy_encode.encode(tmp_path / "job", video="mp4")
    arguments = (tmp_path / "job", "--rows", 1, "--width", 320)
    assert sheet(*arguments, "-o", tmp_path / "before.png").exception is None
    for png in (tmp_path / "job").glob("*.png"):
        png.unlink()
    assert sheet(*arguments, "-o", tmp_path / "after.png").exception is None
    before, after = read(tmp_path / "before.png"), read(tmp_path / "after.png")
    text = slice(5 + 192 + 2, None)
    assert (before[text] == after[text]).all() and not (before[text] == 255).all()
    assert np.abs(before.astype(int) - after).mean() < 3
    # Nor is the directory needed, but for what the rollout said.
    assert sheet(*arguments, "-o", tmp_path / "after.png", "--no-captions").exception is None
    shutil.rmtree(tmp_path / "job")
    assert sheet(*arguments, "-o", tmp_path / "gone.png", "--no-captions").exception is None
    assert (tmp_path / "gone.png").read_bytes() == (tmp_path / "after.png").read_bytes()


def test_under_a_video_is_nothing_that_a_later_recording_said(tmp_path: Path, frames: Pixels) -> None:
    video = tmp_path / "job.mp4"
    for reward in (1, 50):
        with FrameWriter(tmp_path / "job", fps=20, overwrite=True) as writer:
            for frame in frames[reward : reward + 8]:
                writer.write(frame, reward=reward)
        if reward == 1:
            daddy_encode.encode(tmp_path / "job", video="mp4")
            assert sheet(video, "-o", tmp_path / "before.png").exception is None
    assert sheet(video, "-o", tmp_path / "after.png").exception is None
    # A video of another recording in the place of the one that the receipt names: nobody knows what it shows.
    daddy_encode.encode(tmp_path / "job", video="mp4")
    assert sheet(video, "-o", tmp_path / "again.png").exception is None
    assert read(tmp_path / "again.png").shape == read(tmp_path / "before.png").shape
    save_mp4(frames[8:16], video, fps=20)
    assert sheet(video, "-o", tmp_path / "other.png").exception is None
    (tmp_path / "job" / "annotations.jsonl").unlink()
    assert sheet(video, "-o", tmp_path / "unknown.png").exception is None
    shutil.rmtree(tmp_path / "job")
    assert sheet(video, "-o", tmp_path / "gone.png").exception is None
    assert read(tmp_path / "gone.png").shape != read(tmp_path / "before.png").shape
    assert read(tmp_path / "after.png").shape == read(tmp_path / "gone.png").shape, "the lines of returns are left out"
    assert (tmp_path / "other.png").read_bytes() == (tmp_path / "unknown.png").read_bytes()


def test_several_jobs_are_one_row_each_below_its_name(tmp_path: Path, frames: Pixels) -> None:
    save_frames_as_png(frames, tmp_path / "one")
    save_mp4(frames[:50], tmp_path / "two.mp4", fps=30)
    assert sheet(tmp_path / "one", tmp_path / "two.mp4", "-o", tmp_path / "s.png").exception is None
    picture = read(tmp_path / "s.png")
    block = LINE + BORDER * 2 + 48 + LINE + GAP
    assert picture.shape == (2 * block + GAP, 6 * (80 + GAP) + GAP, 3)
    for number, expected in enumerate(([0, 19, 39, 59, 79, 99], [0, 9, 19, 29, 39, 49])):
        shown = cells(picture, 6, 1, top=number * block + LINE)
        assert [read_code(cell) for cell in shown] == expected
    name = pixels(f"{tmp_path.name}/one", 1.0, 230)
    assert (picture[GAP : GAP + LINE, GAP : GAP + name.shape[1], 0] == name).all()


def test_only_the_frames_that_are_shown_are_read(tmp_path: Path, frames: Pixels) -> None:
    job = tmp_path / "job"
    save_frames_as_png(frames, job)
    for number in (1, 50, 98):
        (job / f"{number:06d}.png").write_bytes(b"nothing")
    assert sheet(job, "-o", tmp_path / "s.png").exception is None
    (job / "000099.png").write_bytes(b"nothing")
    (tmp_path / "s.png").unlink()
    assert "000099.png: is not a PNG" in fault(job, "-o", tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists() and not leftovers(tmp_path)


def test_what_cannot_be_shown_is_an_error_that_says_what_to_do(tmp_path: Path, frames: Pixels) -> None:
    job = tmp_path / "job"
    save_frames_as_png(frames, job)
    output = ("-o", tmp_path / "s.png")
    assert "job: has no frame 100, its last one is 99; give others with --at" in fault(job, "--at", "3,100", *output)
    assert "--columns 2 --rows 1 has room for 2" in fault(job, "--at", "1,2,3", "--columns", 2, "--rows", 1, *output)
    assert "give 80 or less, or 160" in fault(job, "--width", 150, *output)
    assert "give 80 or less, or 160" in fault(job, "--width", 83, *output)
    (tmp_path / "several").mkdir()
    for name in ("rgb_0", "rgb_1", "depth_0", "depth_1"):
        shutil.copy(job / "000000.png", tmp_path / "several" / f"{name}.png")
    assert "rgb_*.png (2); name one: '" in fault(tmp_path / "several", *output)
    assert "--width makes the pictures smaller" in fault(job, "--width", 8000, "--columns", 9, *output)
    assert "neither a job's directory nor a video" in fault(tmp_path / "nothing", *output)
    (tmp_path / "empty").mkdir()
    assert "has no frames, and there is no video beside it" in fault(tmp_path / "empty", *output)
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    assert "cut.mp4: is not a whole video" in fault(tmp_path / "cut.mp4", *output)
    (job / "000007.png").unlink()
    assert "000007.png missing, 1 of 100 frames; name the video" in fault(job, *output)
    (job / "000099.png").unlink()
    (job / "000007.png").write_bytes((job / "000008.png").read_bytes())
    assert "promises 100 frames, but there are 99" in fault(job, *output)
    assert not (tmp_path / "s.png").exists() and not leftovers(tmp_path)


def test_a_sheet_is_never_written_over_what_belongs_to_a_job(tmp_path: Path, frames: Pixels) -> None:
    job, other = tmp_path / "job", tmp_path / "other"
    save_frames_as_png(frames[:5], job)
    save_frames_as_png(frames[:5], other)
    video = tmp_path / "job.mp4"
    save_mp4(frames[:5], video, fps=30)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for output in (job / "000000.png", job / "sheet.png", other / "sheet.png"):
        assert "is in the directory of a job's frames" in fault(job, "-o", output)
    (tmp_path / "link").symlink_to(job)
    assert "is in the directory of a job's frames" in fault(job, "-o", tmp_path / "link" / "sheet.png")
    for output in (video, tmp_path / "job.receipt.json", tmp_path / "sheet"):
        assert "a sheet is a PNG or a JPEG" in fault(job, "-o", output)
    (tmp_path / "folder.png").mkdir()
    assert sheet(job, "-o", tmp_path / "folder.png").exception is not None
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_jpeg_standard_output_and_a_file_that_is_replaced(tmp_path: Path, frames: Pixels) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    (tmp_path / "s.png").write_bytes(b"older")
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.JPG").exception is None
    with Image.open(tmp_path / "s.JPG") as image:
        assert image.format == "JPEG"
    assert np.abs(read(tmp_path / "s.png").astype(int) - read(tmp_path / "s.JPG")).mean() < 3
    result = sheet(tmp_path / "job", "-o", "-")
    assert result.stdout_bytes == (tmp_path / "s.png").read_bytes()
    assert result.stderr.startswith("standard output: ")
    assert not leftovers(tmp_path)


def test_pictures_are_reduced_by_averages_and_enlarged_to_squares(tmp_path: Path) -> None:
    stripes = np.zeros((2, 60, 160, 3), np.uint8)
    stripes[:, :, ::2] = 255
    save_frames_as_png(stripes, tmp_path / "job")
    daddy_encode.sheet(tmp_path / "job", output=tmp_path / "small.png", width=80, captions=False)
    small = read(tmp_path / "small.png")[5:35, 4:84]
    assert small.min() >= 127 and small.max() <= 128
    daddy_encode.sheet(tmp_path / "job", output=tmp_path / "large.png", width=320, captions=False)
    large = read(tmp_path / "large.png")[6 : 6 + 120, 5 : 5 + 320]
    assert (large == stripes[0].repeat(2, axis=0).repeat(2, axis=1)).all()


def test_the_function_does_what_the_command_does(
    tmp_path: Path, frames: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    monkeypatch.chdir(tmp_path)
    assert sheet("job", "--at", "5,10", "--rows", 2).exception is None
    made = (tmp_path / "sheet.png").read_bytes()
    path = daddy_encode.sheet("job", output=tmp_path / "other.png", at=[10, 5, 10], rows=2)
    assert path == tmp_path / "other.png" and path.read_bytes() == made
    wrongs: list[dict[str, Any]] = [{"columns": 0}, {"at": [-1]}, {"width": 0}, {"at": "0,1"}, {"at": [1.5]}, {"at": 3}]
    for wrong in (*wrongs, {"rows": True}, {"width": "80"}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            daddy_encode.sheet("job", **wrong)
    with pytest.raises(SettingsError, match="name at least one"):
        daddy_encode.sheet()


def test_the_same_job_gives_the_same_bytes_in_another_process_place_and_language(
    tmp_path: Path, frames: Pixels
) -> None:
    save_frames_as_png(frames, tmp_path / "job")
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None
    settings = os.environ | {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    assert run_command("sheet", "../job", cwd=tmp_path / "job", env=settings).returncode == 2, "not into the job"
    (tmp_path / "there").mkdir()
    assert run_command("sheet", "../job", cwd=tmp_path / "there", env=settings).returncode == 0
    assert (read(tmp_path / "there" / "sheet.png") == read(tmp_path / "s.png")).all()
    assert (tmp_path / "there" / "sheet.png").read_bytes() == (tmp_path / "s.png").read_bytes()


@pytest.mark.parametrize(
    ("writer", "unloaded"),
    [("ours", {"numpy", "imageio", "PIL", "imageio_ffmpeg", "logging"}), ("Pillow", {"numpy", "imageio"})],
)
def test_a_sheet_loads_no_more_than_it_needs(tmp_path: Path, frames: Pixels, writer: str, unloaded: set[str]) -> None:
    (save_frames_as_png if writer == "ours" else save_by_pillow)(frames[:20], tmp_path / "job")
    program = (
        "import atexit, sys\n"
        f"bad = {unloaded!r}\n"
        "atexit.register(lambda: print(sorted(bad & set(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['daddy-encode', 'sheet', {str(tmp_path / 'job')!r}, '-o', {str(tmp_path / 's.png')!r}]\n"
        "from daddy_encode.cli.main import main; main()"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert completed.stderr == "[]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_other_users_frames_are_taken_only_where_they_are_trusted(tmp_path: Path, frames: Pixels) -> None:
    save_frames_as_png(frames[:3], tmp_path / "job")
    save_mp4(frames[:3], tmp_path / "clip.mp4", fps=30)
    for path in (tmp_path / "job", tmp_path / "clip.mp4", *(tmp_path / "job").iterdir()):
        os.chown(path, 12_345, -1)
    for name in ("job", "clip.mp4"):
        assert "--trust-owner 12345 takes it" in fault(tmp_path / name, "-o", tmp_path / "s.png")
        assert sheet(tmp_path / name, "-o", tmp_path / "s.png", "--trust-owner", "12345").exception is None


def test_numbers_on_one_sheet_have_as_many_decimals_as_the_largest_has_room_for() -> None:
    earned = (-1.5, -5.0, -10.5, -126.5, -0.01)
    decimals = decimals_of([Noted(value, step) for step, value in enumerate(earned)], [])
    texts = [caption(0, None, Noted(value, 7), decimals)[1] for value in earned]
    assert [text[0] for text in texts] == [f"return {text}" for text in ("-1.5", "-5.0", "-10.5", "-126.5", "0.0")]
    assert {text[1] for text in texts} == {"step 7"}
    assert decimals_of([Noted(3.0)], []).earned == 0 and decimals_of([Noted(0.25)], []).earned == 3


@pytest.mark.parametrize("kind", ["job", "mp4"])
def test_no_two_frames_have_the_same_time(tmp_path: Path, frames: Pixels, kind: str) -> None:
    save_frames_as_png(frames[:9], tmp_path / "job", fps=1000)
    save_mp4(frames[:9], tmp_path / "video.mp4", fps=1000)
    path = tmp_path / ("job" if kind == "job" else "video.mp4")
    assert sheet(path, "--at", "7,8", "--width", 160, "-o", tmp_path / "s.png").exception is None
    picture = read(tmp_path / "s.png")
    for column, text in enumerate(("frame 7   0.007 s", "frame 8   0.008 s")):
        expected = pixels(text, 1.0, 230)
        high, wide = expected.shape
        left, top = GAP + column * (160 + GAP), GAP + 96 + 2 * BORDER
        assert (picture[top : top + high, left : left + wide, 1] == expected).all(), text
    assert [decimals_of([], [rate, None, Fraction(30)]).time for rate in (None, Fraction(100), Fraction(120))] == [
        2,
        2,
        3,
    ]


def test_hostile_annotations_break_nothing(tmp_path: Path, frames: Pixels) -> None:
    with FrameWriter(tmp_path / "job") as writer:
        for frame in frames[:4]:
            writer.write(frame, reward=1.0)
    file = tmp_path / "job" / "annotations.jsonl"
    for lines in (
        ['{"reward": [1, 2], "step": "x"}'] * 4,
        ['{"reward": 1e308, "step": true, "dropped_before": -5}'] * 4,
        ["[" * 100_000] * 4,
        ['{"reward": NaN}'] * 4,
        ['{"step": 1e999}'] * 4,
        [json.dumps({"reward": 1, "step": 10**300})] * 4,
        ["{}", "\x00", "{}"],
    ):
        file.write_text("\n".join(lines) + "\n")
        assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None
    file.write_bytes(b'{"reward": "\xff"}\n' * 4)
    assert sheet(tmp_path / "job", "-o", tmp_path / "s.png").exception is None
    assert read(tmp_path / "s.png").shape[0] == GAP + 48 + 2 + LINE + GAP, "one line of text: nothing is known"


def test_wrong_frames_on_the_command_line_are_refused() -> None:
    for wrong in ("", "a", "1,,2", "-1", "1;2", "1e3", "٣", "9" * 30):
        result = CliRunner().invoke(group, ["sheet", "job", "--at", wrong])
        assert result.exit_code == 2 and "is not indices of frames" in result.output, wrong
