"""Real disks that are small, slow or read-only, and the strictest reader of PNGs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

# Drawing without a display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


def missing(what: str) -> NoReturn:
    """Skip this test, which needs `what`; fail where the whole system is said to be here."""
    if os.environ.get("DADDY_ENCODE_REQUIRE_SYSTEM") == "1":
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a tmpfs with the given options; return where it is."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        path = tmp_path / f"tmpfs-{len(mounted)}"
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
        if done.returncode:
            missing("the right to mount a tmpfs (root)")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        _unmount(path)


@pytest.fixture
def slow_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a folder that takes so many bytes per second; return where it is."""
    mounted: list[Path] = []

    def mount(rate: int) -> Path:
        if shutil.which("bindfs") is None:
            missing("the Debian package bindfs")
        real, path = tmp_path / f"fast-{len(mounted)}", tmp_path / f"slow-{len(mounted)}"
        real.mkdir()
        path.mkdir()
        if subprocess.run(["bindfs", f"--write-rate={rate}", str(real), str(path)], capture_output=True).returncode:
            missing("the right to mount a FUSE file system (root, /dev/fuse)")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        _unmount(path)


@pytest.fixture
def pngcheck() -> Callable[[list[Path]], None]:
    """Assert that pngcheck has nothing to say about these files."""
    if shutil.which("pngcheck") is None:
        missing("the Debian package pngcheck")

    def check(paths: list[Path]) -> None:
        done = subprocess.run(["pngcheck", "-q", *map(str, paths)], capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    return check
