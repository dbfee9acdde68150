"""A list of very many jobs, of which little is kept."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

from daddy_encode.service.found_jobs import FoundJob, JobList
from daddy_encode.spool.paths import JobPaths


def test_each_job_is_as_it_was_added() -> None:
    root = Path("/scratch/run")
    strange = os.fsdecode(b"\xff job\nof \xe9")
    paths = [
        JobPaths.of(root),
        JobPaths.of(root / "a" / "job", root),
        JobPaths.of(root / "a" / "job-2", root, Path("/videos")),
        JobPaths.of(root / strange, root),
        JobPaths.of(root / "b", root).of_sequence("rgb_*.png"),
        JobPaths.of(root / "b", root).into(Path("/videos/clip.mp4")),
        JobPaths.of(Path("/job"), Path("/"), Path("/")),
    ]
    jobs = [FoundJob(path, index, index % 2 == 0, index == 1, index > 3, index < 2) for index, path in enumerate(paths)]
    listed = JobList(jobs)
    assert [*listed] == jobs == listed[:]
    assert [job.paths.top for job in listed] == [path.top for path in paths], "which is not compared"
    assert listed[-1] == jobs[-1]
    assert (len(listed), listed.frames, listed.is_plain) == (7, 21, False)
    assert JobList(jobs[:4]).is_plain


def test_a_job_of_many_takes_some_dozen_bytes() -> None:
    root = Path("/scratch/run")
    # What threads of other tests take meanwhile does not count: they are not called from here.
    tracemalloc.start(25)
    try:
        listed = JobList()
        for number in range(1_000):
            paths = JobPaths.of(root / f"run-{number // 100:03d}" / f"episode-{number:05d}", root)
            listed.append(FoundJob(paths, 1000, True, False, False))
        traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__, all_frames=True)])
    finally:
        tracemalloc.stop()
    kept = sum(statistic.size for statistic in traces.statistics("filename"))
    assert 10 < kept / len(listed) < 100
