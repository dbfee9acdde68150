"""Standard input, output and error may be closed, as by `>&-`: no command waits or breaks for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.jobs import encode
from tests.media import moving_square

COMMAND = f"{sys.executable} -m daddy_encode"
CLOSED = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A done job; nobody changes it."""
    job = tmp_path_factory.mktemp("closed") / "job"
    save_frames_as_png(moving_square(6), job, fps=10, video="mp4")
    encode(job)
    return job


def shell(text: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", text], cwd=cwd, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False
    )


@pytest.mark.parametrize("closed", CLOSED)
def test_what_a_video_is_decoded_for_is_made_all_the_same(job: Path, tmp_path: Path, closed: str) -> None:
    done = shell(f"{COMMAND} sheet {job}.mp4 -o sheet.png {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sheet.png").read_bytes().endswith(b"IEND\xaeB`\x82")
    done = shell(f"{COMMAND} gallery {job.parent} -o {tmp_path}/index.html {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    # Its small pictures were made of the video.
    assert any(path.suffix == ".js" and b"data:image/" in path.read_bytes() for path in tmp_path.rglob("*.js"))


def test_a_recording_is_encoded_all_the_same(tmp_path: Path) -> None:
    save_frames_as_png(moving_square(6), tmp_path / "job", fps=10, video="both")
    done = shell(f"{COMMAND} encode job <&- >&- 2>&- && {COMMAND} verify job --against-frames", tmp_path)
    assert done.returncode == 0, done.stderr


def test_who_would_be_asked_or_read_from_is_not_there(job: Path, tmp_path: Path) -> None:
    for command, why in (
        (f"clean {job}", "nobody is there to ask"),
        (f"clean {job} --from - --mark bad --yes", "not a valid file of marks"),
        (f"verify {job.parent} --from - --mark bad", "not a valid file of marks"),
    ):
        done = shell(f"{COMMAND} {command} <&-", tmp_path)
        assert (done.returncode, why in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert len(list(job.glob("*.png"))) == 6


def test_in_python_it_is_said_at_once_where_ffmpeg_cannot_be_given_a_file(job: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys; said = os.dup(2); os.close(1); os.close(2)\n"
        "import daddy_encode\n"
        "try: daddy_encode.sheet(sys.argv[1], output='sheet.png')\n"
        "except daddy_encode.errors.EncodeError as error: os.write(said, str(error).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"{job}.mp4"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert "of this process is closed, and a file has its place" in done.stderr
    assert not (tmp_path / "sheet.png").exists()
