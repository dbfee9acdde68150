"""A recording's `frames.tar` whose writer was killed at any byte: what is whole stays, and tar reads it."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.errors import SpoolError
from daddy_encode.spool.disk_budget import DiskBudget
from daddy_encode.spool.recording.tar_store import TarStore, keep_whole_frames
from daddy_encode.spool.walk import list_directory

# Of sizes that fill a block, and that do not.
DATA = [b"a" * 512, b"b" * 300, b"c" * 1500, b"d" * 1024]


def store(directory: Path, count: int = len(DATA)) -> TarStore:
    written = TarStore(directory, DiskBudget(directory, 0))
    for index, data in enumerate(DATA[:count]):
        written.add(index, data)
    return written


def with_tarfile(directory: Path) -> list[bytes]:
    with tarfile.open(directory / "frames.tar") as archive:
        streams = [archive.extractfile(member) for member in archive]
        return [stream.read() for stream in streams if stream is not None]


def test_a_writer_killed_at_any_byte_leaves_all_but_the_last_frame(tmp_path: Path) -> None:
    store(tmp_path).finish()
    path = tmp_path / "frames.tar"
    whole = path.read_bytes()
    # Where each ends.
    ends = [1024, 2048, 4096, 5632]
    for size in range(1, len(whole) + 1, 61):
        path.write_bytes(whole[:size])
        # What fills the last block is of no use to anybody.
        there = sum(size >= end - (-len(data) % 512) for end, data in zip(ends, DATA, strict=True))
        assert list_directory(tmp_path).frames == there
        with JobDirectory(tmp_path) as directory:
            names = sorted(name for name in directory.names() if name.endswith(".png"))
        assert len(names) - there in (0, 1), "the one that is cut off is named"
        assert keep_whole_frames(tmp_path, 4) == there
        assert with_tarfile(tmp_path) == DATA[:there]
        assert (
            path.stat().st_size == sum(end - begin for begin, end in zip([0, *ends], ends[:there], strict=False)) + 1024
        )
    path.write_bytes(whole)
    assert keep_whole_frames(tmp_path, 2) == 2, "no more than the manifest will promise"
    assert with_tarfile(tmp_path) == DATA[:2]


def test_another_file_in_its_place_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x" * 5000)
    os.link(tmp_path / "precious", tmp_path / "frames.tar")
    with pytest.raises(SpoolError, match="another file was put in its place"):
        keep_whole_frames(tmp_path, 0)
    (tmp_path / "frames.tar").unlink()
    (tmp_path / "frames.tar").write_bytes(b"7" * 5000)
    with pytest.raises(SpoolError, match=r"frames\.tar: what follows its beginning has a wrong checksum"):
        keep_whole_frames(tmp_path, 0)
    (tmp_path / "frames.tar").unlink()
    assert keep_whole_frames(tmp_path, 0) == 0
    (tmp_path / "frames.tar").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        store(tmp_path, 1)
    assert (tmp_path / "precious").read_bytes() == b"x" * 5000
