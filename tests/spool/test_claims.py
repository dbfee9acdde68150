"""Claims: one encoder at a time, a dead one's job is taken over, and two that disagree are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.errors import ClaimedError, SettingsError, SpoolError, TransientError
from daddy_encode.spool.claims import Claims, claimed_names, holder, lease_path
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import temp_file
from tests.media import leftovers
from tests.service.spools import until


@pytest.fixture
def paths(tmp_path: Path) -> JobPaths:
    (tmp_path / "job").mkdir()
    return JobPaths.of(tmp_path / "job")


def nothing() -> None:
    pass


def take(claims: Claims, paths: JobPaths) -> None:
    """Take the claim, and give it up again."""
    with claims.hold(paths, nothing):
        pass


def is_free(claims: Claims, paths: JobPaths) -> bool:
    """Whether the claim could be taken."""
    try:
        take(claims, paths)
    except (ClaimedError, SettingsError):
        return False
    return True


HOLD = (
    "import sys, time; from pathlib import Path; from daddy_encode.spool.claims import Claims\n"
    "from daddy_encode.spool.paths import JobPaths; from daddy_encode.spool.publish import temp_file\n"
    "paths = JobPaths.of(Path(sys.argv[1]))\n"
    "with Claims(float(sys.argv[2])).hold(paths, lambda: print('lost', flush=True)) as claim:\n"
    "    with temp_file(paths.base.parent, paths.base.name):\n"
    "        print('held', flush=True); sys.stdin.read(1); print(claim.is_ours(), flush=True)\n"
)


class Holder:
    """Another process that holds the claim on a job."""

    def __init__(self, paths: JobPaths, seconds: float) -> None:
        command = [sys.executable, "-c", HOLD, str(paths.directory), str(seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_claim_is_one_encoders_and_leaves_nothing(paths: JobPaths) -> None:
    claims, others = Claims(60), Claims(60)
    with claims.hold(paths, nothing) as claim:
        assert claim.is_ours()
        assert claimed_names(paths.directory.parent) == {"job"}
        with pytest.raises(ClaimedError, match=rf"/job: .*, process {os.getpid()} works on it"):
            take(others, paths)
    assert claimed_names(paths.directory.parent) == set()
    take(others, paths)
    assert os.listdir(paths.directory.parent / ".daddy-encode") == []


def test_encoders_with_different_leases_are_told(paths: JobPaths) -> None:
    with Holder(paths, 50), pytest.raises(SettingsError, match="give every encoder of this spool the same --lease"):
        take(Claims(60), paths)


def test_a_dead_encoders_claim_with_another_lease_is_taken_after_the_longer_of_both(paths: JobPaths) -> None:
    claims = Claims(0.5)
    with Holder(paths, 1) as other:
        os.kill(other.process.pid, signal.SIGSTOP)
        until(lambda: is_free(claims, paths), "the claim of a stopped encoder with another lease")


def test_a_killed_encoders_claim_is_taken_and_what_it_left_half_made_is_removed(paths: JobPaths) -> None:
    with Holder(paths, 60) as other, temp_file(paths.base.parent, "another job") as kept:
        with pytest.raises(ClaimedError):
            take(Claims(60), paths)
        other.process.kill()
        other.process.wait()
        assert len(leftovers(paths.directory.parent)) == 2
        with Claims(60).hold(paths, nothing):
            assert leftovers(paths.directory.parent) == [str(kept.path)]


def test_a_stopped_encoder_loses_its_claim_and_hears_of_it(paths: JobPaths) -> None:
    claims = Claims(1)
    with Holder(paths, 1) as other:
        os.kill(other.process.pid, signal.SIGSTOP)
        assert not is_free(claims, paths), "only after its lease, watched by our own clock"
        until(lambda: is_free(claims, paths), "the claim of a stopped encoder")
        os.kill(other.process.pid, signal.SIGCONT)
        assert other.process.stdout is not None
        assert other.process.stdout.readline() == "lost\n"
        told, _ = other.process.communicate("\n")
        assert told == "False\n"


def test_a_holder_that_gives_no_sign_of_life_is_shown_as_such(paths: JobPaths) -> None:
    lease = lease_path(paths)
    assert holder(lease) is None
    with Holder(paths, 2) as other:
        assert str(holder(lease)).endswith(f", process {other.process.pid}")
        os.kill(other.process.pid, signal.SIGSTOP)
        os.utime(lease, (1, 1))
        assert "silent for " in str(holder(lease))


def test_a_claim_makes_no_folders_for_a_job_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"gone/job: is not there now"):
        take(Claims(60), JobPaths.of(tmp_path / "gone" / "job"))
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_cannot_be_written_is_one_clear_error(paths: JobPaths) -> None:
    (paths.directory.parent / "file").write_text("")
    with pytest.raises(SpoolError, match=r"cannot claim .*/job\.lease: Not a directory"):
        take(Claims(60), JobPaths.of(paths.directory, output_dir=paths.directory.parent / "file" / "out"))


def test_the_leases_of_jobs_that_nobody_wants_are_forgotten(tmp_path: Path) -> None:
    claims, others = Claims(60), Claims(60)
    for name in "abc":
        (tmp_path / name).mkdir()
    jobs = [JobPaths.of(tmp_path / name) for name in "abc"]
    for job in jobs:
        with others.hold(job, nothing), pytest.raises(ClaimedError):
            take(claims, job)
    assert claims.kept() == set(jobs)
    claims.keep_only({jobs[0]})
    assert claims.kept() == {jobs[0]}


def test_a_lease_that_has_passed_on_whenever_it_is_looked_at_is_another_encoders(
    paths: JobPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Claims(60).hold(paths, nothing):
        monkeypatch.setattr("daddy_encode.spool.claims.claims.read_marker", lambda directory, name: None)
        with pytest.raises(ClaimedError, match=r"job: another encoder works on it$"):
            take(Claims(60), paths)
