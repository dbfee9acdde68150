"""The walk through a spool: what is entered, in which order, and what is beside the outputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.walk import SpoolDirectory, list_directory, mtime_ns, walk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two runs with a job each, one job inside a job, and what should not be entered."""
    root = tmp_path / "spool"
    for name in ("run-2/job", "run-1/job/inner", "run-1/.hidden/job", "run-1/job/000002.png"):
        (root / name).mkdir(parents=True)
    for job in (root / "run-2/job", root / "run-1/job", root / "run-1/job/inner", root / "run-1/.hidden/job"):
        (job / "000000.png").touch()
    (root / "run-1" / "link").symlink_to(root / "run-2")
    return root


def entered(root: Path, visit: Callable[[SpoolDirectory], Any]) -> list[str]:
    """The paths, relative to `root`, that a walk comes to when `visit` is called with each."""
    found = []
    for directory in walk(root):
        found.append(str(directory.relative))
        visit(directory)
    return found


def test_what_is_listed_is_entered_in_order_but_not_hidden_directories_nor_links(tree: Path) -> None:
    assert entered(tree, SpoolDirectory.list) == [".", "run-1", "run-1/job", "run-1/job/inner", "run-2", "run-2/job"]


def test_what_is_not_listed_is_not_entered_and_what_is_remembered_is(tree: Path) -> None:
    assert entered(tree, lambda directory: None) == ["."]
    assert entered(tree, lambda directory: directory.enter(("run-2",) if directory.is_root else ())) == [".", "run-2"]


def test_a_listing_counts_numbered_pngs_and_says_what_is_a_job(tree: Path) -> None:
    job = list_directory(tree / "run-1" / "job")
    assert (job.frames, job.subdirectories, job.is_job, job.has_manifest) == (2, ("inner",), True, False)
    (tree / "notes").mkdir()
    (tree / "notes" / "poster.png").touch()
    notes = list_directory(tree / "notes")
    assert notes.names == frozenset({"poster.png"}) and not notes.is_job
    (tree / "notes" / "manifest.json").touch()
    assert list_directory(tree / "notes").is_job


def test_a_root_that_is_a_link_is_entered_under_its_own_name(tree: Path, tmp_path: Path) -> None:
    os.utime(tree / "run-2", (5, 5))
    (tmp_path / "link").symlink_to(tree / "run-2")
    assert entered(tmp_path / "link", SpoolDirectory.list) == [".", "job"]
    root = next(walk(tmp_path / "link"))
    assert root.path == str(tmp_path / "link")
    assert root.mtime_ns() == mtime_ns(tree / "run-2") != mtime_ns(tmp_path / "link")
    assert root.mtime_ns() == mtime_ns(tmp_path / "link", follow_symlinks=True)


def test_a_directory_that_cannot_be_listed_is_an_error_of_its_own_and_the_others_follow(tree: Path) -> None:
    failed = []
    for directory in walk(tree):
        if directory.name == "run-1":
            os.rename(directory.path, f"{directory.path}-gone")
        try:
            directory.list()
        except OSError:
            failed.append(str(directory.relative))
    assert failed == ["run-1"]
    assert mtime_ns(tree / "run-1") is None


@pytest.mark.parametrize("output_dir", [False, True])
def test_what_is_beside_the_outputs_is_listed_once_for_all_jobs_of_a_directory(
    tree: Path, tmp_path: Path, output_dir: bool
) -> None:
    videos = tmp_path / "videos" if output_dir else None
    (tree / "run-1" / "other").mkdir()
    for name in ("run-1/job", "run-2/job"):
        paths = JobPaths.of(tree / name, tree, videos)
        (paths.base.parent / ".daddy-encode").mkdir(parents=True)
        paths.output("mp4").touch()
    (JobPaths.of(tree / "run-1/job", tree, videos).base.parent / ".daddy-encode" / "other.lease").touch()
    seen = {}
    for directory in walk(tree, videos):
        seen[str(directory.relative)] = directory.outputs
        directory.list()
    assert seen["."].names is None
    assert seen["run-1/job"] is seen["run-1/other"]
    assert seen["run-1/job"].claimed == {"other"}
    assert "job.mp4" in (seen["run-1/job"].names or ())
    assert seen["run-2/job"].claimed == set()
    assert "job.mp4" in (seen["run-2/job"].names or ())
    if output_dir:
        assert seen["run-1/job/inner"].names == set(), "there is no such directory yet"


def test_nothing_is_known_beside_the_outputs_in_a_directory_that_was_not_listed_now(tree: Path) -> None:
    for directory in walk(tree):
        directory.list()
        directory.enter(("run-1",) if directory.is_root else ())
        assert directory.outputs.names is None
