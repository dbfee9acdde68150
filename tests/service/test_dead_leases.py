"""Leases of encoders that were killed after the receipt: taken away, and cheap to look for."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daddy_encode.errors import ClaimedError
from daddy_encode.spool.claims import Claims, lease_path
from daddy_encode.spool.claims.directory import clear
from daddy_encode.spool.orphans import temp_name
from daddy_encode.spool.paths import JobPaths
from tests.conftest import Require
from tests.media import leftovers, run_command
from tests.service.spools import Encoder, temporary_files, write_job

# Killed at the moment when it would give up its claim: all that it has made of the job is there.
KILLED_AFTER_THE_RECEIPT = """
import os, signal, sys
from daddy_encode.cli.main import main
from daddy_encode.spool.claims.claim import Claim
Claim.release = lambda self: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def encode_and_be_killed(*arguments: str | Path, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-c", KILLED_AFTER_THE_RECEIPT, "encode", *map(str, arguments)]
    told = subprocess.run(
        command, capture_output=True, timeout=120, check=False, env={**os.environ, **(environment or {})}
    )
    assert told.returncode == -signal.SIGKILL


def pretend_to_be_elsewhere(lease: Path, seconds_ago: float) -> None:
    """Let a lease be that of another machine, refreshed so long ago."""
    lease.write_text(re.sub("(?m)^host=.*$", "host=elsewhere", lease.read_text()))
    then = lease.stat().st_mtime - seconds_ago
    os.utime(lease, (then, then))


@pytest.mark.parametrize(
    ("command", "breaks", "out"),
    [
        (["encode"], False, False),
        pytest.param(["encode"], False, True, marks=pytest.mark.soak),
        pytest.param(["encode"], True, False, marks=pytest.mark.soak),
        pytest.param(["watch", "--once"], False, True, marks=pytest.mark.soak),
        (["watch", "--once"], True, False),
    ],
    ids=str,
)
def test_the_next_encoder_takes_a_dead_lease_away_from_a_job_that_has_its_receipt(
    spool: Path, command: list[str], breaks: bool, out: bool
) -> None:
    job = write_job(spool / "run" / "job")
    if breaks:
        (job / "000002.png").write_bytes(b"")
    output_dir = ["--output-dir", str(spool.parent / "videos")] if out else []
    encode_and_be_killed(spool, *output_dir, environment={"SLURM_JOB_ID": "4711"})
    claims = (spool.parent / "videos" if out else spool) / "run" / ".daddy-encode"
    assert sorted(path.name for path in claims.iterdir()) == ["job.lease", "job.slurm.json"]
    # What an encoder leaves that was killed while it took another's lease away, and half-made files.
    (claims / "gone-0123456789abcdef").write_text("")
    name, *options = command
    told = run_command(name, spool, *options, *output_dir)
    assert told.returncode == (1 if breaks and name == "encode" else 0), told.stderr
    assert temporary_files(spool.parent) == []


@pytest.mark.parametrize("command", [["encode"], ["watch", "--once"]], ids=" ".join)
def test_what_was_moved_out_of_the_way_of_a_lease_goes_even_where_nothing_is_claimed(
    spool: Path, command: list[str]
) -> None:
    write_job(spool / "job")
    assert run_command("encode", spool).returncode == 0
    (spool / ".daddy-encode" / "gone-0123456789abcdef").write_text("")
    assert run_command("status", spool).returncode == 0
    assert len(temporary_files(spool)) == 1, "for encoders alone"
    name, *options = command
    assert run_command(name, spool, *options).returncode == 0
    assert temporary_files(spool) == []


@pytest.mark.soak
def test_that_of_another_machine_goes_once_it_is_older_than_its_duration(spool: Path) -> None:
    job = write_job(spool / "job")
    encode_and_be_killed(spool)
    lease = lease_path(JobPaths.of(job))
    pretend_to_be_elsewhere(lease, seconds_ago=60)
    for arguments in (("encode", spool), ("watch", spool, "--once")):
        assert run_command(*arguments).returncode == 0
        assert lease.exists(), "its holder may be alive: a heartbeat comes every 40 s"
    text = lease.read_text()
    for arguments in (("encode", spool), ("watch", spool, "--once")):
        lease.write_text(text)
        pretend_to_be_elsewhere(lease, seconds_ago=200)
        assert run_command(*arguments).returncode == 0
        assert temporary_files(spool) == []


def test_a_job_that_is_encoded_again_keeps_its_lease(spool: Path) -> None:
    job = write_job(spool / "job")
    assert run_command("encode", spool).returncode == 0
    with Claims(120).hold(JobPaths.of(job), lambda: None) as claim:
        told = run_command("encode", spool)
        assert (told.returncode, "already done" in told.stderr) == (0, True)
        assert run_command("watch", spool, "--once").returncode == 0
        assert claim.is_ours()


def half_made(folder: Path, owner: str, lease: Path) -> Path:
    """A temporary file of the process that holds a lease."""
    holder = re.search(r"(?m)^pid=(\d+)$", lease.read_text())
    assert holder is not None
    path = folder / temp_name(owner).replace(f"-{os.getpid()}-", f"-{holder[1]}-")
    path.touch()
    return path


def test_the_half_made_files_of_a_dead_encoder_go_with_its_lease(spool: Path) -> None:
    job = write_job(spool / "job")
    encode_and_be_killed(spool)
    lease = lease_path(JobPaths.of(job))
    half_made(spool, "job", lease)
    kept = [half_made(spool, "another job", lease), spool / temp_name("job")]
    kept[1].touch()
    assert run_command("encode", spool).returncode == 0
    assert sorted(leftovers(spool)) == sorted(map(str, kept)), "of another job, and of a process that lives"


def test_they_go_as_well_where_another_encoder_has_the_claim_before_who_removed_the_lease(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = JobPaths.of(write_job(spool / "job"))
    encode_and_be_killed(spool)
    half_made(spool, "job", lease_path(paths))
    other = contextlib.ExitStack()

    def overtaken(*arguments: Any) -> bool:
        is_cleared = clear(*arguments)
        monkeypatch.undo()
        other.enter_context(Claims(120).hold(paths, lambda: None))
        return is_cleared

    monkeypatch.setattr("daddy_encode.spool.claims.claims.clear", overtaken)
    with other:
        with pytest.raises(ClaimedError), Claims(120).hold(paths, lambda: None):
            pass
        assert leftovers(spool) == []
    assert temporary_files(spool) == []


def calls_for(spool: Path, name: str, trace: Path, strace: str) -> int:
    """How many system calls with the name of the claims' directory an `encode` of finished jobs makes."""
    command = [strace, "-f", "--seccomp-bpf", "-y", "-e", "trace=file,desc", "-o", str(trace)]
    told = subprocess.run(
        [*command, sys.executable, "-m", "daddy_encode", "encode", str(spool)], capture_output=True, timeout=120
    )
    assert told.returncode == 0
    return sum(name in line for line in trace.read_text().splitlines())


@pytest.mark.soak
def test_looking_for_dead_leases_costs_the_same_for_any_number_of_finished_jobs(
    spool: Path, require_program: Require
) -> None:
    strace = require_program("strace", "strace")
    counts = []
    for number in (2, 12):
        for index in range(number):
            if not (spool / f"job-{index}").exists():
                write_job(spool / f"job-{index}")
        assert run_command("encode", spool).returncode == 0
        counts.append(calls_for(spool, "/.daddy-encode", spool.parent / "trace", strace))
    assert counts[0] == counts[1] > 0


def test_a_watcher_does_not_try_a_done_job_with_a_living_lease_again_and_again(spool: Path) -> None:
    job = write_job(spool / "job")
    assert run_command("encode", spool).returncode == 0
    receipt = (spool / "job.receipt.json").stat().st_mtime_ns
    with (
        Claims(120).hold(JobPaths.of(job), lambda: None) as claim,
        Encoder("watch", spool, "--interval", "0.1", "--no-events") as watcher,
    ):
        other = write_job(spool / "other")
        watcher.until_done([other])
        assert watcher.stop() == 0
        assert claim.is_ours()
    assert (spool / "job.receipt.json").stat().st_mtime_ns == receipt
