"""Each fault as first, middle and last frame of an otherwise good job, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from tests.encoding.frames.faults import FAULTS, Fault, device, directory, fifo, link, link_to_a_neighbour, unix_socket
from tests.media import decode_mp4, moving_square, run_command

FRAMES = 5
PLACES = {"first": 0, "middle": 2, "last": 4}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of one job for each fault in each place, and a good one."""
    tree = tmp_path_factory.mktemp("tree")
    names = ["good", *(f"{fault.__name__}-{place}" for fault in FAULTS for place in PLACES)]
    for name in names:
        save_frames_as_png(moving_square(FRAMES, 16, 24), tree / name / "job")
    for fault in FAULTS:
        for place, index in PLACES.items():
            fault(tree / f"{fault.__name__}-{place}" / "job" / f"{index:06d}.png")
    return tree


def test_each_is_an_error_that_names_it_and_no_video_appears(faulty: Path) -> None:
    completed = run_command("encode", faulty, "--json")
    assert completed.returncode == 1
    (line,) = completed.stdout.splitlines()
    assert json.loads(line)["path"] == str(faulty / "good" / "job.mp4")
    errors = [line for line in completed.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == len(FAULTS) * len(PLACES)
    for fault in FAULTS:
        for place, index in PLACES.items():
            job = faulty / f"{fault.__name__}-{place}" / "job"
            (error,) = [line for line in errors if f"{job}/" in line]
            assert f"{job}/{index:06d}.png: " in error
    assert [path.parent.name for path in faulty.rglob("*.mp4")] == ["good"]
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize("how", ["hold", pytest.param("skip", marks=pytest.mark.soak)])
def test_with_gaps_every_job_has_a_video_and_its_receipt_says_what_was_lost(
    faulty: Path, tmp_path: Path, how: str
) -> None:
    completed = run_command("encode", faulty, "--json", "--gaps", how, "--output-dir", tmp_path / "out")
    assert completed.returncode == 0, completed.stderr
    assert len(completed.stdout.splitlines()) == 1 + len(FAULTS) * len(PLACES)
    frames = moving_square(FRAMES, 16, 24)
    for fault in FAULTS:
        for place, index in PLACES.items():
            base = tmp_path / "out" / f"{fault.__name__}-{place}"
            receipt = json.loads((base / "job.receipt.json").read_text())
            assert receipt["gaps"] == how
            assert receipt["lost"]["bad_count"] == 1
            assert [bad["name"] for bad in receipt["lost"]["bad"]] == [f"{index:06d}.png"]
            expected = [max(number - (number == index), 0) for number in range(FRAMES)]
            if index == 0:
                expected[0] = 1
            if how == "skip":
                del expected[index]
            shown = decode_mp4(base / "job.mp4", 24, 16).astype(int)
            assert len(shown) == len(expected)
            for number, picture in zip(expected, shown, strict=True):
                nearest = min(range(FRAMES), key=lambda other: np.abs(frames[other] - picture).mean())
                assert nearest == number, (fault.__name__, place)
    words = {"hold": "1 bad (the frame before each is repeated)", "skip": "1 bad (left out)"}
    assert completed.stderr.count(words[how]) == len(FAULTS) * len(PLACES)


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault in (link, link_to_a_neighbour, fifo, unix_socket, directory, device)],
    ids=lambda fault: fault.__name__,
)
def test_what_is_not_a_regular_file_is_named_and_holds_nobody_up(job: Path, fault: Fault) -> None:
    fault(job / "000003.png")
    with JobDirectory(job) as opened, pytest.raises(BadFrameError, match=r"000003\.png: is a \w+, not a regular file"):
        opened.read("000003.png")
