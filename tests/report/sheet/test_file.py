"""Where a sheet may be written: never where it would be a frame, or in the place of one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from tests.archive.commands import told
from tests.media import moving_square
from tests.report.sheet.test_sheet import fault, sheet


@pytest.fixture
def job(tmp_path: Path) -> Path:
    save_frames_as_png(moving_square(3), tmp_path / "job", fps=10)
    return tmp_path / "job"


def dump(directory: Path, *names: str) -> dict[Path, bytes]:
    """Frames as another program writes them."""
    directory.mkdir()
    for name in names:
        Image.new("RGB", (8, 8)).save(directory / name)
    return {path: path.read_bytes() for path in directory.iterdir()}


# One is a recording of one frame, to which nothing is added either.
@pytest.mark.parametrize("count", [1, 11])
@pytest.mark.parametrize(
    ("names", "output"),
    [
        ("{:04}.png", "0001.png"),
        ("f_{:04}.png", "f_0123.png"),
        ("f_{:04}.png", "f_3.PNG"),
        ("{}_rgb.png", "17_rgb.png"),
        ("step_{}00.png", "step_12000.png"),
        ("{}.png", "sheet1.png"),
        ("{}.png", "run-7-all.png"),
    ],
)
def test_no_sheet_becomes_a_frame_of_another_programs_dump(
    job: Path, tmp_path: Path, names: str, output: str, count: int
) -> None:
    before = dump(tmp_path / "dump", *(names.format(number) for number in range(count)))
    assert "would be taken for a frame, as " in fault(job, "-o", tmp_path / "dump" / output)
    os.symlink(tmp_path / "dump", tmp_path / "link")
    assert "give it a name without a number" in fault(job, "-o", tmp_path / "link" / output)
    assert {path: path.read_bytes() for path in (tmp_path / "dump").iterdir()} == before
    # What is no frame by its name does no harm.
    assert sheet(job, "-o", tmp_path / "dump" / "sheet.png").exception is None
    assert sheet(job, "-o", tmp_path / "dump" / f"{output[:-4]}.jpg").exception is None
    assert told("encode", tmp_path / "dump", "--video", "gif", "--gaps", "skip")[0] == 0


def test_a_numbered_sheet_replaces_no_picture_that_it_has_not_made(job: Path, tmp_path: Path) -> None:
    before = dump(tmp_path / "figures", "fig2.png", "loss.png")
    assert "as fig2.png there may be one" in fault(job, "-o", tmp_path / "figures" / "fig2.png")
    assert sheet(job, "-o", tmp_path / "figures" / "loss.png").exception is None
    assert (tmp_path / "figures" / "fig2.png").read_bytes() == before[tmp_path / "figures" / "fig2.png"]


def test_no_sheet_is_written_beside_an_archive_of_frames(job: Path, tmp_path: Path) -> None:
    (tmp_path / "tar").mkdir()
    (tmp_path / "tar" / "frames.tar").touch()
    assert "is in the directory of a job's frames" in fault(job, "-o", tmp_path / "tar" / "0.png")


def test_numbered_sheets_lie_beside_one_another_and_are_made_anew(job: Path, tmp_path: Path) -> None:
    for name in ("fig1.png", "fig2.png", "fig3.png", "run-7-all.png", "run-8-all.png", "fig2.png"):
        assert sheet(job, "-o", tmp_path / "new" / name).exception is None
    with Image.open(tmp_path / "new" / "fig2.png") as image:
        assert image.info["Software"] == "daddy-encode sheet"
