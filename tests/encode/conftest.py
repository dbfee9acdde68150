"""Fixtures of the tests of encode/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daddy_encode.encode.probe import forget_ffmpeg
from tests.stand_in import write_ffmpeg

StandIn = Callable[[str], Path]


@pytest.fixture
def ffmpeg_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of the ffmpeg that this process uses; there is no file yet."""
    path = tmp_path / "bin" / "ffmpeg"
    path.parent.mkdir()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
    forget_ffmpeg()
    yield path
    forget_ffmpeg()


@pytest.fixture
def stand_in(ffmpeg_path: Path) -> StandIn:
    """Call with a shell script: it is what ffmpeg does; see `write_ffmpeg`."""
    return lambda script: write_ffmpeg(ffmpeg_path, script)
