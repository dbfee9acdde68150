"""What others put in the place of a recording's files, where they may write to its directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daddy_encode.errors import SpoolError
from daddy_encode.spool.recording.annotations import Annotations, keep_whole_lines

PLANTS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda precious, path: path.symlink_to(precious),
    "hard link": lambda precious, path: path.hardlink_to(precious),
    "FIFO": lambda precious, path: os.mkfifo(path),
}


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious"
    path.write_text("no line ends here")
    return path


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_annotations_go_to_the_file_that_was_made_for_them(
    tmp_path: Path, precious: Path, plant: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "job").mkdir()
    path = tmp_path / "job" / "annotations.jsonl"
    annotations = Annotations(tmp_path / "job")
    for line in (b'{"a": 1}', b'{"a": 2}'):
        annotations.add(line)
        annotations.flush()
    assert path.read_text() == '{"a": 1}\n{"a": 2}\n'
    path.unlink()
    plant(precious, path)
    annotations.add(b'{"a": 3}')
    with pytest.raises(SpoolError, match=r"cannot write .*/annotations\.jsonl: "):
        annotations.flush()
    assert precious.read_text() == "no line ends here"


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_no_other_file_is_cut_where_a_killed_writer_left_a_line_unfinished(
    tmp_path: Path, precious: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(precious, tmp_path / "annotations.jsonl")
    with pytest.raises(SpoolError, match=r"cannot write .*/annotations\.jsonl: "):
        keep_whole_lines(tmp_path)
    assert precious.read_text() == "no line ends here"


def test_an_unfinished_line_is_cut(tmp_path: Path) -> None:
    keep_whole_lines(tmp_path)
    path = tmp_path / "annotations.jsonl"
    for text, kept in (("{}\n{}\n{", "{}\n{}\n"), ("{}\n", "{}\n"), ("{", "")):
        path.write_text(text)
        keep_whole_lines(tmp_path)
        assert path.read_text() == kept
