"""Real disks that are small, slow or read-only, and the strictest reader of PNGs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daddy_encode.dump.worker import process
from tests.conftest import Require, missing

# Drawing without a display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")


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
            missing("mounting a tmpfs needs root")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        _unmount(path)


class SlowDisk:
    """A folder behind a program, bindfs, which takes so many bytes per second, and nothing once it is stopped.

    `path` is where it is mounted, `real` the folder behind, where looking costs nothing.
    """

    def __init__(self, real: Path, path: Path, rate: int) -> None:
        real.mkdir()
        path.mkdir()
        self.real = real
        self.path = path
        self.program = subprocess.Popen(
            ["bindfs", "-f", f"--write-rate={rate}", str(real), str(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not os.path.ismount(path):
            if self.program.poll() is not None:
                missing("bindfs cannot mount: it needs /dev/fuse and root")
            time.sleep(0.01)

    def end(self) -> None:
        self.program.send_signal(signal.SIGCONT)
        _unmount(self.path)
        self.program.wait()


@pytest.fixture
def slow_disk(tmp_path: Path, require_program: Require) -> Iterator[Callable[[int], SlowDisk]]:
    """Mount a folder that takes so many bytes per second."""
    require_program("bindfs", "bindfs")
    disks: list[SlowDisk] = []

    def mount(rate: int) -> SlowDisk:
        number = len(disks)
        disks.append(SlowDisk(tmp_path / f"real-{number}", tmp_path / f"slow-{number}", rate))
        return disks[-1]

    yield mount
    for disk in disks:
        disk.end()


@pytest.fixture(params=["processes", "threads"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Record through each of the two; the second is that of a system where no process can be started."""
    if request.param == "threads":
        monkeypatch.setattr(process, "_impossible", True)
        monkeypatch.setattr(process, "_worker", None)
    return str(request.param)
