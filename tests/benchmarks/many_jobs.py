"""Many jobs in one run of the command, and by `xargs -P` of ffmpeg by hand: what the comparisons share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS
from tests.benchmarks.measure import Command, Measured, Run, measure, own_seconds
from tests.benchmarks.options import DADDY_ENCODE
from tests.benchmarks.result import Row

COST = (
    "each frame is read, checked, digested, listed three times and handed over by one Python process, and each job has "
    "a claim, receipts, a read-back and flushes to disk; start-up is a part of so short a run"
)
# What so many jobs take is start-up; fewer are no work for processes.
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


def rows(jobs: Sequence[Path], what: str, measured: dict[str, Measured]) -> Iterator[Row]:
    """Of `compare`: wall and processor time of ours over that by hand."""
    mine, hand = measured["ours"], measured["by hand"]
    same = sum(
        job.with_name(f"{job.name}.mp4").read_bytes() == job.with_name(f"{job.name}.by-hand.mp4").read_bytes()
        for job in jobs
    )
    yield Row(
        what=f"{what}: wall",
        value=mine.wall / hand.wall,
        bar="<= 1.0",
        figures=f"{mine.wall:.2f} s ({mine.spread}) against {hand.wall:.2f} s ({hand.spread}); "
        f"same bytes: {same} of {len(jobs)}",
        why=COST,
    )
    yield Row(
        what=f"{what}: CPU",
        value=mine.cpu / hand.cpu,
        bar="<= 1.05",
        figures=f"{mine.cpu:.2f} s against {hand.cpu:.2f} s",
        why=COST,
    )


def simulated(
    jobs: Sequence[Path], hand: Measured, on: Sequence[int], rounds: int, before: Command = ()
) -> tuple[float, float, dict[int, float]]:
    """What more cores would do, from what jobs cost on these.

    Args:
        jobs: All that is in one directory.
        hand: What they took by hand.
        on: Numbers of cores.
        rounds: How many.
        before: Put before each command, such as `only`. Default: nothing.

    Returns:
        Seconds of a job in the one process that gives out jobs; how many cores that process keeps busy; by number of
        cores, the ratio of wall times, start-up aside.
    """
    commands = {
        name: [*before, *ours(*some), "--workers", "16"] for name, some in (("all", jobs), ("few", jobs[:_FEW]))
    }
    both = measure(commands, rounds)
    alone = {name: own_seconds(command) for name, command in commands.items()}
    count = len(jobs) - _FEW
    serial = max(1e-4, (alone["all"] - alone["few"]) / count)
    job = (both["all"].cpu - both["few"].cpu) / count
    by_one = hand.cpu / len(jobs)
    return serial, job / serial, {cores: max(serial, job / cores) / (by_one / cores) for cores in on}
