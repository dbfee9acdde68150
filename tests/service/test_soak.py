"""A long life in short: one watcher, 2,000 small jobs; at the end it is what it was after 200."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from tests.media import moving_square
from tests.service.spools import Encoder, is_done, temporary_files, until, video_of


def resident_kb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid: int) -> list[str]:
    return subprocess.run(["ps", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True).stdout.splitlines()


@pytest.mark.soak
def test_two_thousand_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    made: dict[Path, int] = {}
    options = ("--interval", "0.5", "--workers", "2", "--on-done", "true")
    with Encoder("watch", spool.parent, *options) as watcher:

        def grow(count: int) -> None:
            """Some at a time, as rollouts come; every twentieth job is a bad one."""
            new = [spool / f"run-{number // 100}" / f"job-{number:04d}" for number in range(len(made), count)]
            for start in range(0, len(new), 50):
                for job in new[start : start + 50]:
                    made[job] = len(made)
                    save_frames_as_png(moving_square(6, 16, 16 + made[job] % 3 * 2), job)
                    if made[job] % 20 == 0:
                        (job / "000000.png").write_bytes(b"")
                watcher.until(lambda: all(map(is_done, made)), "all jobs")
            until(lambda: not children(watcher.pid), "the end of all ffmpegs")
            # Until every job has been seen to be done.
            time.sleep(5)

        grow(200)
        memory, tasks, files = resident_kb(watcher.pid), threads(watcher.pid), descriptors(watcher.pid)
        assert "events on" in watcher.log()
        grow(2000)
        print(f"{memory} kB after 200 jobs, {resident_kb(watcher.pid)} kB after 2,000")
        assert resident_kb(watcher.pid) <= 1.1 * memory
        assert threads(watcher.pid) <= tasks
        assert descriptors(watcher.pid) == files
        assert watcher.stop() == 0
        good = {job: variety for job, variety in made.items() if variety % 20}
        assert len(watcher.lines("INFO saved ")) == len(good)
        assert len(watcher.lines("ERROR")) == len(made) - len(good)
    assert len({video_of(job).read_bytes() for job in good}) == 3
    assert temporary_files(spool) == []
