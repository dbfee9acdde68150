"""Paths as users give them: `~` that no shell has replaced, and the empty text of a variable that is not set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

import daddy_encode
from daddy_encode import receipts, save_frames_as_png, save_gif, save_mp4
from daddy_encode.cli.main import group
from daddy_encode.cluster import submit
from daddy_encode.dump import FrameWriter
from daddy_encode.errors import SettingsError

FRAMES = np.full((2, 16, 16, 3), 90, np.uint8)


def invoked(*arguments: str) -> Any:
    return CliRunner().invoke(group, arguments, standalone_mode=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory; the working directory is another one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    save_frames_as_png(FRAMES, "own")
    return tmp_path / "home"


@pytest.mark.parametrize(
    "arguments",
    [
        ("encode", ""),
        ("encode", "own", ""),
        ("encode", "own", "--output-dir", ""),
        ("encode", "own", "--tmp-dir="),
        ("encode", "own", "-o", ""),
        ("watch", "", "--once"),
        ("status", ""),
        ("log", ""),
        ("log", ".", "--output-dir="),
        ("submit", "", "--dry-run"),
        ("submit", ".", "--tmp-dir=", "--dry-run"),
    ],
)
def test_a_path_that_is_empty_is_wrong_usage(home: Path, arguments: tuple[str, ...]) -> None:
    error = invoked(*arguments).exception
    assert isinstance(error, click.UsageError) and error.exit_code == 2
    assert "the path is empty" in error.format_message()
    assert os.listdir() == ["own"]


@pytest.mark.parametrize(
    "call",
    [
        daddy_encode.encode,
        lambda path: daddy_encode.encode("own", output_dir=path),
        lambda path: daddy_encode.encode("own", tmp_dir=path),
        receipts,
        submit,
        FrameWriter,
        lambda path: save_frames_as_png(FRAMES, path),
        lambda path: save_mp4(FRAMES, path),
        lambda path: save_gif(FRAMES, path),
    ],
)
def test_in_python_it_is_a_settings_error(home: Path, call: Callable[[str], object]) -> None:
    with pytest.raises(SettingsError, match="the path is empty"):
        call("")
    assert os.listdir() == ["own"]


def test_a_tilde_is_the_home_directory_in_python(home: Path) -> None:
    with FrameWriter("~/fw") as writer:
        writer.write(FRAMES[0])
    (home / "tmp").mkdir()
    (made,) = daddy_encode.encode("~/fw", output_dir="~/out", tmp_dir="~/tmp")
    assert made.path == home / "out" / "fw.mp4"
    (found,) = receipts("~/out")
    assert found.videos[0].path == home / "out" / "fw.mp4"
    assert f"{home}/fw" in submit("~/fw", dry_run=True).text
    assert os.listdir() == ["own"]


def test_a_tilde_that_the_shell_leaves_is_the_home_directory_on_the_command_line(home: Path) -> None:
    (home / "tmp").mkdir()
    done = invoked("encode", "own", "--output-dir=~/out", "--tmp-dir=~/tmp")
    assert (done.exception, done.return_value) == (None, 0)
    assert sorted(path.name for path in (home / "out").iterdir() if path.is_file()) == ["own.mp4", "own.receipt.json"]
    assert os.listdir() == ["own"]
    assert "own.mp4" in invoked("log", "~/out").stdout
    # A shell's way to a directory of that name.
    os.mkdir("~")
    assert "below it or beside it" in invoked("log", "./~").stderr
