"""The same bytes, whoever makes them: cores, time zone, locale, umask, directory order, another run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.conftest import Require
from tests.media import moving_square


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dump") / "job"
    save_frames_as_png(moving_square(70, 243, 321), directory, video="both")
    return directory


def encoded(
    dump: Path, directory: Path, prefix: list[str] | None = None, environment: dict[str, str] | None = None
) -> dict[str, bytes]:
    encode = [sys.executable, "-m", "daddy_encode", "encode", str(dump), "--output-dir", str(directory)]
    directory.mkdir()
    variables = {**os.environ, **(environment or {})}
    subprocess.run([*(prefix or []), *encode], check=True, capture_output=True, env=variables, cwd=directory)
    return {path.suffix: path.read_bytes() for path in directory.iterdir() if path.suffix in (".mp4", ".gif")}


@pytest.fixture(scope="module")
def plain(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What becomes of it where nothing is out of the ordinary."""
    made = encoded(dump, tmp_path_factory.mktemp("plain") / "out")
    assert set(made) == {".mp4", ".gif"}
    return made


def test_the_same_bytes_run_after_run_and_on_one_core_or_two(
    dump: Path, tmp_path: Path, plain: dict[str, bytes]
) -> None:
    assert encoded(dump, tmp_path / "again") == plain
    assert encoded(dump, tmp_path / "one-core", ["taskset", "-c", "0"]) == plain


def test_the_same_bytes_in_another_environment(dump: Path, tmp_path: Path, plain: dict[str, bytes]) -> None:
    environment = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "LANG": "C", "AV_LOG_FORCE_COLOR": "1"}
    assert encoded(dump, tmp_path / "other", environment=environment) == plain


def test_the_same_bytes_under_another_umask_and_in_another_directory_order(
    dump: Path, tmp_path: Path, plain: dict[str, bytes]
) -> None:
    shuffled = tmp_path / "shuffled" / "job"
    shuffled.mkdir(parents=True)
    names = [path.name for path in dump.iterdir()]
    for name in sorted(names, key=lambda name: name[::-1], reverse=True):
        shutil.copy(dump / name, shuffled / name)
    old = os.umask(0o077)
    try:
        assert encoded(shuffled, tmp_path / "out") == plain
    finally:
        os.umask(old)


# Flags for glibc and for ffmpeg's own detection do not reach x264; taking AVX2 away needs another machine. What can be
# completed here: x264 was given the parameter that makes it independent of the processor.
@pytest.mark.soak
def test_x264_was_told_to_be_independent_of_the_processor(dump: Path, tmp_path: Path, require_program: Require) -> None:
    trace = tmp_path / "trace"
    strace = require_program("strace", "strace")
    encoded(dump, tmp_path / "out", [strace, "-f", "-e", "trace=execve", "-s", "4000", "-v", "-o", str(trace)])
    assert "cpu-independent=1" in trace.read_text()
