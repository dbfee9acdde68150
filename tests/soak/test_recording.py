"""Rollouts and their worker processes, killed or failed at their system calls: nothing wrong, cut, untrue or left."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import UnidentifiedImageError

from daddy_encode.spool.png.pixels import Pixels
from tests.conftest import Require
from tests.dump.reading import assert_same, frame_files, manifest_of, with_pillow
from tests.media import noise
from tests.service.spools import until
from tests.soak.encoders import Fault
from tests.soak.points import calls_in

HANG_SECONDS = 90
FRAMES = 12
# Of each, kills and errors.
POINTS = 132
# In the environment of all that a rollout starts: by it, what is left of one is found.
MARK = "SOAK_OF_DADDY_ENCODE_RECORDING"

# Forks rollouts, each of which stops twice: to be traced itself, and for its worker to be traced.
SERVER = """
import json, os, signal, sys, warnings
from daddy_encode.dump import FrameWriter
from daddy_encode.dump.worker import process
from daddy_encode.errors import DaddyEncodeError
import subprocess, ctypes, multiprocessing.util, daddy_encode.spool.recording.tar_store
from tests.media import noise
frames = noise(12, 40, 30)
warnings.simplefilter("ignore")
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ["SOAK_OF_DADDY_ENCODE_RECORDING"] = asked["mark"]
        said = os.open(asked["said"], os.O_RDWR | os.O_CREAT)
        # By a call that is not among those that fail.
        say = lambda text: os.pwritev(said, [text.encode()], os.lseek(said, 0, os.SEEK_END))
        os.dup2(os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        if asked["whom"] == "worker":
            say(f"{process.worker()._process.pid}\\n")
        os.kill(os.getpid(), signal.SIGSTOP)
        code = 0
        try:
            options = {"processes": asked["whom"] != "threads", "container": asked["container"]}
            with FrameWriter(asked["directory"], meta={"seed": 3}, **options) as writer:
                for index, frame in enumerate(frames):
                    writer.write(frame, index=index, text="x" * (40_000 if index == 5 else 10))
            say("done\\n")
        except DaddyEncodeError as error:
            say(f"{error}\\n")
        except MemoryError:
            say("no memory\\n")
        except BaseException as error:
            say(f"BAD {type(error).__name__}: {error}\\n")
            code = 1
        sys.exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

FAULTS = {
    "openat": ("EMFILE", "ENOSPC", "EIO", "ENFILE", "ENOMEM"),
    "write": ("ENOSPC", "EDQUOT", "EIO"),
    "pwrite64": ("ENOSPC", "EDQUOT", "EIO"),
    "close": ("EDQUOT", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "rename": ("EDQUOT", "EIO"),
    "mkdir": ("ENOSPC", "EDQUOT"),
    "statfs": ("EIO", "ESTALE"),
    "newfstatat": ("EIO",),
    "mmap": ("ENOMEM",),
    "memfd_create": ("EMFILE", "ENOMEM", "EPERM", "ENOSYS"),
    "ftruncate": ("EFBIG", "EIO"),
    "socketpair": ("EMFILE", "ENFILE"),
    "pipe2": ("EMFILE",),
    "sendto": ("ENOBUFS", "ENOMEM"),
    "sendmsg": ("ENOMEM", "ETOOMANYREFS"),
    "recvmsg": ("ENOMEM",),
    "recvfrom": ("ENOMEM",),
    "poll": ("ENOMEM",),
    "clone": ("EAGAIN",),
    "clone3": ("EAGAIN",),
    "vfork": ("EAGAIN", "ENOMEM"),
    "unlink": ("EIO",),
}
# Nothing outside the process has changed since the call before.
DULL = {
    "futex",
    "rt_sigaction",
    "rt_sigprocmask",
    "munmap",
    "mprotect",
    "madvise",
    "clock_nanosleep",
    "gettid",
    "getpid",
    "brk",
}
PROGRAMS = ("/usr/", "/proc/", "/dev/", "/etc/", "/sys/")


@dataclass(frozen=True)
class Point:
    """A fault, and in whom: the "worker", the "rollout" beside one, or a rollout with "threads"."""

    whom: str
    fault: Fault


class Rollouts:
    """Starts rollouts, one at a time, and looks at what they leave."""

    def __init__(self, folder: Path, strace: str, container: str) -> None:
        self._folder, self._strace, self._container = folder, strace, container
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._frames = list(noise(FRAMES, 40, 30))

    def end(self) -> None:
        self._server.kill()
        self._server.communicate()

    def run(self, whom: str, options: list[str]) -> tuple[Path, str, str]:
        """Let one record, traced: its directory, what it said in the end ("" where it was killed), strace's log."""
        self._count += 1
        directory, said, log, calls, told = (
            self._folder / f"{self._count:04}-{name}" for name in ("job", "said", "log", "calls", "told")
        )
        mark = f"{os.getpid()}-{self._count}"
        asked = {"directory": str(directory), "said": str(said), "log": str(log), "mark": mark, "whom": whom}
        asked["container"] = self._container
        stdin, stdout = self._server.stdin, self._server.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(asked) + "\n")
        stdin.flush()
        child = int(stdout.readline())
        until(lambda: state_of(child) == "T", "the rollout's stop", HANG_SECONDS)
        traced = child if whom != "worker" else int(said.read_text())
        command = [self._strace, "-f", "-y", "-b", "execve", "-o", str(calls), *options, "-p", str(traced)]
        with told.open("w") as stream, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stream) as tracer:
            until(lambda: "attached" in told.read_text(), "strace", HANG_SECONDS)
            os.kill(child, signal.SIGCONT)
            alarm = subprocess.Popen(["sh", "-c", f"sleep {HANG_SECONDS}; kill -9 {child}"], start_new_session=True)
            status = int(stdout.readline())
            if not (stuck := alarm.poll() is not None):
                os.killpg(alarm.pid, signal.SIGKILL)
                alarm.wait()
            assert not stuck, f"stuck: {options}"
            until(lambda: not marked(mark), f"the end of all that was started: {options}", HANG_SECONDS)
            tracer.wait(HANG_SECONDS)
        words = said.read_text().splitlines()[whom == "worker" :]
        assert status in (0, -signal.SIGKILL), (options, status, words, log.read_text())
        return directory, words[0] if words else "", calls.read_text()

    def check(self, point: Point | None, directory: Path, said: str) -> None:
        """Assert that what is in `directory` is right, and that its manifest and the rollout say what is there."""
        killed = point is not None and point.fault.error is None and point.whom != "worker"
        assert said or killed
        if not directory.exists():
            assert said != "done"
            return
        files = self._frames_in(directory)
        assert [name for name, _ in files] == [f"{index:06d}.png" for index in range(len(files))]
        manifest: dict[str, Any] | None = None
        if (directory / "manifest.json").exists():
            manifest = manifest_of(directory)
            assert manifest["frames"] == len(files)
            assert manifest["complete"] == (len(files) == FRAMES and manifest["error"] is None)
            # It may be there, and yet nobody knows whether it is on the platter.
            assert not manifest["complete"] or killed or said == "done" or "manifest.json" in said, said
        assert said != "done" or (manifest is not None and manifest["complete"])
        if manifest is None and killed and point is not None and point.whom == "threads" and files:
            # The process that was killed was the one that wrote: of the last frame a part may be there.
            try:
                picture_of(files[-1][1])
            except (UnidentifiedImageError, OSError, SyntaxError):
                files.pop()
        assert_same([picture_of(data) for _, data in files], self._frames[: len(files)])
        if (directory / "annotations.jsonl").exists():
            text = (directory / "annotations.jsonl").read_text()
            lines = [json.loads(line) for line in text.splitlines()] if text.endswith("\n") or manifest else []
            assert [line["index"] for line in lines] == list(range(len(lines)))
            assert len(lines) <= FRAMES
        names = (
            set(os.listdir(directory))
            - {path.name for path in frame_files(directory)}
            - {"manifest.json", "annotations.jsonl", "rollout.json"}
            - ({"frames.tar"} if self._container == "tar" else set())
        )
        # The next encoder sweeps the temporary manifest of a process that was killed.
        assert not [name for name in names if not (name.endswith(".tmp") and point is not None)], names

    def _frames_in(self, directory: Path) -> list[tuple[str, bytes]]:
        """The name and the bytes of each frame; of an archive those that are whole."""
        if self._container == "png":
            return [(path.name, path.read_bytes()) for path in frame_files(directory)]
        found: list[tuple[str, bytes]] = []
        if (directory / "frames.tar").exists() and (directory / "frames.tar").stat().st_size:
            try:
                with tarfile.open(directory / "frames.tar") as archive:
                    for member in archive:
                        stream = archive.extractfile(member)
                        assert stream is not None
                        found.append((member.name, stream.read()))
            except tarfile.ReadError:
                assert not (directory / "manifest.json").exists(), "an archive that is cut off"
        return found


