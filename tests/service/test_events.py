"""File system events: they wake the watcher for a manifest or a directory, and only for those."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daddy_encode.service.events import file_system, is_network, start_events
from tests.conftest import missing
from tests.service.spools import write_job

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


@pytest.fixture
def woken(tmp_path: Path) -> Iterator[threading.Event]:
    event = threading.Event()
    stop = start_events(tmp_path, event.set)
    assert stop is not None
    yield event
    stop()
    assert [thread for thread in threading.enumerate() if thread is not threading.main_thread()] == []


def came(event: threading.Event) -> bool:
    """Whether it was set, in good time; it is cleared."""
    found = event.wait(30)
    # What else belongs to the same change comes with it.
    time.sleep(0.3)
    event.clear()
    return found


def test_a_manifest_wakes_and_so_does_a_tree_that_is_moved_in(tmp_path: Path, woken: threading.Event) -> None:
    (tmp_path / "new").mkdir()
    assert came(woken)
    write_job(tmp_path / "new" / "deep" / "job")
    assert came(woken)
    # In a directory made a moment ago, and in one that was there before.
    text = (tmp_path / "new" / "deep" / "job" / "manifest.json").read_bytes()
    temp = tmp_path / "new" / "deep" / "job" / "temp"
    temp.write_bytes(text)
    temp.rename(temp.with_name("manifest.json"))
    assert came(woken)
    (tmp_path / "new").rename(tmp_path / "newer")
    assert came(woken)
    temp = tmp_path / "newer" / "deep" / "job" / "temp"
    temp.write_bytes(text)
    temp.rename(temp.with_name("manifest.json"))
    assert came(woken)


def test_a_tree_from_outside_wakes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write_job(outside / "run" / "job")
    event = threading.Event()
    stop = start_events(tmp_path, event.set)
    assert stop is not None
    (outside / "run").rename(tmp_path / "run")
    assert came(event)
    stop()


def test_frames_and_videos_do_not_wake(tmp_path: Path, woken: threading.Event) -> None:
    for index in range(50):
        (tmp_path / f"{index:06d}.png").write_bytes(b"frame")
    (tmp_path / ".daddy-encode-x.tmp").write_bytes(b"video")
    (tmp_path / ".daddy-encode-x.tmp").rename(tmp_path / "job.mp4")
    time.sleep(1)
    assert not woken.is_set()


def test_a_system_that_allows_no_watches_is_said_in_one_line_and_scans_do_it_all(tmp_path: Path) -> None:
    write_job(tmp_path / "spool" / "job")
    command = (
        "echo 0 > /proc/sys/user/max_inotify_instances || exit 99; "
        f"exec {sys.executable} -m daddy_encode watch {tmp_path / 'spool'} --idle-exit 1"
    )
    told = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", command], capture_output=True, text=True, check=False
    )
    if told.returncode == 99 or "unshare" in told.stderr:
        missing("no user namespace can be made here, or its limits cannot be set")
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("WARNING") == 1
    assert "no file system events for" in told.stderr
    assert "INFO saved" in told.stderr
