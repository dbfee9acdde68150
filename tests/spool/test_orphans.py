"""Temporary files that nobody will finish: removed by whoever may know that, and no others."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daddy_encode.errors import TransientError
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.orphans import is_dead, remove_abandoned, remove_dead, remove_orphans, temp_name
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import publish, temp_file
from tests.media import leftovers

NAME = "from daddy_encode.spool.orphans import temp_name; print(temp_name({!r}), flush=True); input()"


class Maker:
    """A process that has named a temporary file for `owner`, made in `directory`; it ends with its block."""

    def __init__(self, directory: Path, owner: str = "") -> None:
        command = [sys.executable, "-c", NAME.format(owner)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.path = directory / self._process.stdout.readline().strip()
        self.path.touch()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def elsewhere(owner: str = "") -> str:
    """A name that a process on another machine gives."""
    return re.sub(r"-[0-9a-f]{8}(-\d+-[0-9a-f]{12}\.tmp)", r"-00000000\1", temp_name(owner))


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "scratch").mkdir()
    yield tmp_path / "scratch"


def test_a_file_is_dead_when_its_process_is_gone(scratch: Path) -> None:
    with Maker(scratch) as path:
        assert not is_dead(path.name)
    assert is_dead(path.name)
    assert not is_dead(temp_name())
    assert not is_dead(elsewhere())
    assert not is_dead(path.name.replace(path.name.split("-")[-2], str(2**33)))
    assert not is_dead("any.tmp")


def test_only_files_of_ours_whose_process_is_gone_are_removed(scratch: Path) -> None:
    with Maker(scratch) as dead:
        pass
    with Maker(scratch) as alive:
        others = [scratch / name for name in ("file", ".daddy-encode-x.tmp", elsewhere(), dead.name + "x")]
        for path in others:
            path.touch()
        remove_dead(scratch)
        assert sorted(scratch.iterdir()) == sorted([alive, *others])
    remove_dead(scratch / "not there")


def test_an_abandoned_file_is_one_that_is_dead_or_an_hour_old_and_made_for_the_same(scratch: Path) -> None:
    with Maker(scratch, "another") as dead:
        pass
    with Maker(scratch, "page") as alive:
        old, new, other = (scratch / elsewhere(owner) for owner in ("page", "page", "another"))
        for path in (old, new, other):
            path.touch()
        for path in (old, other):
            os.utime(path, (1, 1))
        remove_abandoned(scratch, "page")
        assert sorted(scratch.iterdir()) == sorted([alive, new, other])
        remove_abandoned(scratch)
        assert sorted(scratch.iterdir()) == sorted([alive, new])
    assert not dead.exists()
    remove_abandoned(scratch / "not there")


def test_links_and_directories_and_what_is_another_users_stay(scratch: Path) -> None:
    for plant in ("link", "directory", "another's"):
        with Maker(scratch) as path:
            pass
        if plant == "another's":
            if os.geteuid() != 0:
                continue
            os.chown(path, 65534, 65534)
            continue
        path.unlink()
        if plant == "link":
            path.symlink_to(scratch)
        else:
            path.mkdir()
    before = sorted(scratch.iterdir())
    remove_dead(scratch)
    assert sorted(scratch.iterdir()) == before


def test_orphans_are_those_of_one_job_and_where_it_is_named_one_process(scratch: Path) -> None:
    ours, others = scratch / elsewhere("/spool/job"), scratch / elsewhere("/other/job")
    ours.touch()
    others.touch()
    for host, pid in ((os.uname().nodename, 0), ("elsewhere", os.getpid())):
        remove_orphans(scratch, "/spool/job", (host, pid))
    assert sorted(scratch.iterdir()) == sorted([ours, others])
    remove_orphans(scratch, "/spool/job", (os.uname().nodename, os.getpid()))
    assert list(scratch.iterdir()) == [others]
    remove_orphans(scratch, "/other/job")
    assert list(scratch.iterdir()) == []


def test_a_dead_encoders_files_in_a_tmp_dir_go_with_its_claim(tmp_path: Path, scratch: Path) -> None:
    paths = JobPaths.of(tmp_path / "job")
    paths.directory.mkdir()
    # A claim without a holder.
    lease = tmp_path / ".daddy-encode" / "job.lease"
    with Maker(tmp_path) as dead:
        pid = dead.name.split("-")[-2]
    dead.unlink()
    owners = (str(paths.base), "job", "/other/job")
    files = {owner: scratch / elsewhere(owner).replace(f"-{os.getpid()}-", f"-{pid}-") for owner in owners}
    for path in files.values():
        path.touch()
    with Claims(60, tmp_dir=scratch).hold(paths, lambda: None):
        assert len(leftovers(scratch)) == 3, "nobody has died"
    with Claims(60).hold(paths, lambda: None):
        text = re.sub(r"pid=\d+", f"pid={pid}", lease.read_text())
    lease.write_text(text)
    with Claims(60, tmp_dir=scratch).hold(paths, lambda: None):
        assert sorted(leftovers(scratch)) == sorted(str(files[owner]) for owner in ("job", "/other/job"))


def test_a_file_that_cannot_be_closed_is_removed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def full(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with pytest.raises(TransientError), temp_file(tmp_path / "out") as temp:
        (tmp_path / "out" / "second").hardlink_to(temp.path)
        monkeypatch.setattr(os, "close", full)
        publish(temp, tmp_path / "out" / "final")
    monkeypatch.undo()
    assert os.listdir(tmp_path / "out") == ["second"]
