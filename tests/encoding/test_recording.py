"""Whose annotations lie in a job's directory: those of the recording that its videos show, or of a later one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from daddy_encode.dump import FrameWriter
from daddy_encode.encoding.decoding.recording import holds_recording_of
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Receipt, read_receipt
from daddy_encode.spool.recording.deleting import Deleting
from daddy_encode.spool.records import encode_record
from tests.archive.commands import told
from tests.jobs import encode


def record(job: Path, value: int, *, container: str = "png", overwrite: bool = False) -> None:
    """Whatever the pictures are, the manifest has the same bytes."""
    with FrameWriter(job, fps=10, container=container, overwrite=overwrite) as writer:  # type: ignore[arg-type]
        for _ in range(3):
            writer.write(np.full((8, 8, 3), value, np.uint8), reward=value)


def encoded(job: Path, container: str = "png") -> tuple[JobPaths, Receipt]:
    record(job, 1, container=container)
    encode(job, video="gif")
    paths = JobPaths.of(job)
    receipt = read_receipt(paths.receipt)
    assert receipt is not None
    return paths, receipt


@pytest.mark.parametrize("container", ["png", "tar"])
def test_a_later_recording_with_the_same_manifest_is_another_one(tmp_path: Path, container: str) -> None:
    paths, receipt = encoded(tmp_path / "job", container)
    assert holds_recording_of(receipt, paths)
    manifest = paths.manifest.read_bytes()
    record(paths.directory, 2, container=container, overwrite=True)
    assert paths.manifest.read_bytes() == manifest
    assert not holds_recording_of(receipt, paths)
    shutil.rmtree(paths.directory)
    assert not holds_recording_of(receipt, paths)


def test_a_later_recording_is_another_one_while_it_is_written(tmp_path: Path) -> None:
    paths, receipt = encoded(tmp_path / "job")
    with FrameWriter(paths.directory, fps=10, overwrite=True) as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8))
        assert not holds_recording_of(receipt, paths)
    assert not holds_recording_of(receipt, paths)


def test_a_copy_is_the_same_recording_while_its_frames_have_the_same_bytes(tmp_path: Path) -> None:
    paths, receipt = encoded(tmp_path / "job")
    copied = JobPaths.of(tmp_path / "copy")
    shutil.copytree(paths.directory, copied.directory)
    for path in copied.directory.iterdir():
        os.utime(path, (1, 1))
    assert holds_recording_of(receipt, copied)
    record(tmp_path / "other", 2)
    shutil.copy(tmp_path / "other" / "000002.png", copied.directory)
    assert not holds_recording_of(receipt, copied)


def test_where_the_frames_are_gone_the_manifest_tells(tmp_path: Path) -> None:
    paths, receipt = encoded(tmp_path / "job")
    assert told("clean", paths.directory, "--yes")[0] == 0
    cleaned = read_receipt(paths.receipt)
    assert cleaned is not None and cleaned.frames == "deleted" and not list(paths.directory.glob("*.png"))
    assert holds_recording_of(cleaned, paths) and holds_recording_of(receipt, paths)
    paths.manifest.write_bytes(paths.manifest.read_bytes().replace(b"10", b"12"))
    assert not holds_recording_of(cleaned, paths)


def test_a_clean_that_was_killed_leaves_the_same_recording(tmp_path: Path) -> None:
    paths, receipt = encoded(tmp_path / "job")
    pngs = {path.name: path.stat() for path in paths.directory.glob("*.png")}
    (paths.directory / "000000.png").unlink()
    assert not holds_recording_of(receipt, paths)
    (paths.directory / "frames.deleting.json").write_bytes(encode_record(Deleting.of("0" * 64, pngs)))
    assert holds_recording_of(receipt, paths)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_directory_counts_where_everybody_is_trusted(tmp_path: Path) -> None:
    paths, receipt = encoded(tmp_path / "job")
    os.chown(paths.directory, 12_345, -1)
    assert holds_recording_of(receipt, paths)
    assert not holds_recording_of(receipt, paths, Owners())
