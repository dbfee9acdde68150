"""The worker pool: how many jobs are in progress, and what becomes of a fault of ours."""

from __future__ import annotations

import contextlib
import os
import pwd
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool, run_jobs
from daddy_encode.spool.claims import Claim, Claims, lease_path
from daddy_encode.spool.claims.marker import Marker
from daddy_encode.spool.paths import JobPaths
from tests.conftest import missing
from tests.jobs import context
from tests.service.spools import until, write_job


def test_the_next_job_begins_when_one_is_encoded_and_no_third_while_two_are_in_progress(tmp_path: Path) -> None:
    jobs = [JobPaths.of(write_job(tmp_path / f"job-{index}")) for index in range(2)]
    told, go_on = threading.Semaphore(0), threading.Event()

    def wake() -> None:
        # Called from a job's thread once it is encoded.
        told.release()
        go_on.wait()

    with WorkerPool(1, context(), Claims(60), StopSwitch(), wake=wake) as pool, contextlib.ExitStack() as stack:
        # Whatever fails here, the pool can end.
        stack.callback(go_on.set)
        assert pool.room
        pool.start(Attempt(jobs[0]))
        until(lambda: pool.room, "room for a second job while the first waits to be published")
        pool.start(Attempt(jobs[1]))
        for _ in jobs:
            told.acquire()
        assert not pool.room, "one is encoded at a time, but only two are in progress"
        go_on.set()
        outcomes: list[Outcome] = []
        until(lambda: outcomes.extend(pool.outcomes()) or len(outcomes) == 2, "both outcomes")
        assert pool.room and pool.busy == 0
    assert {outcome.paths for outcome in outcomes} == set(jobs)
    assert all(outcome.kind is OutcomeKind.MADE for outcome in outcomes)


def test_a_fault_of_ours_costs_one_job_and_no_other(tmp_path: Path) -> None:
    jobs = [JobPaths.of(write_job(tmp_path / f"job-{index}")) for index in range(3)]

    class Mistaken(Claims):
        @contextlib.contextmanager
        def hold(self, paths: JobPaths, on_lost: Callable[[], None]) -> Iterator[Claim]:
            if paths == jobs[1]:
                raise RuntimeError("a mistake")
            with super().hold(paths, on_lost) as claim:
                yield claim

    stop = StopSwitch()
    with WorkerPool(1, context(), Mistaken(60), stop) as pool:
        outcomes = {outcome.paths: outcome for outcome in run_jobs(pool, map(Attempt, jobs), stop)}
    assert str(outcomes[jobs[1]].error) == f"{jobs[1].directory}: RuntimeError: a mistake; report this"
    assert [outcomes[job].kind for job in jobs] == [OutcomeKind.MADE, OutcomeKind.FAILED, OutcomeKind.MADE]


def test_a_job_that_another_encoder_has_seen_fail_is_not_tried_again_until_it_changes(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    (job / "000001.png").write_bytes(b"")
    paths, stop = JobPaths.of(job), StopSwitch()
    with WorkerPool(1, context(), Claims(60), stop) as pool:

        def kind(*, skip_failed: bool) -> OutcomeKind:
            (outcome,) = run_jobs(pool, [Attempt(paths, skip_failed=skip_failed)], stop)
            return outcome.kind

        assert kind(skip_failed=True) is OutcomeKind.FAILED
        assert kind(skip_failed=True) is OutcomeKind.FAILED_BEFORE
        assert kind(skip_failed=False) is OutcomeKind.FAILED, "asked for with --retry-failed"
        (job / "notes.txt").touch()
        assert kind(skip_failed=True) is OutcomeKind.FAILED


@pytest.mark.parametrize("taken_over", [True, False])
def test_one_that_is_another_encoders_by_the_time_it_is_encoded_is_not_published(
    tmp_path: Path, taken_over: bool
) -> None:
    """What an encoder finds that was suspended for longer than its lease; no heartbeat has told it yet."""
    paths, stop, video = JobPaths.of(write_job(tmp_path / "job")), StopSwitch(), tmp_path / "job.mp4"
    lease = lease_path(paths)

    def take(share: float) -> None:
        video.write_bytes(b"the other's")
        lease.unlink(missing_ok=True)
        if taken_over:
            lease.write_bytes(Marker(4711, "elsewhere", "abc", 600.0).text())

    with WorkerPool(1, context(), Claims(600), stop, take) as pool:
        (outcome,) = run_jobs(pool, [Attempt(paths)], stop)
    if not taken_over:
        # A lease that is missing, so soon, is nobody else's.
        assert outcome.kind is OutcomeKind.MADE
        assert video.read_bytes() != b"the other's"
        return
    assert outcome.kind is OutcomeKind.CLAIMED
    assert str(outcome.error) == f"{paths.directory}: another encoder took it over"
    assert video.read_bytes() == b"the other's"
    assert sorted(os.listdir(tmp_path)) == [".daddy-encode", "job", "job.mp4"]
    assert lease.exists()


def test_nothing_is_written_beside_another_users_job_not_even_a_claim(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        missing("giving a file to another user needs root")
    job = write_job(tmp_path / "job")
    os.chown(job, pwd.getpwnam("nobody").pw_uid, -1)
    stop = StopSwitch()
    with WorkerPool(1, context(), Claims(60), stop) as pool:
        (outcome,) = run_jobs(pool, [Attempt(JobPaths.of(job), check_done_first=False)], stop)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert os.listdir(tmp_path) == ["job"]
