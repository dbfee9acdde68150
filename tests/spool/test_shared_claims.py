"""Claims in a folder that others may write to: nothing of theirs is followed, and nothing of theirs blocks a job."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daddy_encode.errors import ClaimedError
from daddy_encode.spool.claims import Claims, claimed_names, has_lease, holder, lease_path
from daddy_encode.spool.claims.marker import MAX_LEASE_SECONDS, Marker, host_name, parse_marker
from daddy_encode.spool.paths import JobPaths
from tests.media import run_command
from tests.service.spools import assert_right, is_done, receipt_of, until, write_job
from tests.users import Lab

HOLD = (
    "import sys; from pathlib import Path; from daddy_encode.spool.claims import Claims\n"
    "from daddy_encode.spool.paths import JobPaths\n"
    "with Claims(float(sys.argv[2]), lambda uid: True).hold(JobPaths.of(Path(sys.argv[1])), lambda: None):\n"
    "    print('held', flush=True); sys.stdin.read(1)\n"
)
# Of the package filelock, as version 0.1.0 used it.
HOLD_AS_BEFORE = (
    "import sys; from filelock import SoftFileLease, Timeout\n"
    "lease = SoftFileLease(sys.argv[1], lease_duration=float(sys.argv[2]), thread_local=False)\n"
    "try:\n    lease.acquire(timeout=0)\nexcept Timeout:\n    print('taken', flush=True)\n"
    "else:\n    print('held', flush=True); sys.stdin.read(1); lease.release()\n"
)


@pytest.fixture
def paths(tmp_path: Path) -> JobPaths:
    (tmp_path / "spool" / "job").mkdir(parents=True)
    return JobPaths.of(tmp_path / "spool" / "job")


def nothing() -> None:
    pass


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of somebody, with files whose names an encoder uses."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    for name in ("job.lease", "job.slurm.json", "gone-0", "precious"):
        (directory / name).write_text(f"precious {name}")
    return directory


def link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def fifo(path: Path, elsewhere: Path) -> None:
    os.mkfifo(path)


def file(path: Path, elsewhere: Path) -> None:
    path.write_text("")


def unix_socket(path: Path, elsewhere: Path) -> None:
    # The path of a socket has at most 107 bytes.
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(path.parent, os.O_PATH)
        made.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


def empty_directory(path: Path, elsewhere: Path) -> None:
    path.mkdir()


def full_directory(path: Path, elsewhere: Path) -> None:
    path.mkdir()
    (path / "something").write_text("")


@pytest.mark.parametrize("make", [link, fifo, file, unix_socket], ids=lambda make: make.__name__)
def test_what_is_no_directory_at_the_name_of_the_claims_blocks_nothing_and_is_not_followed(
    make: Callable[[Path, Path], None],
    paths: JobPaths,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    claims = paths.base.parent / ".daddy-encode"
    make(claims, elsewhere)
    before = contents(elsewhere)
    claims_of_one = Claims(60)
    for _ in range(2):
        with claims_of_one.hold(paths, nothing) as claim:
            assert (claim.is_held, claim.is_ours()) == (False, True)
    assert len(re.findall(r"\.daddy-encode: is a .*, not a directory; remove it: encoding without", caplog.text)) == 1
    assert claimed_names(paths.base.parent) == set()
    assert (holder(lease_path(paths)), has_lease(paths)) == (None, False)
    assert contents(elsewhere) == before


def test_an_encoder_says_in_one_line_that_its_claims_are_a_link(
    spool: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    job = write_job(spool / "job")
    (spool / ".daddy-encode").symlink_to(elsewhere)
    before = contents(elsewhere)
    told = run_command("encode", spool)
    assert told.returncode == 0, told.stderr
    assert len(re.findall(r"\.daddy-encode: is a link, not a directory; remove it", told.stderr)) == 1
    assert run_command("status", spool).returncode == 0
    assert contents(elsewhere) == before
    assert is_done(job)


def test_a_private_directory_that_was_renamed_is_neither_opened_to_others_nor_emptied(paths: JobPaths) -> None:
    folder = paths.base.parent
    folder.chmod(0o2775)
    private = folder / ".daddy-encode"
    private.mkdir(mode=0o700)
    (private / "gone-notes.txt").write_text("precious")
    (private / "gone-x").mkdir()
    with Claims(60).hold(paths, nothing) as claim:
        assert claim.is_held
    claimed_names(folder, tidy=True)
    assert stat.S_IMODE(private.stat().st_mode) & 0o077 == 0
    assert sorted(path.name for path in private.iterdir()) == ["gone-notes.txt", "gone-x"]


def test_claims_of_ours_are_shared(paths: JobPaths) -> None:
    paths.base.parent.chmod(0o2775)
    claims = paths.base.parent / ".daddy-encode"
    claims.mkdir(mode=0o700)
    for name in ("other.lease", "other.slurm.json", "gone-0123456789abcdef"):
        (claims / name).write_text("")
    (claims / "slurm").mkdir()
    with Claims(60).hold(paths, nothing):
        assert stat.S_IMODE(claims.stat().st_mode) == 0o2775
    assert sorted(path.name for path in claims.iterdir()) == ["other.lease", "other.slurm.json", "slurm"]


@pytest.mark.parametrize(
    "make", [link, fifo, unix_socket, empty_directory, full_directory], ids=lambda make: make.__name__
)
def test_what_is_no_file_at_the_name_of_a_lease_blocks_nothing(
    make: Callable[[Path, Path], None], paths: JobPaths, elsewhere: Path
) -> None:
    lease = lease_path(paths)
    lease.parent.mkdir()
    make(lease, elsewhere)
    before = contents(elsewhere)
    assert holder(lease) is None
    with Claims(60).hold(paths, nothing) as claim:
        assert claim.is_ours()
        assert stat.S_ISREG(os.lstat(lease).st_mode)
    assert contents(elsewhere) == before
    left = sorted(path.name for path in lease.parent.iterdir())
    # A directory that holds something is moved out of the way, and stays.
    assert [name.partition("-")[0] for name in left] == ["gone"] * (make is full_directory)


def write_lease(paths: JobPaths, seconds: str, uid: int = 0) -> Path:
    """A lease of a process on another machine."""
    path = lease_path(paths)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"filelock/2\npid=4711\nhost=elsewhere\nmode=lease\ntoken=abc\nduration={seconds}\n")
    os.chown(path, uid, -1)
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("seconds", ["60.0", "1e15", "nan", "-1", "9" * 400])
def test_a_lease_of_a_user_who_is_not_trusted_blocks_nothing(paths: JobPaths, seconds: str) -> None:
    write_lease(paths, seconds, uid=65534)
    with Claims(60).hold(paths, nothing) as claim:
        assert claim.is_ours()
    assert list(lease_path(paths).parent.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_lease_of_a_user_who_is_trusted_is_respected(paths: JobPaths) -> None:
    assert "user 65534: counts only with --trust-owner" in str(holder(write_lease(paths, "60.0", uid=65534)))
    claims = Claims(60, lambda uid: uid == 65534)
    with pytest.raises(ClaimedError, match="elsewhere, process 4711 works on it"), claims.hold(paths, nothing):
        pass
    assert has_lease(paths)


def test_a_lease_of_ours_that_no_encoder_has_made_counts_for_a_day(paths: JobPaths) -> None:
    lease = write_lease(paths, "1e15", uid=os.geteuid())
    with pytest.raises(ClaimedError, match="elsewhere, process 4711 works on it"), Claims(60).hold(paths, nothing):
        pass
    os.utime(lease, (time.time() - MAX_LEASE_SECONDS - 60,) * 2)
    with Claims(60).hold(paths, nothing) as claim:
        assert claim.is_held


@pytest.mark.parametrize("seconds", ["1e15", "1e300", "9" * 300])
def test_no_lease_counts_longer_than_the_longest_that_an_encoder_takes(seconds: str) -> None:
    found = parse_marker(f"filelock/2\npid=1\nhost=a\nmode=lease\ntoken=t\nduration={seconds}\n".encode())
    assert found is not None
    assert found.seconds == MAX_LEASE_SECONDS == 86_400


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"filelock/2\n",
        b"\xff" * 100 + b"\n",
        b"filelock/2\npid=1\nhost=a\nmode=lease\ntoken=t\nduration=60.0",
        b"filelock/2\npid=0\nhost=a\nmode=lease\ntoken=t\nduration=60.0\n",
        b"filelock/2\npid=99999999999\nhost=a\nmode=lease\ntoken=t\nduration=60.0\n",
        b"filelock/2\npid=1\nhost=a\nmode=lease\ntoken=t\nduration=inf\n",
        b"filelock/2\npid=1\nhost=a\nmode=exclusive\ntoken=t\nduration=60.0\n",
        b"filelock/2\npid=1\nhost=a\nmode=lease\ntoken=t\nduration=60.0\n" + b"x=y\n" * 1000,
    ],
)
def test_what_is_not_the_text_of_a_lease_is_none(text: bytes) -> None:
    assert parse_marker(text) is None


def test_the_text_of_a_lease_is_read_back() -> None:
    marker = Marker(4711, host_name(), "abc", 120.0)
    assert parse_marker(marker.text()) == marker


def test_a_file_of_ours_that_says_nothing_is_waited_for_as_long_as_a_lease_and_no_longer(paths: JobPaths) -> None:
    lease = write_lease(paths, "60.0")
    lease.write_bytes(bytes(2**20))
    claims = Claims(0.5)
    with pytest.raises(ClaimedError, match="another encoder works on it"), claims.hold(paths, nothing):
        pass

    def is_free() -> bool:
        try:
            with claims.hold(paths, nothing):
                return True
        except ClaimedError:
            return False

    until(is_free, "the claim of a file that says nothing")


def test_an_empty_lease_is_dead_once_the_file_system_says_that_it_is_10_s_old(paths: JobPaths) -> None:
    lease = write_lease(paths, "60.0")
    lease.write_bytes(b"")
    with pytest.raises(ClaimedError), Claims(120).hold(paths, nothing):
        pass
    then = lease.stat().st_mtime - 11
    os.utime(lease, (then, then))
    with Claims(120).hold(paths, nothing) as claim:
        assert claim.is_ours()


@pytest.mark.parametrize("instead", [None, fifo, link, full_directory])
def test_a_lease_that_is_taken_away_while_its_holder_lives_is_made_again(
    instead: Callable[[Path, Path], None] | None, paths: JobPaths, elsewhere: Path
) -> None:
    lost: list[bool] = []
    lease = lease_path(paths)
    with Claims(600).hold(paths, lambda: lost.append(True)) as claim:
        text = lease.read_bytes()
        lease.unlink()
        if instead is not None:
            instead(lease, elsewhere)
        claim.refresh()
        claim.refresh()
        assert lost == []
        assert stat.S_ISREG(os.lstat(lease).st_mode)
        assert lease.read_bytes() == text
        assert claim.is_ours()
    assert not has_lease(paths)


def test_a_lease_that_another_encoder_has_put_in_its_place_is_a_loss(paths: JobPaths) -> None:
    lost: list[bool] = []
    with Claims(600).hold(paths, lambda: lost.append(True)) as claim:
        lease_path(paths).unlink()
        write_lease(paths, "600.0")
        claim.refresh()
        assert lost == []
        claim.refresh()
        assert lost == [True]
        assert not claim.is_ours()
    assert has_lease(paths), "it is the other's"


def start_holder(code: str, *arguments: str | Path | int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_an_encoder_of_version_0_1_0_and_this_one_respect_each_others_leases(paths: JobPaths) -> None:
    pytest.importorskip("filelock")
    lease = lease_path(paths)
    before = start_holder(HOLD_AS_BEFORE, lease, 60)
    assert said(before) == "held"
    with pytest.raises(ClaimedError, match=rf"process {before.pid} works on it"), Claims(60).hold(paths, nothing):
        pass
    end(before)
    # A dead process of this machine.
    with Claims(60).hold(paths, nothing):
        other = start_holder(HOLD_AS_BEFORE, lease, 60)
        assert said(other) == "taken"
        end(other)
    now = start_holder(HOLD, paths.directory, 60)
    assert said(now) == "held"
    end(now)
    after = start_holder(HOLD_AS_BEFORE, lease, 60)
    # The first look finds that the process is gone; the lease is had at the second.
    if said(after) == "taken":
        end(after)
        after = start_holder(HOLD_AS_BEFORE, lease, 60)
        assert said(after) == "held"
    end(after)


# A user who lets somebody else's folder appear at the name of the claims, again and again, whenever something happens
# in the spool: `sys.argv[3]` times.
SWAP = """
import ctypes, os, select, sys
spool, elsewhere, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(0)
# IN_CREATE, IN_MOVED_TO, IN_OPEN, IN_DELETE
assert libc.inotify_add_watch(watch, os.fsencode(spool), 0x100 | 0x80 | 0x20 | 0x200) >= 0
claims, aside, planted = (os.path.join(spool, name) for name in (".daddy-encode", "aside", "planted"))
print("ready", flush=True)
swaps = 0
while swaps < count:
    os.read(watch, 65536)
    try:
        os.symlink(elsewhere, planted)
        os.rename(claims, aside)
        os.rename(planted, claims)
        swaps += 1
        # Long enough for whoever opens it now.
        select.select([], [], [], 0.001)
        os.unlink(claims)
        os.rename(aside, claims)
    except OSError:
        for path in (planted,):
            try: os.unlink(path)
            except OSError: pass
        try:
            if os.path.islink(claims): os.unlink(claims)
            if os.path.isdir(aside): os.rename(aside, claims)
        except OSError: pass
