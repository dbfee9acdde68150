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


@pytest.mark.parametrize(
    ("names", "output"),
    [
        (("0000.png", "0001.png", "0002.png"), "0001.png"),
        (("f_0001.png", "f_0002.png", "f_0004.png"), "f_0003.png"),
        (("f_0001.png", "f_0002.png"), "f_3.PNG"),
        (("0_rgb.png", "1_rgb.png"), "7_rgb.png"),
        (("0.png", "1.png"), "sheet1.png"),
        (("step_100.png",), "step_200.png"),
        (("0.png", "1.png"), "run-7-all.png"),
    ],
)
def test_no_sheet_becomes_a_frame_of_another_programs_dump(
    job: Path, tmp_path: Path, names: tuple[str, ...], output: str
) -> None:
    before = dump(tmp_path / "dump", *names)
    assert f"would be taken for a frame beside {sorted(names)[0][:1]}" in fault(job, "-o", tmp_path / "dump" / output)
    os.symlink(tmp_path / "dump", tmp_path / "link")
    assert "give it a name without a number" in fault(job, "-o", tmp_path / "link" / output)
    assert {path: path.read_bytes() for path in (tmp_path / "dump").iterdir()} == before
    # What is no frame by its name does no harm.
    assert sheet(job, "-o", tmp_path / "dump" / "sheet.png").exception is None
    assert sheet(job, "-o", tmp_path / "dump" / f"{output[:-4]}.jpg").exception is None
    assert told("encode", tmp_path / "dump", "--video", "gif", "--gaps", "skip")[0] == 0


def test_no_sheet_is_written_beside_an_archive_of_frames(job: Path, tmp_path: Path) -> None:
    (tmp_path / "tar").mkdir()
    (tmp_path / "tar" / "frames.tar").touch()
    assert "is in the directory of a job's frames" in fault(job, "-o", tmp_path / "tar" / "0.png")


def test_numbered_sheets_lie_beside_one_another_and_are_made_anew(job: Path, tmp_path: Path) -> None:
    for name in ("fig1.png", "fig2.png", "fig3.png", "run-7-all.png", "run-8-all.png", "fig2.png"):
        assert sheet(job, "-o", tmp_path / "new" / name).exception is None
    # A lone picture of something else is no sequence.
    Image.new("RGB", (8, 8)).save(tmp_path / "new" / "plot5.png")
    assert sheet(job, "-o", tmp_path / "new" / "fig4.png").exception is None
    with Image.open(tmp_path / "new" / "fig4.png") as image:
        assert image.info["Software"] == "daddy-encode sheet"
    assert "beside plot5.png" in fault(job, "-o", tmp_path / "new" / "plot6.png")
