"""Encoders and watchers, killed and failed at their system calls: no video is ever torn, lost or described wrongly."""

from __future__ import annotations

import dataclasses
import pkgutil
import queue
import re
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from daddy_encode import encoding, save_frames_as_png, service
from daddy_encode import spool as spool_package
from daddy_encode.spool.paths import JobPaths, Kind
from tests.conftest import Require
from tests.media import Frames, ffmpeg, moving_square, noise, run_command
from tests.soak.encoders import HANG_SECONDS, Encoders, Ended, Fault, loaded_modules
from tests.soak.points import LASTING, errors, is_possible, kills
from tests.soak.state import (
    Faults,
    Video,
    check_done,
    check_receipt,
    check_videos,
    content,
    files_left,
    videos,
)

# Two: what runs at the same time must not disturb.
LANES = 2
# Of the encoder itself, for each case below, and of the ffmpeg that it runs.
KILLS, ERRORS = 40, 44
FFMPEG_KILLS, FFMPEG_ERRORS = 30, 30
FEW, MANY = moving_square(4, 32, 32), noise(4, 32, 32)


@dataclass(frozen=True)
class Case:
    """A command, and what it finds.

    Attributes:
        name: Of the case.
        arguments: The command; "{spool}", "{out}" and "{tmp}" stand for its folders.
        pictures: The frames: of few colours or of many.
        earlier: The options of an earlier encode, whose videos are there; None: there is none.
        out: Whether the videos are in "{out}".
        ffmpeg: Whether not the encoder is killed and failed but its ffmpeg.
    """

    name: str
    arguments: str
    pictures: Frames = dataclasses.field(default_factory=lambda: FEW)
    earlier: str | None = None
    out: bool = False
    ffmpeg: bool = False


CASES = [
    Case("mp4", "encode {spool}"),
    Case("gif", "encode {spool} --video gif"),
    Case("both", "encode {spool} --video both", MANY),
    Case("force", "encode {spool} --video both --video-fps 25 --force", MANY, earlier="--video both"),
    Case("other-rate", "encode {spool} --video-fps 25", earlier=""),
    Case("more", "encode {spool} --video both", earlier="--video mp4"),
    Case("tmp-dir", "encode {spool} --video both --tmp-dir {tmp}", MANY),
    Case("tmp-force", "encode {spool} --video both --tmp-dir {tmp} --video-fps 25 --force", earlier="--video both"),
    Case("output-dir", "encode {spool} --output-dir {out}", out=True),
    Case("watch", "watch {spool} --once --video both"),
    Case("watch-other-rate", "watch {spool} --once --video-fps 25", earlier=""),
    Case("ffmpeg", "encode {spool} --video both", MANY, ffmpeg=True),
    Case("ffmpeg-watch", "watch {spool} --once --video-fps 25 --video both", FEW, earlier="--video both", ffmpeg=True),
]


