"""File system events: they wake the watcher for a manifest or a directory, and only for those."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.settings import make_settings
from daddy_encode.service.watcher.events import file_system, is_network, start_events
from daddy_encode.service.watcher.scanner import Scanner
from tests.conftest import missing
from tests.jobs import encode
from tests.media import run_command
from tests.service.spools import assert_right, pictures, write_job

MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /scratch rw,relatime shared:5 - nfs4 server:/scratch rw,vers=4.2
31 30 0:26 / /scratch/local\040disk rw - xfs /dev/sdb rw
32 22 0:27 / /home rw - autofs systemd-1 rw
33 32 0:28 / /home rw - lustre 10.0.0.1@tcp:/home rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/", "ext4", False),
        ("/data/run", "ext4", False),
        ("/scratch", "nfs4", True),
        ("/scratch/run-17", "nfs4", True),
        ("/scratchy", "ext4", False),
        ("/scratch/local disk/run", "xfs", False),
        ("/home/me", "lustre", True),
    ],
)
def test_the_file_system_of_a_path_is_known(path: str, kind: str, network: bool) -> None:
    assert file_system(Path(path), MOUNTS.strip()) == kind
    assert is_network(kind) is network


def test_an_unknown_file_system_and_every_kind_of_fuse_count_as_network() -> None:
    assert is_network("") and is_network("fuse.sshfs") and is_network("beegfs_nodev")
    assert not is_network("tmpfs") and not is_network("overlay") and not is_network("btrfs")


class EventProbe:
    """A scanner with events, as a watcher has them."""

    def __init__(self, root: Path) -> None:
        events = start_events(root)
        assert events is not None
        self._events = events
        self._scanner = Scanner(root, make_settings(), events=events)
        self._scanner.scan()

    def close(self) -> None:
        self._events.close()

    def has_event(self, seconds: float = 30.0) -> bool:
        """Whether any event came, in good time."""
        return bool(select.select([self._events.descriptor], [], [], seconds)[0])

    def wakes(self, seconds: float = 30.0) -> bool:
        """Whether an event came that asks for a scan, in good time; the scan is made anyhow."""
        found = False
        while not found and self.has_event(seconds):
            found = self._events.read()
        # What else belongs to the same change: the kernel has an event ready before the call that makes it returns.
        while self.has_event(0):
            self._events.read()
        self._scanner.scan()
        return found

    def scan(self) -> None:
        self._scanner.scan()

    def watched(self) -> int:
        """How many directories the kernel watches for it."""
        return Path(f"/proc/self/fdinfo/{self._events.descriptor}").read_text().count("inotify wd:")


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[EventProbe]:
    made = EventProbe(tmp_path)
    yield made
    made.close()


def publish_manifest(job: Path, text: bytes) -> None:
    (job / "temp").write_bytes(text)
    (job / "temp").rename(job / "manifest.json")


def test_a_manifest_wakes_and_so_does_a_tree_that_is_moved(tmp_path: Path, probe: EventProbe) -> None:
    (tmp_path / "new").mkdir()
    assert probe.wakes()
    job = write_job(tmp_path / "new" / "deep" / "job")
    assert probe.wakes()
    text = (job / "manifest.json").read_bytes()
    # In a directory that was there before the last scan, and in one that has got another name since.
    publish_manifest(job, text)
    assert probe.wakes()
    (tmp_path / "new").rename(tmp_path / "newer")
    assert probe.wakes()
    publish_manifest(tmp_path / "newer" / "deep" / "job", text)
    assert probe.wakes()


def test_a_tree_from_outside_wakes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, probe: EventProbe) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write_job(outside / "run" / "job")
    (outside / "run").rename(tmp_path / "run")
    assert probe.wakes()


def test_frames_and_videos_do_not_wake_and_frames_of_a_known_job_are_no_event_at_all(
    tmp_path: Path, probe: EventProbe
) -> None:
    (tmp_path / "job").mkdir()
    assert probe.wakes()
    for index in range(50):
        (tmp_path / "job" / f"{index:06d}.png").write_bytes(b"frame")
    (tmp_path / ".daddy-encode-x.tmp").write_bytes(b"video")
    (tmp_path / ".daddy-encode-x.tmp").rename(tmp_path / "job.mp4")
    (tmp_path / ".daddy-encode").mkdir()
    assert not probe.wakes(0.1)
    for index in range(50, 100):
        (tmp_path / "job" / f"{index:06d}.png").write_bytes(b"frame")
    assert not probe.has_event(0.1)


def test_finished_jobs_are_not_watched_and_one_that_is_written_again_is(tmp_path: Path, probe: EventProbe) -> None:
    jobs = [write_job(tmp_path / "run" / f"job-{index}") for index in range(5)]
    assert probe.wakes()
    assert probe.watched() == 2 + 5, "the root, the run, its jobs"
    for job in jobs:
        encode(job)
    probe.scan()
    probe.scan()
    assert probe.watched() == 2
    again = EventProbe(tmp_path)
    assert again.watched() == 2, "nor by one that finds them finished"
    again.close()
    write_job(tmp_path / "run" / "other").rename(jobs[0] / "inner")
    save_frames_as_png(pictures(1), jobs[1], overwrite=True)
    probe.scan()
    assert probe.watched() == 2 + 3, "two have changed, and a third is in one of them"
    text = (jobs[1] / "manifest.json").read_bytes()
    publish_manifest(jobs[1], text)
    assert probe.wakes()


def test_directories_that_go_leave_no_watch(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, probe: EventProbe
) -> None:
    for name in ("removed", "moved", "renamed"):
        (tmp_path / name / "deep").mkdir(parents=True)
    assert probe.wakes()
    assert probe.watched() == 1 + 6
    shutil.rmtree(tmp_path / "removed")
    (tmp_path / "moved").rename(tmp_path_factory.mktemp("outside") / "moved")
    (tmp_path / "renamed").rename(tmp_path / "another")
    probe.scan()
    assert probe.watched() == 1 + 2
    write_job(tmp_path / "another" / "deep" / "job")
    assert probe.wakes()


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("max_inotify_instances 0", "no file system events for"),
        ("max_inotify_watches 3", "file system events for 3 directories only"),
    ],
)
def test_a_system_that_allows_few_watches_is_said_in_one_line_and_scans_do_it_all(
    tmp_path: Path, limit: str, words: str
) -> None:
    jobs = [write_job(tmp_path / "spool" / f"job-{index}") for index in range(5)]
    name, number = limit.split()
    command = (
        f"echo {number} > /proc/sys/user/{name} || exit 99; "
        f"exec {sys.executable} -m daddy_encode watch {tmp_path / 'spool'} --interval 0.1 --idle-exit 0.3"
    )
    told = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", command], capture_output=True, text=True, check=False
    )
    if told.returncode == 99 or "unshare" in told.stderr:
        missing("no user namespace can be made here, or its limits cannot be set")
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("WARNING") == 1
    assert words in told.stderr
    assert told.stderr.count("INFO saved") == len(jobs)


def test_a_watchdog_that_has_changed_is_said_in_one_line_and_scans_do_it_all(tmp_path: Path) -> None:
    # A release of the future, which has inotify_init alone.
    package = tmp_path / "future" / "watchdog" / "observers"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "inotify_c.py").write_text("import ctypes; inotify_init = ctypes.CDLL(None).inotify_init")
    job = write_job(tmp_path / "spool" / "job")
    told = run_command(
        *("watch", tmp_path / "spool", "--interval", "0.1", "--idle-exit", "0.1"),
        env={**os.environ, "PYTHONPATH": str(tmp_path / "future")},
    )
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("WARNING") == 1
    assert f"no file system events for {tmp_path / 'spool'}: " in told.stderr
    assert_right({job: 0})
