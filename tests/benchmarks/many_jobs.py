"""Many jobs in one run of the command, and by `xargs -P` of ffmpeg by hand: what the comparisons share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS
from tests.benchmarks.measure import Measured, Run, measure, own_seconds
from tests.benchmarks.options import DADDY_ENCODE
from tests.benchmarks.result import Row

COST = (
    "processor time that xargs has not: 0.1 s of start-up, and 0.2 s to load numpy and Pillow where frames are "
    "converted here; 5 to 7 ms of each job for a claim, receipts, three listings, six flushes and the read-back; 0.1 "
    "ms of each frame of 160x210 and 0.7 ms of 480x480 to read, inflate, check, digest and hand it over, twice as much "
    "where it is converted here. What ffmpeg has less to do than by hand makes up for a part of it: 0.1 and 0.4 ms of "
    "each frame, 0.3 ms of 160x210 where it is converted here"
)
# What so many jobs take is start-up; for fewer no process is started.
_FEW = 3


def ours(*roots: Path) -> list[str]:
    """The command that a user types."""
    return [DADDY_ENCODE, "encode", *map(str, roots), "--video", "mp4", "--force"]


def only(cores: int) -> list[str]:
    """What, put before a command, leaves it so many cores of those that this process has."""
    return ["taskset", "--cpu-list", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))]


def counted(cores: int) -> str:
    """Such as "1 core", "2 cores"."""
    return f"{cores} core{'s' if cores > 1 else ''}"


def compare(
    jobs: Sequence[Path],
    clip: str,
    cores: int,
    rounds: int,
    *,
    salvage: bool = False,
    others: dict[str, list[str]] | None = None,
) -> dict[str, Measured]:
    """Measure "ours" and "by hand" on so many cores.

    Args:
        jobs: All that is in one directory: frames of the clip.
        clip: Its name.
        cores: How many.
        rounds: How many.
        salvage: Whether the jobs have no manifest. Default: no.
        others: More command lines for xargs, by name, in which JOB stands for a job's path.
    """
    root = jobs[0].parent
    names = root.with_suffix(".list")
    names.write_text("".join(f"{job}\n" for job in jobs))
    by_xargs = {"by hand": by_hand("JOB", "JOB.by-hand.mp4", CLIPS[clip].width, CLIPS[clip].height), **(others or {})}
    runs: dict[str, Run] = {"ours": [*only(cores), *ours(root), *(["--salvage"] if salvage else [])]}
    for name, command in by_xargs.items():
        runs[name] = [*only(cores), "xargs", "--arg-file", names, f"-P{cores}", "-I", "JOB", *command]
    return measure(runs, rounds)


def rows(jobs: Sequence[Path], what: str, measured: dict[str, Measured], why: str = COST) -> Iterator[Row]:
    """Of `compare`: wall and processor time of ours over that by hand; `why`: where the bar for the time is missed."""
    mine, hand = measured["ours"], measured["by hand"]
    same = sum(
        job.with_name(f"{job.name}.mp4").read_bytes() == job.with_name(f"{job.name}.by-hand.mp4").read_bytes()
        for job in jobs
    )
    yield Row(
        what=f"{what}: wall",
        value=mine.wall / hand.wall,
        bar="<= 1.0",
        figures=f"{mine.wall_seconds()} against {hand.wall_seconds()}; same bytes: {same} of {len(jobs)}",
        why=why,
    )
    yield Row(
        what=f"{what}: CPU",
        value=mine.cpu / hand.cpu,
        bar="<= 1.05",
        figures=f"{mine.cpu:.2f} s against {hand.cpu:.2f} s",
        why=COST,
    )


def handing_out(jobs: Sequence[Path], cores: int) -> float:
    """Processor seconds of a job in the one process that gives out the jobs, where it is worked in several.

    Args:
        jobs: All that is in one directory.
        cores: How many it has.
    """
    all_, few = (own_seconds([*only(cores), *ours(*some)]) for some in ([jobs[0].parent], jobs[:_FEW]))
    return max(1e-5, (all_ - few) / (len(jobs) - _FEW))