print("done", flush=True)
"""
CLAIM_AGAIN_AND_AGAIN = """
import os, sys
from pathlib import Path
from daddy_encode.errors import DaddyEncodeError
from daddy_encode.spool.claims import Claims, claimed_names, holder, lease_path
from daddy_encode.spool.paths import JobPaths
paths, taken = JobPaths.of(Path(sys.argv[1])), 0
os.set_blocking(0, False)
print("ready", flush=True)
while sys.stdin.read(1) == "":
    try:
        with Claims(60).hold(paths, lambda: None):
            taken += 1
    except DaddyEncodeError:
        pass
    claimed_names(paths.base.parent)
    holder(lease_path(paths))
print(taken, flush=True)
"""


@pytest.mark.parametrize("swaps", [50, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_link_that_is_swapped_for_the_claims_again_and_again_is_never_followed(
    swaps: int, lab: Lab, shared: Path, tmp_path: Path
) -> None:
    private = lab.folder(tmp_path / "private", mode=0o700)
    for name in ("job.slurm.json", "precious"):
        (private / name).write_text(f"precious {name}")
        os.chown(private / name, lab.victim.uid, lab.victim.gid)
    lab.folder(shared / "job")
    before = contents(private), private.stat().st_mtime_ns
    reach = [shared, private]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    slurm = {"SLURM_JOB_ID": "4711"}
    victim = lab.victim.start_python(CLAIM_AGAIN_AND_AGAIN, shared / "job", reach=reach, env=slurm, **pipes)
    mallory = lab.mallory.start_python(SWAP, shared, private, str(swaps), reach=reach, **pipes)
    try:
        assert (said(victim), said(mallory)) == ("ready", "ready")
        assert said(mallory) == "done"
        told, _ = victim.communicate("x", timeout=120)
        assert victim.returncode == 0
        assert int(told) > 0
    finally:
        end(mallory)
        victim.kill()
        victim.wait()
    # Nothing came or went there either.
    assert (contents(private), private.stat().st_mtime_ns) == before


def owned_job(directory: Path, owner: int, variety: int) -> Path:
    """A small job of a user, with the umask 022."""
    job = write_job(directory, variety)
    for path in (job, *job.iterdir()):
        os.chown(path, owner, -1)
    return job


def test_two_users_with_umask_022_share_the_work_on_a_groups_folder(lab: Lab, shared: Path) -> None:
    users = (lab.victim, lab.mallory)
    jobs = {owned_job(shared / f"job-{index}", users[index % 2].uid, index): index for index in range(6)}
    options = ("--trust-owner", lab.victim.name, "--trust-owner", lab.mallory.name, "--workers", "1", "--json")
    started = [
        user.start("encode", shared, *options, reach=[shared], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for user in users
    ]
    told = [process.communicate(timeout=240) for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    made = [json.loads(line)["path"] for stdout, _ in told for line in stdout.splitlines()]
    # Each once, by whoever claimed it.
    assert sorted(map(os.path.basename, made)) == sorted(f"{job.name}.mp4" for job in jobs)
    assert_right(jobs)
    claims = shared / ".daddy-encode"
    assert (stat.S_IMODE(claims.stat().st_mode), claims.stat().st_gid) == (0o2775, lab.gid)
    assert list(claims.iterdir()) == []
    # The videos have the mode of each user's umask.
    assert {stat.S_IMODE(path.stat().st_mode) for path in shared.glob("*.mp4")} == {0o644}


def test_claims_of_version_0_1_0_that_are_closed_to_others_are_made_again_once_nobody_uses_them(
    lab: Lab, shared: Path
) -> None:
    job = owned_job(shared / "job", lab.mallory.uid, 0)
    lab.folder(shared / ".daddy-encode", lab.victim, mode=0o2755)
    lease = shared / ".daddy-encode" / "other.lease"
    lease.write_text("")
    told = lab.mallory.run("encode", job, reach=[shared])
    assert told.returncode == 0, told.stderr
    message = rf"\.daddy-encode: is the user {lab.victim.uid}'s and closed to you; .*: encoding without a claim"
    assert len(re.findall(message, told.stderr)) == 1
    lease.unlink()
    (shared / ".daddy-encode").chmod(0o2700)
    told = lab.mallory.run("encode", job, "--force", reach=[shared])
    assert told.returncode == 0, told.stderr
    assert stat.S_IMODE((shared / ".daddy-encode").stat().st_mode) == 0o2775


def test_in_a_folder_with_the_sticky_bit_a_foreign_lease_blocks_nothing_either(lab: Lab, shared: Path) -> None:
    shared.chmod(0o3775)
    job = owned_job(shared / "job", lab.victim.uid, 0)
    lab.folder(shared / ".daddy-encode", lab.mallory, mode=0o3777)
    write = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    text = "filelock/2\npid=4711\nhost=elsewhere\nmode=lease\ntoken=abc\nduration=1e15\n"
    lease = shared / ".daddy-encode" / "job.lease"
    assert lab.mallory.python(write, lease, text, reach=[shared]).returncode == 0
    told = lab.victim.run("encode", shared, reach=[shared])
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("encoding without a claim") == 1
    assert_right({job: 0})
    assert lease.read_text() == text


def test_a_foreign_lease_in_a_groups_folder_is_taken_away(lab: Lab, shared: Path) -> None:
    job = owned_job(shared / "job", lab.victim.uid, 0)
    make = (
        "import os, sys; claims = sys.argv[1]; os.mkdir(claims); os.chmod(claims, 0o2775)\n"
        "open(claims + '/job.lease', 'w').write(sys.argv[2])"
    )
    text = "filelock/2\npid=4711\nhost=elsewhere\nmode=lease\ntoken=abc\nduration=1e15\n"
    assert lab.mallory.python(make, shared / ".daddy-encode", text, reach=[shared]).returncode == 0
    told = lab.victim.run("encode", shared, reach=[shared])
    assert told.returncode == 0, told.stderr
    assert_right({job: 0})
    assert list((shared / ".daddy-encode").iterdir()) == []
    assert receipt_of(job)["error"] is None
