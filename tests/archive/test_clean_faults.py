"""Cleaners killed and failed at their system calls: no frame goes without its video, and once more is enough."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.archive.pack.pack import pack_job
from daddy_encode.spool.paths import JobPaths
from tests.conftest import Require
from tests.jobs import context, encode
from tests.media import moving_square, run_command
from tests.soak.encoders import Encoders, Ended, Fault, loaded_modules
from tests.soak.points import calls_in, errors, kills

COUNT = 4
# Between two of these nothing has changed that outlasts the process, nor can anything be refused that matters.
CHANGING = {"write", "fsync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "utimensat", "mkdir", "mkdirat"}
CHANGING |= {"openat", "newfstatat", "getdents64", "ftruncate"}
CAN_FAIL = {
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "rename": ("EIO", "EDQUOT"),
    "renameat": ("EIO", "EDQUOT"),
    "renameat2": ("EIO", "EDQUOT"),
    "unlink": ("EIO", "EACCES"),
    "unlinkat": ("EIO", "EACCES"),
    "openat": ("EIO", "ENOSPC", "EMFILE"),
    "newfstatat": ("EIO",),
}
Item = TypeVar("Item")
STAYS = {"manifest.json", "rollout.json"}


class Storm:
    """A cleaner at many points, each in a spool of its own."""

    def __init__(self, root: Path, container: str, options: tuple[str, ...] = ()) -> None:
        self.root, self.options = root, options
        self.faults: list[str] = []
        self.reached = self.begun = 0
        self.stays = STAYS | ({"kept.tar"} if options else set())
        job = root / "template" / "job"
        frames = moving_square(COUNT, 24, 32)
        if container == "tar":
            save_frames_as_png(frames, job, container="tar")
        else:
            save_frames_as_png(frames, job)
        encode(job)
        if container == "packed":
            pack_job(JobPaths.of(job), context())
        self.frames = {path.name: path.read_bytes() for path in job.iterdir() if path.name not in STAYS}
        self.video = (root / "template" / "job.mp4").read_bytes()
        (root / "spool").mkdir()

    def arguments(self, name: str) -> list[str]:
        shutil.copytree(self.root / "template", self.root / "spool" / name)
        return ["clean", str(self.root / "spool" / name), "--yes", "--workers", "1", "--lease", "1", *self.options]

    def check(self, name: str, fault: Fault, ended: Ended) -> None:
        folder = self.root / "spool" / name
        there = {path.name for path in (folder / "job").iterdir()}
        if (folder / "job.mp4").read_bytes() != self.video:
            self.faults.append(f"{fault}: the video is another")
        receipt = json.loads((folder / "job.receipt.json").read_text())
        if receipt["error"] is not None or len(receipt["outputs"]) != 1:
            self.faults.append(f"{fault}: the receipt says {receipt}")
        gone = self.frames.keys() - there
        self.begun += bool(gone) or "frames.deleting.json" in there
        if gone and "frames.deleting.json" not in there and receipt["frames"] != "deleted":
            self.faults.append(f"{fault}: {sorted(gone)} are gone, and nothing says so: {ended.log}")
        if receipt["frames"] == "deleted" and self.frames.keys() & there:
            self.faults.append(f"{fault}: the receipt says that all are gone, and some are there")
        for frame in self.frames.keys() & there:
            if (folder / "job" / frame).read_bytes() != self.frames[frame]:
                self.faults.append(f"{fault}: {frame} is another")
        said = ended.log.split("--- Logging error ---")[0]
        if ended.status not in (0, 1, 75, -9) or "Traceback" in said or ended.left:
            self.faults.append(f"{fault}: status {ended.status}, left {ended.left}: {ended.log}")

    def mend(self) -> None:
        """No video is made of what is left; once more over all, and every job is clean, and nothing else is left."""
        spool = self.root / "spool"
        seen = run_command("encode", spool, "--gaps", "skip", "--json", "--lease", "1")
        if seen.stdout:
            self.faults.append(f"encoded: {seen.stdout}")
        # Where one was killed before it had written whose its lease is, the next waits for as long as that lasts.
        end = time.monotonic() + 60
        while (done := run_command("clean", spool, "--yes", "--lease", "1", *self.options)).returncode == 75 or (
            " works on it" in done.stderr
        ):
            assert time.monotonic() < end, done.stderr
        if done.returncode:
            self.faults.append(f"once more: {done.stderr}")
        for folder in spool.iterdir():
            there = {path.name for path in (folder / "job").iterdir()}
            if there != self.stays:
                self.faults.append(f"{folder.name}: {sorted(there ^ self.stays)} are left or lost: {done.stderr}")
            if (folder / "job.mp4").read_bytes() != self.video:
                self.faults.append(f"{folder.name}: the video is another")
            if json.loads((folder / "job.receipt.json").read_text())["frames"] != "deleted":
                self.faults.append(f"{folder.name}: the receipt does not say that the frames are deleted")
            beside = {path.name for path in folder.rglob("*") if path.is_file() and path.parent.name != "job"}
            if beside != {"job.mp4", "job.receipt.json"}:
                self.faults.append(f"{folder.name}: {beside} are beside it")
        again = run_command("encode", spool, "--json")
        if again.returncode or again.stdout:
            self.faults.append(f"encoded once more: {again.stdout} {again.stderr}")


def points(calls: str, kill_points: int, error_points: int) -> list[Fault]:
    """Where to kill and to fail: half of the points evenly from all of a clean run, half from where it deletes."""
    match = re.search(r"rename\w*\(.*frames\.deleting\.json", calls)
    assert match is not None, "it is not written down what is to be deleted"
    before = calls[: match.start()]
    number = len(list(calls_in(before)))
    late = [(name, count) for name, count, _ in list(calls_in(calls))[number - 1 :] if name in CHANGING]
    failing = [(name, count, error) for name, count in late if name in CAN_FAIL for error in CAN_FAIL[name]]
    chosen = [Fault(*item, None) for item in _spread(late, kill_points // 2)]
    chosen += [Fault(*item) for item in _spread(failing, error_points // 2)]
    return chosen + kills(calls, kill_points - kill_points // 2) + errors(calls, error_points - error_points // 2)


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    assert len(items) >= count, f"only {len(items)} points, {count} wanted"
    return [items[index * len(items) // count] for index in range(count)]


def storm(made: Storm, strace: str, kill_points: int, error_points: int) -> None:
    modules = loaded_modules(*made.arguments("loading"))
    with Encoders(strace, modules, made.root / "lane") as lane:
        clean = lane.run(made.arguments("clean"), ["-y"], {})
        assert clean.status == 0, clean.log
        for index, fault in enumerate(points(clean.calls, kill_points, error_points)):
            name = f"{index}-{fault.call}"
            ended = lane.run(made.arguments(name), ["-y", "-e", f"trace={fault.call}", "-e", fault.injection], {})
            made.reached += ("killed by SIGKILL" if fault.error is None else "(INJECTED)") in ended.calls
            made.check(name, fault, ended)
    assert made.begun > kill_points // 4, "too few points are where something is deleted"
    made.mend()


def test_a_cleaner_that_is_killed_or_failed_is_ended_by_the_next(tmp_path: Path, require_program: Require) -> None:
    made = Storm(tmp_path, "png")
    storm(made, require_program("strace", "strace"), 8, 8)
    assert not made.faults, "\n".join(made.faults)
    assert made.reached >= 11


@pytest.mark.soak
@pytest.mark.parametrize(
    ("container", "options"), [("png", ()), ("tar", ()), ("packed", ()), ("png", ("--keep-every", "2"))]
)
def test_whatever_is_killed_or_fails_no_frame_goes_without_its_video(
    tmp_path: Path, require_program: Require, container: str, options: tuple[str, ...]
) -> None:
    made = Storm(tmp_path, container, options)
    storm(made, require_program("strace", "strace"), 20, 20)
    print(f"{container}: {made.reached} points")
    assert not made.faults, "\n".join(made.faults)
    assert made.reached >= 28