class Soak:
    """One case: its spools, one for each point, and what was found."""

    def __init__(self, case: Case, root: Path, faults: Faults) -> None:
        self.case, self.root, self.faults = case, root, faults
        # By the names of their spools.
        self.points: dict[str, Fault] = {}
        # By whether it was a kill.
        self.reached = {True: 0, False: 0}
        for name in ("spool", "out", "tmp"):
            (root / name).mkdir(parents=True)
        template = root / "template"
        save_frames_as_png(case.pictures, template / "job")
        self.frames = content(template / "job")
        self.old: dict[Kind, Video] = {}
        if case.earlier is not None:
            done = run_command("encode", template, *case.earlier.split())
            assert done.returncode == 0, done.stderr
            self.old = videos(JobPaths.of(template / "job"))
        self.right: dict[Kind, Video] = {}

    def command(self, name: str) -> list[str]:
        """The case's command for a spool of its own."""
        shutil.copytree(self.root / "template", self.root / "spool" / name)
        return self._filled(self.case.arguments, self.root / "spool" / name, self.root / "out" / name)

    def _filled(self, arguments: str, spool: Path, out: Path) -> list[str]:
        words = [word.format(spool=spool, out=out, tmp=self.root / "tmp") for word in arguments.split()]
        # Where one was killed before it had written who it is, another waits as long.
        return [*words, "--lease", "3"]

    def paths(self, name: str) -> JobPaths:
        """The names of the job in the spool `name`."""
        output_dir = self.root / "out" / name if self.case.out else None
        return JobPaths.of(self.root / "spool" / name / "job", self.root / "spool" / name, output_dir)

    def learn(self, ended: Ended) -> None:
        """Take from the spool "clean" what is right."""
        assert ended.status == 0, ended.log
        self.right = videos(self.paths("clean"))
        rate = 25 if "--video-fps 25" in self.case.arguments else 30
        assert self.right["mp4" if "mp4" in self.right else "gif"].record.fps == (rate if "mp4" in self.right else 15)

    def check(self, name: str, fault: Fault, ended: Ended) -> None:
        """See what must be true after `fault` in the spool `name`."""
        self.points[name] = fault
        what, paths, faults = f"{name} ({fault})", self.paths(name), self.faults
        if ended.status is None or ended.left:
            faults.stuck.append(f"{what}: {ended.left or 'did not end'}: {ended.log}")
        there = check_videos(what, paths, self.old, self.right, faults)
        receipt = check_receipt(what, paths, there, faults)
        if receipt is not None and receipt.error is not None and fault.error not in LASTING:
            faults.final.append(f"{what}: {receipt.error}")
        if content(paths.directory) != self.frames:
            faults.lost.append(f"{what}: the frames are not what they were")
        if ended.status == 0 and there != self.right:
            faults.lying.append(f"{what}: exit status 0, but not all is done: {ended.log}")
        # A line of its log that cannot be written is no fault of ours.
        said = ended.log.split("--- Logging error ---")[0]
        if ended.status not in (0, 1, 75, None, -9) or "Traceback" in said or "report this" in said:
            faults.crashed.append(f"{what}: status {ended.status}: {ended.log}")

    def mend(self) -> None:
        """Run the command once more over all spools, and see that all is right and nothing is left."""
        command = [sys.executable, "-m", "daddy_encode"]
        arguments = self.case.arguments.replace(" --force", "")
        command += self._filled(arguments, self.root / "spool", self.root / "out")
        done = subprocess.run(command, capture_output=True, text=True, timeout=10 * HANG_SECONDS, check=False)
        if done.returncode != 0:
            self.faults.final.append(f"{self.case.name}, once more: status {done.returncode}: {done.stderr}")
        for name, fault in self.points.items():
            paths = self.paths(name)
            check_done(f"{name} ({fault}), once more", paths, self.right, self.faults)
            folders = {self.root / "spool" / name, self.root / "out" / name if self.case.out else None}
            for folder in filter(None, folders):
                for file in files_left(folder, paths, self.frames, self.right):
                    self.faults.left.append(f"{name} ({fault}): {file}")
        self.faults.left += [f"{self.case.name}: tmp/{path.name}" for path in (self.root / "tmp").iterdir()]


# The ffmpeg of an encoder of which not itself but its ffmpeg is traced, where it encodes.
WRAPPER = """#!/bin/sh
case "$*" in
*pipe:0*) exec {strace} -DDD -f -A -o "$SOAK_CALLS" $SOAK_OPTIONS {ffmpeg} "$@" ;;
esac
exec {ffmpeg} "$@"
"""


