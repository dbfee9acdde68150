"""Many jobs in one run of the command against `xargs -P` and ffmpeg typed by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, WRITERS, dump
from tests.benchmarks.measure import Measured, measure, own_seconds
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Row, Table

TITLE = "Many jobs, against `xargs -P` of ffmpeg by hand"
ABOUT = """
`daddy-encode encode ROOT --force` from its start to its end, against `xargs -PN` that starts an ffmpeg with the same
flags for each job, N the number of cores (`taskset`); the MP4s have the same bytes. Start-up is included, and so is
what xargs has no word for: claims, receipts, checks of each frame, read-back, flushes to disk. Pillow's dumps have no
manifest, so the command has `--salvage` there. The command sets the scheduling policy `SCHED_BATCH` for itself and its
ffmpeg; by hand nobody does.

**More cores are simulated.** With three workers or more each is a process, and one process more gives out the jobs and
takes in what became of them. Measured here with 16 workers: the processor time of a job in all processes, and in that
one. On N cores a run takes the longer of the latter and an Nth of the former, and ffmpeg by hand an Nth of its own.
Start-up is left out on both sides, as is what cores have to share: disk, caches, memory.
"""
# Frames of a job, jobs.
SPOOLS = {"breakout": (100, 48), "cartpole": (75, 12), "cheetah": (75, 12), "humanoid": (60, 8)}
# What so many jobs take is start-up; fewer are no work for processes.
FEW = 3
SIMULATED_CORES = (1, 2, 4, 8, 16)
COST = (
    "each frame is read, checked, digested, listed three times and handed over by one Python process, and each job has "
    "a claim, receipts, a read-back and flushes to disk; start-up is a part of so short a run"
)
LIMIT = "the processor time of a job: claims, receipts, checks and flushes, which xargs has no word for"


def run(options: Options) -> Iterator[Item]:
    cells = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip in options.sizes((*SPOOLS,), ("breakout",)):
            for writer in WRITERS:
                jobs = _spool(folder / f"{clip}-{writer[:4]}", clip, writer, options)
                here = os.sched_getaffinity(0)
                # One core is the same story for both kinds of dump.
                for cores in sorted({1, min(2, len(here)), len(here)} - ({1} if writer != "ours" else set())):
                    measured = _compare(jobs, clip, writer, cores, options)
                    yield from _rows(jobs, clip, writer, cores, measured)
                if writer == "ours":
                    ratios, described = _simulated(jobs, measured, options)
                    cells.append([clip, *described])
                    for cores in (4, 16):
                        yield Row(
                            what=f"{clip}, {cores} cores, one encoder: wall, simulated",
                            value=ratios[cores],
                            bar="<= 1.0",
                            figures=f"{described[0]} ms a job in the one process, so it fills {described[1]} cores",
                            why=LIMIT,
                        )
    yield Table(
        "Simulated: wall time of one encoder over `xargs -PN`'s on N cores, start-up aside",
        ["clip", "the one process, ms a job", "cores that it fills", *(f"{n} cores" for n in SIMULATED_CORES)],
        cells,
    )


def _spool(root: Path, clip: str, writer: str, options: Options) -> list[Path]:
    frames, count = SPOOLS[clip]
    jobs = range(options.sizes(count, 4))
    length = options.sizes(frames, 20)
    return [dump(root / f"job-{job:02d}", clip, length, writer=writer, first=7 * job) for job in jobs]


def _compare(jobs: list[Path], clip: str, writer: str, cores: int, options: Options) -> dict[str, Measured]:
    root = jobs[0].parent
    names = root.with_suffix(".list")
    names.write_text("".join(f"{job}\n" for job in jobs))
    processors = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    only = ["taskset", "--cpu-list", processors]
    hand = by_hand("JOB", "JOB.by-hand.mp4", CLIPS[clip].width, CLIPS[clip].height)
    return measure(
        {
            "ours": [*only, *_ours(root), *(["--salvage"] if writer != "ours" else [])],
            "by hand": [*only, "xargs", "--arg-file", names, f"-P{cores}", "-I", "JOB", *hand],
        },
        options.rounds(2 if cores > 1 else 1),
    )


def _ours(*roots: Path) -> list[str]:
    return [DADDY_ENCODE, "encode", *map(str, roots), "--video", "mp4", "--force"]


def _rows(jobs: list[Path], clip: str, writer: str, cores: int, measured: dict[str, Measured]) -> Iterator[Row]:
    ours, hand = measured["ours"], measured["by hand"]
    same = sum(
        job.with_name(f"{job.name}.mp4").read_bytes() == job.with_name(f"{job.name}.by-hand.mp4").read_bytes()
        for job in jobs
    )
    frames = len(list(jobs[0].glob("*.png")))
    what = f"{clip}, {len(jobs)} jobs of {frames} frames, {writer} PNGs, {cores} core{'s' if cores > 1 else ''}"
    yield Row(
        what=f"{what}: wall",
        value=ours.wall / hand.wall,
        bar="<= 1.0",
        figures=f"{ours.wall:.2f} s ({ours.spread}) against {hand.wall:.2f} s ({hand.spread}); "
        f"same bytes: {same} of {len(jobs)}",
        why=COST,
    )
    yield Row(
        what=f"{what}: CPU",
        value=ours.cpu / hand.cpu,
        bar="<= 1.05",
        figures=f"{ours.cpu:.2f} s against {hand.cpu:.2f} s",
        why=COST,
    )


def _simulated(jobs: list[Path], measured: dict[str, Measured], options: Options) -> tuple[dict[int, float], list[str]]:
    """The ratio of wall times by number of cores, and a row of the table."""
    runs = {name: [*_ours(*some), "--workers", "16"] for name, some in (("all", jobs), ("few", jobs[:FEW]))}
    both = measure(runs, options.rounds(2))
    alone = {name: own_seconds(command) for name, command in runs.items()}
    count = len(jobs) - FEW
    serial = max(1e-4, (alone["all"] - alone["few"]) / count)
    ours = (both["all"].cpu - both["few"].cpu) / count
    hand = measured["by hand"].cpu / len(jobs)
    ratios = {cores: max(serial, ours / cores) / (hand / cores) for cores in SIMULATED_CORES}
    return ratios, [f"{1000 * serial:.1f}", f"{ours / serial:.0f}", *(f"{ratio:.2f}" for ratio in ratios.values())]
