"""Several encoders on one spool: each does what the others do not, and looks at little of what they have done."""

from __future__ import annotations

import os
from pathlib import Path

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.job import done_since
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.service.encode_all import encode_all
from daddy_encode.service.find_jobs import find_all_jobs
from daddy_encode.service.found_jobs import FoundJobs
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.service.spools import video_of, write_job

LEASE = 600.0


def finish(found: FoundJobs, asked: Context, *, wait: bool = True) -> tuple[list[Outcome], list[JobPaths]]:
    """What becomes of the jobs that were found, and those that are others' still."""
    outcomes: list[Outcome] = []
    stop = StopSwitch()
    with WorkerPool(1, asked, Claims(LEASE), stop) as pool:
        left = encode_all(found.jobs, pool, stop, lambda outcome, job: outcomes.append(outcome), lease=LEASE, wait=wait)
    return outcomes, left


def test_frames_are_not_listed_again_of_a_job_that_was_encoded_since_it_was_found(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    found = find_all_jobs([tmp_path / "spool"])
    encode(job)
    made = video_of(job).read_bytes()
    # Changes no name in the directory.
    (job / "000001.png").write_bytes((job / "000002.png").read_bytes())
    ((outcome,), _) = finish(found, context())
    assert outcome.kind is OutcomeKind.DONE, "as it was when the other encoder had encoded it"
    assert outcome.result is not None and outcome.result.receipt.outputs[0].frames == 4
    # A run that begins after the change sees it.
    ((outcome,), _) = finish(find_all_jobs([tmp_path / "spool"]), context())
    assert outcome.kind is OutcomeKind.MADE
    assert video_of(job).read_bytes() != made


def test_what_another_encoder_has_made_since_counts_only_where_it_is_what_is_wanted(tmp_path: Path) -> None:
    job = write_job(tmp_path / "job")
    paths, receipt, manifest = JobPaths.of(job), tmp_path / "job.receipt.json", job / "manifest.json"
    assert done_since(paths, context()) is None
    encode(job)

    def is_done(**settings: object) -> bool:
        result = done_since(paths, context(**settings))  # type: ignore[arg-type]
        assert result is None or result.receipt.outputs[0].format == "mp4"
        return result is not None

    assert is_done() and is_done(crf=20)
    assert not is_done(crf=21)
    assert not is_done(video="both")
    assert is_done(force=True), "it was not done when it was found"
    for path, old, new in (
        (manifest, "{", "{ "),
        (receipt, '"error": null', '"error": "it failed"'),
        (receipt, '"sequence": null', '"sequence": "a_*.png"'),
        (receipt, "{", ""),
    ):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        assert not is_done(), new
        path.write_text(text)
        assert is_done()
    before = os.stat(job)
    (job / "another.txt").touch()
    assert not is_done()
    os.utime(job, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert is_done()
    video_of(job).unlink()
    assert not is_done()


def test_an_encoder_that_meets_another_goes_on_with_the_others_jobs(tmp_path: Path) -> None:
    jobs = [write_job(tmp_path / "spool" / f"job-{index}") for index in range(3)]
    found = find_all_jobs([tmp_path / "spool"])
    with Claims(LEASE).hold(JobPaths.of(jobs[0]), lambda: None):
        outcomes, left = finish(found, context(), wait=False)
    assert left == [JobPaths.of(jobs[0])]
    assert sorted(outcome.paths.directory for outcome in outcomes) == jobs[1:]
    assert all(outcome.kind is OutcomeKind.MADE for outcome in outcomes)