class Lanes:
    """A context manager around encoders that run side by side."""

    def __init__(self, strace: str, scratch: Path) -> None:
        self._strace, self._scratch = strace, scratch
        self._stack = ExitStack()
        self._free: queue.SimpleQueue[Encoders] = queue.SimpleQueue()
        self._wrapper = scratch / "traced-ffmpeg"
        self._wrapper.write_text(WRAPPER.format(strace=shlex.quote(strace), ffmpeg=shlex.quote(ffmpeg())))
        self._wrapper.chmod(0o755)

    def __enter__(self) -> Lanes:
        spool = self._scratch / "loading"
        modules: dict[str, None] = {}
        for index, arguments in enumerate((["encode", "--video", "both"], ["watch", "--once"])):
            save_frames_as_png(MANY, spool / str(index) / "job")
            modules.update(dict.fromkeys(loaded_modules(arguments[0], spool / str(index), *arguments[1:])))
        # Some are needed for some frames alone.
        for package in (encoding, service, spool_package):
            found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
            modules.update(dict.fromkeys(module.name for module in found if "__main__" not in module.name))
        for index in range(LANES):
            lane = Encoders(self._strace, list(modules), self._scratch / f"lane-{index}")
            self._free.put(self._stack.enter_context(lane))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, command: list[str], options: list[str], of_ffmpeg: Path | None) -> Ended:
        """A command, traced; `of_ffmpeg`: where to log the calls of its ffmpeg, which is traced instead."""
        lane = self._free.get()
        try:
            if of_ffmpeg is None:
                return lane.run(command, options, {})
            environment = {
                "IMAGEIO_FFMPEG_EXE": str(self._wrapper),
                "SOAK_CALLS": str(of_ffmpeg),
                "SOAK_OPTIONS": " ".join(options),
            }
            ended = lane.run(command, [], environment)
            return dataclasses.replace(ended, calls=of_ffmpeg.read_text() if of_ffmpeg.exists() else "")
        finally:
            self._free.put(lane)


def soak(soaked: Soak, lanes: Lanes, pool: ThreadPoolExecutor) -> None:
    """Run one case at all its points, and once more over all of them."""
    case = soaked.case

    def run(name: str, options: list[str]) -> Ended:
        return lanes.run(soaked.command(name), options, soaked.root / f"{name}.calls" if case.ffmpeg else None)

    def at(index: int, fault: Fault) -> None:
        # Threads take turns as they like: a call that does not come in one run comes in another.
        for again in ("", "-again", "-at-last"):
            name = f"{case.name}-{index}{again}"
            ended = run(name, ["-y", "-e", f"trace={fault.call}", "-e", fault.injection])
            if not is_possible(ended.calls):
                continue
            soaked.check(name, fault, ended)
            if ("killed by SIGKILL" if fault.error is None else "(INJECTED)") in ended.calls:
                soaked.reached[fault.error is None] += 1
                break

    clean = run("clean", ["-y"])
    soaked.learn(clean)
    counts = (FFMPEG_KILLS, FFMPEG_ERRORS) if case.ffmpeg else (KILLS, ERRORS)
    # ffmpeg's own start, which strace makes before it injects anything.
    calls = re.sub(r".* execve\(.*\n", "", clean.calls) if case.ffmpeg else clean.calls
    # A watcher leaves alone what has failed for good.
    faults = kills(calls, counts[0]) + errors(calls, counts[1], lasting="watch" not in case.arguments)
    list(pool.map(at, range(len(faults)), faults))
    soaked.mend()


@pytest.mark.soak
def test_whatever_is_killed_or_fails_no_video_is_wrong(tmp_path: Path, require_program: Require) -> None:
    faults, killed, failed = Faults(), 0, 0
    strace = require_program("strace", "strace")
    with Lanes(strace, tmp_path) as lanes, ThreadPoolExecutor(LANES) as pool:
        for case in CASES:
            soaked = Soak(case, tmp_path / case.name, faults)
            begin = time.monotonic()
            soak(soaked, lanes, pool)
            print(
                f"{case.name}: {soaked.reached[True]} kill points, {soaked.reached[False]} injected errors, "
                f"{time.monotonic() - begin:.0f} s",
                flush=True,
            )
            killed += soaked.reached[True]
            failed += soaked.reached[False]
    print(f"{killed} kill points, {failed} injected errors: {faults}")
    assert not faults.texts(), "\n".join(faults.texts())
    assert killed >= 480
    assert failed >= 520
