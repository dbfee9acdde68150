"""What ffmpeg is started with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.encoding.probe import check_ffmpeg
from tests.encoding.conftest import StandIn
from tests.jobs import encode


def test_ffmpeg_sees_no_gpu(job: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stand_in: StandIn) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("FFREPORT", f"file={tmp_path}/report.txt")
    stand_in(f'env > {tmp_path}/environment; exec "$REAL" "$@"')
    encode(job)
    environment = (tmp_path / "environment").read_text().splitlines()
    assert "CUDA_VISIBLE_DEVICES=" in environment
    assert not [line for line in environment if line.startswith("FFREPORT")]


def test_encoding_loads_no_gpu_library(job: Path) -> None:
    program = (
        "import sys; from daddy_encode import save_mp4; import numpy, re\n"
        "save_mp4(numpy.zeros((3, 8, 8, 3), numpy.uint8), sys.argv[1])\n"
        "maps = open('/proc/self/maps').read()\n"
        "print(sorted(set(re.findall(r'/\\S*(?:cuda|nvidia|nvcuvid)\\S*', maps, re.I))))\n"
    )
    command = [sys.executable, "-c", program, str(job.parent / "clip.mp4")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_version_and_the_build_of_the_executable_are_known() -> None:
    found = check_ffmpeg(["mp4"])
    assert found.version[0] in "n0123456789"
    assert "gcc" in found.build
