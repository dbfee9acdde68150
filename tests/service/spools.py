"""Spools to encode, encoders to do it as processes of their own, and what must be true at the end."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from daddy_encode import save_frames_as_png
from tests.jobs import encode
from tests.media import Frames, leftovers, moving_square

# For hangs only: nothing here measures.
TIMEOUT = 120.0

WITH_PAUSE = """
from daddy_encode.cli.main import main
from daddy_encode.service.workers import attempt_job
from daddy_encode.service.watcher import tracked_job
tracked_job.FIRST_PAUSE_SECONDS = {}
attempt_job.SIGNAL_SECONDS = {}
main()
"""


def write_job(directory: Path, variety: int = 0) -> Path:
    """A small job in `directory`, one of several that differ in length and picture."""
    save_frames_as_png(pictures(variety), directory)
    return directory


def write_sequences(directory: Path, *names: str) -> None:
    """A directory with a sequence of frames of each name: `rgb_000000.png` and so on."""
    directory.mkdir(parents=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            save_frames_as_png(moving_square(4), Path(folder, name))
            for path in Path(folder, name).glob("*.png"):
                shutil.move(path, directory / f"{name}_{path.name}")


def pictures(variety: int) -> Frames:
    return moving_square(4 + variety % 5, 32, 48 + 2 * (variety % 3))


@functools.cache
def right_bytes(variety: int) -> bytes:
    """The MP4 that a job of `variety` becomes, whoever encodes it."""
    with tempfile.TemporaryDirectory() as name:
        encode(write_job(Path(name) / "job", variety))
        return (Path(name) / "job.mp4").read_bytes()


def video_of(job: Path) -> Path:
    return job.parent / f"{job.name}.mp4"


def receipt_of(job: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((job.parent / f"{job.name}.receipt.json").read_text())
    return read


def is_done(job: Path) -> bool:
    """Whether a job has its receipt, the last thing that is written."""
    return (job.parent / f"{job.name}.receipt.json").exists()


def assert_right(jobs: dict[Path, int]) -> None:
    """Each job (with its variety) has the one right video and a receipt for it."""
    for job, variety in jobs.items():
        video = video_of(job).read_bytes()
        assert video == right_bytes(variety), job
        receipt = receipt_of(job)
        assert receipt["error"] is None, job
        assert receipt["outputs"][0]["sha256"] == hashlib.sha256(video).hexdigest()  # type: ignore[index]


def temporary_files(root: Path) -> list[str]:
    """Temporary files and leases below `root`: what encoders that have ended must not leave."""
    return leftovers(root) + [str(path) for path in root.rglob(".daddy-encode/*")]


def until(condition: Callable[[], object], what: str, seconds: float = TIMEOUT) -> None:
    """Wait until `condition` holds; fail with `what` where it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


class Encoder:
    """A context manager around `daddy-encode` with `arguments`, as a process; killed at the end if it still runs.

    It has two workers on every machine, so threads of this one process, unless `arguments` say otherwise.

    `first_pause`: seconds before it tries again where something was in the way, instead of 5; `signal_seconds`: those
    in which a signal may explain why ffmpeg failed; `own_group`: whether it has a process group, of its own number.
    """

    def __init__(
        self,
        *arguments: str | Path,
        environment: dict[str, str] | None = None,
        first_pause: float | None = None,
        signal_seconds: float = 1.0,
        own_group: bool = False,
    ) -> None:
        program = ["-m", "daddy_encode"]
        if first_pause is not None:
            program = ["-c", WITH_PAUSE.format(first_pause, signal_seconds)]
        self._log = tempfile.NamedTemporaryFile("w+", suffix=".log")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={**os.environ, "DADDY_ENCODE_WORKERS": "2", **(environment or {})},
            start_new_session=own_group,
        )

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return Path(self._log.name).read_text()

    def lines(self, words: str) -> list[str]:
        """The lines of the log that hold `words`."""
        return [line for line in self.log().splitlines() if words in line]

    def wait(self) -> int:
        """Its exit status."""
        return self.process.wait(TIMEOUT)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds, as long as the process runs; its log is in the failure."""

        def holds() -> object:
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"ended with {self.process.returncode} before: {what}\n{self.log()}")
            return condition()

        try:
            until(holds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def until_said(self, words: str) -> None:
        self.until(lambda: words in self.log(), words)

    def until_done(self, jobs: Iterable[Path]) -> None:
        self.until(lambda: all(map(is_done, jobs)), "all jobs are done")


def ffmpegs_below(pid: int) -> list[int]:
    """The ffmpegs that `pid` has started, that encode, and still run."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in children if encodes(Path("/proc", str(child)))]


def encodes(process: Path) -> bool:
    """Whether a process is an ffmpeg that encodes and is registered: right after that its memory is limited."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        limits = (process / "limits").read_text()
        is_registered = re.search(r"^Max data size +\d", limits, re.MULTILINE) is not None
        return is_registered and b"pipe:0" in (process / "cmdline").read_bytes()
    return False


def write_long_job(directory: Path, frames: int = 250, height: int = 240, width: int = 320) -> Path:
    """A job that takes a second or more with a slow preset."""
    save_frames_as_png(moving_square(frames, height, width), directory)
    return directory