def picture_of(data: bytes) -> Pixels:
    return with_pillow(io.BytesIO(data))


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def marked(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"{MARK}={mark}\0".encode() in (process / "environ").read_bytes() + b"\0":
                found.append((process / "cmdline").read_text())
        except OSError:
            pass
    return found


def can_fail(name: str, arguments: str) -> bool:
    """Whether a disk, or a lack, can give an error here: not where a pipe or a part of Python is closed or read."""
    if name in ("close", "write"):
        path = re.match(r"\d+<([^>]*)>", arguments)
        return path is not None and path[1].startswith("/") and not path[1].startswith(PROGRAMS)
    return not any(f'"{start}' in arguments for start in PROGRAMS)


def evenly(points: list[Point], count: int) -> list[Point]:
    return [points[index * len(points) // count] for index in range(min(count, len(points)))]


@pytest.mark.soak
@pytest.mark.parametrize(("container", "most"), [("png", POINTS), ("tar", POINTS // 3)])
def test_no_recording_is_wrong_cut_untrue_or_stuck_however_its_processes_fail(
    container: str, most: int, tmp_path: Path, require_program: Require
) -> None:
    rollouts = Rollouts(tmp_path, require_program("strace", "strace"), container)
    try:
        points: list[Point] = []
        done = {True: 0, False: 0}
        for whom in ("worker", "rollout", "threads"):
            directory, said, log = rollouts.run(whom, [])
            rollouts.check(None, directory, said)
            assert said == "done"
            called = list(calls_in(log, without="EAGAIN"))
            kills = [Point(whom, Fault(name, number, None)) for name, number, _ in called if name not in DULL]
            kinds = {name: itertools.cycle(errors) for name, errors in FAULTS.items()}
            errors = [
                Point(whom, Fault(name, number, next(kinds[name])))
                for name, number, arguments in called
                if name in kinds and can_fail(name, arguments)
            ]
            points += evenly(kills, most // 3) + evenly(errors, most // 3)
        for point in points:
            try:
                fault = point.fault
                directory, said, log = rollouts.run(point.whom, ["-e", f"trace={fault.call}", "-e", fault.injection])
                rollouts.check(point, directory, said)
                # A thread that looks often makes more calls one time and fewer another.
                done[point.fault.error is None] += "INJECTED" in log or "killed by SIGKILL" in log
            except AssertionError as error:
                raise AssertionError(f"{point}: {error}") from error
        print(f"\nrecording: {done[True]} kill points, {done[False]} injected errors: nothing wrong")
        assert min(done.values()) >= most * 3 // 4
    finally:
        rollouts.end()


@pytest.mark.soak
@pytest.mark.parametrize("whom", ["rollout", "threads"])
def test_nobody_waits_for_a_thread_that_has_no_memory_to_begin(
    whom: str, tmp_path: Path, require_program: Require
) -> None:
    rollouts = Rollouts(tmp_path, require_program("strace", "strace"), "png")
    try:
        # Of each thread the first one fails. Whether that is in its begin, or later, is chance.
        fault = Fault("mmap", 1, "ENOMEM")
        for _ in range(60):
            directory, said, log = rollouts.run(whom, ["-e", "trace=mmap", "-e", fault.injection])
            assert "INJECTED" in log
            rollouts.check(Point(whom, fault), directory, said)
    finally:
        rollouts.end()
