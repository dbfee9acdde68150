"""Packers killed and failed at their system calls: no frame is ever without a whole copy, and once more is enough."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.spool.paths import JobPaths
from tests.conftest import Require
from tests.jobs import context, encode
from tests.media import Frames, ffmpeg, moving_square, run_command
from tests.soak.encoders import Encoders, Ended, Fault, loaded_modules
from tests.soak.points import errors, kills

COUNT = 4
# Between two of them nothing has changed that outlasts the process.
CHANGING = {
    "write",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "utimensat",
    "ftruncate",
    "mkdir",
}
CHANGING |= {"openat", "mkdirat", "rmdir"}
FRAMES = moving_square(COUNT, 24, 32)


def frames_of(job: Path) -> dict[str, Frames]:
    """Every frame of which a whole copy is there, loose or packed, as Pillow and ffmpeg read it."""
    found: dict[str, Frames] = {}
    if (job / "frames.json").exists() and (job / "frames.mkv").exists():
        command = [ffmpeg(), "-v", "error", "-i", str(job / "frames.mkv"), "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
        raw = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
        packed = np.frombuffer(raw, np.uint8).reshape(-1, *FRAMES.shape[1:])
        found = {f"{index:06d}.png": frame for index, frame in enumerate(packed)}
    for path in job.glob("[0-9]*.png"):
        with Image.open(path) as image:
            found[path.name] = np.asarray(image)
    return found


class Storm:
    """One command, at many points, each in a job of its own."""

    def __init__(self, root: Path, command: str) -> None:
        self.root, self.command = root, command
        self.faults: list[str] = []
        self.reached = 0
        template = root / "template" / "job"
        save_frames_as_png(FRAMES, template)
        encode(template)
        if "--undo" in command:
            pack_job(JobPaths.of(template), context())
        self.videos = {path.name: path.read_bytes() for path in template.parent.glob("*.mp4")}
        (root / "spool").mkdir()

    def arguments(self, name: str) -> list[str]:
        shutil.copytree(self.root / "template", self.root / "spool" / name)
        return [*self.command.split(), str(self.root / "spool" / name), "--lease", "3"]

    def check(self, name: str, fault: Fault, ended: Ended) -> None:
        job = self.root / "spool" / name / "job"
        what = f"{self.command} {fault}"
        found = frames_of(job)
        if sorted(found) != [f"{index:06d}.png" for index in range(COUNT)]:
            self.faults.append(f"{what}: only {sorted(found)} are there: {ended.log}")
        elif not all(np.array_equal(found[name], FRAMES[index]) for index, name in enumerate(sorted(found))):
            self.faults.append(f"{what}: a frame is another")
        said = ended.log.split("--- Logging error ---")[0]
        if ended.status not in (0, 1, 75, -9) or "Traceback" in said or ended.left:
            self.faults.append(f"{what}: status {ended.status}, left {ended.left}: {ended.log}")

    def mend(self) -> None:
        """Once more over all: what was to be done is, nothing else is left, and every job is done as it was."""
        spool = self.root / "spool"
        # Where one was killed before it had written whose its lease is, the next waits for as long as that lasts.
        end = time.monotonic() + 60
        while (done := run_command(*self.command.split(), spool, "--lease", "3")).returncode == 75:
            assert time.monotonic() < end, done.stderr
        if done.returncode:
            self.faults.append(f"{self.command}, once more: {done.stderr}")
        wanted = {"manifest.json", "rollout.json"}
        wanted |= (
            {f"{index:06d}.png" for index in range(COUNT)}
            if "--undo" in self.command
            else {"frames.json", "frames.mkv"}
        )
        for folder in spool.iterdir():
            there = {path.name for path in (folder / "job").iterdir()}
            if there != wanted:
                self.faults.append(f"{folder.name}: {sorted(there ^ wanted)} are left or lost")
            if {path.name: path.read_bytes() for path in folder.glob("*.mp4")} != self.videos:
                self.faults.append(f"{folder.name}: the video is another")
            beside = {path.name for path in folder.rglob("*") if path.is_file() and path.parent.name != "job"}
            if beside - {"job.mp4", "job.receipt.json"}:
                self.faults.append(f"{folder.name}: {beside} are beside it")
        states = [json.loads(line) for line in run_command("status", spool, "--json").stdout.splitlines()]
        again = run_command("encode", spool, "--json")
        # What was killed before it had written down the directory's new time is looked at once more, and found done.
        if again.returncode or again.stdout or len(states) != len(list(spool.iterdir())):
            self.faults.append(f"encoded once more: {again.stdout} {again.stderr}")


def evenly(points: Callable[[str, int], list[Fault]], calls: str, count: int) -> list[Fault]:
    """`count` of the points, evenly from those at calls that change a file, or flush or open one."""
    number = 1
    while len(found := [fault for fault in points(calls, number) if fault.call in CHANGING]) < count:
        number += count
    return found[:count]


def storm(command: str, root: Path, strace: str, kill_points: int, error_points: int) -> Storm:
    made = Storm(root, command)
    modules = loaded_modules(*made.arguments("loading"))
    with Encoders(strace, modules, root / "lane") as lane, ThreadPoolExecutor(1) as pool:
        clean = lane.run(made.arguments("clean"), ["-y"], {})
        assert clean.status == 0, clean.log

        def at(index: int, fault: Fault) -> None:
            name = f"{index}-{fault.call}"
            ended = lane.run(made.arguments(name), ["-y", "-e", f"trace={fault.call}", "-e", fault.injection], {})
            made.reached += ("killed by SIGKILL" if fault.error is None else "(INJECTED)") in ended.calls
            made.check(name, fault, ended)

        faults = evenly(kills, clean.calls, kill_points) + evenly(errors, clean.calls, error_points)
        list(pool.map(at, range(len(faults)), faults))
    made.mend()
    return made


@pytest.mark.parametrize("command", ["pack", "pack --undo"])
def test_a_packer_that_is_killed_or_failed_loses_no_frame(
    tmp_path: Path, require_program: Require, command: str
) -> None:
    made = storm(command, tmp_path, require_program("strace", "strace"), 6, 6)
    assert not made.faults, "\n".join(made.faults)
    assert made.reached >= 8


@pytest.mark.soak
@pytest.mark.parametrize("command", ["pack", "pack --undo"])
def test_whatever_is_killed_or_fails_no_frame_is_lost(tmp_path: Path, require_program: Require, command: str) -> None:
    made = storm(command, tmp_path, require_program("strace", "strace"), 45, 45)
    print(f"{command}: {made.reached} points")
    assert not made.faults, "\n".join(made.faults)
    assert made.reached >= 70
