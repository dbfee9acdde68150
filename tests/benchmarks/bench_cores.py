"""Many jobs on 1 to 16 cores, as many as the machine has, and encoders side by side with a core each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import many_jobs
from tests.benchmarks.clips import CLIPS, dump
from tests.benchmarks.linked import linked
from tests.benchmarks.measure import command_seconds, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Plot, Row, Table
from tests.benchmarks.side_by_side import together

TITLE = "One to sixteen cores"
ABOUT = """
On a machine with more cores than that of the other sections; each number of cores up to what it has.

- Many jobs: `daddy-encode encode ROOT --force`, as a user types it, against `xargs -PN` of ffmpeg by hand, N the number
  of cores (`taskset`), as in [many jobs](#many-jobs-against-xargs--p-of-ffmpeg-by-hand), start-up included. Twice the
  cores have twice the jobs, hard links to the frames of six dumps of ours.
- With three workers and more a process for each core works the jobs, and one process more gives them out and takes in
  what became of them. What a job costs that one says how many cores it can keep busy.
- Encoders side by side: processes `daddy-encode encode ROOT --workers 1`, one to a core (`taskset`), started together
  on one spool of Breakout jobs of 100 frames, 40 for each encoder; the fixed start-up, of a job that is done, is taken
  off. Each looks at all jobs, also at those of the others, so there is more to look at with each encoder.
"""
CORES = (1, 2, 4, 8, 16)
# Frames of a job, jobs for each core.
SPOOLS = {"breakout": (100, 20), "cartpole": (75, 6), "cheetah": (75, 6), "humanoid": (60, 3)}
DIFFERENT = 6
# On all cores a longer run, too, of the clip on which start-up is the largest part: so many times the jobs.
SHORT_JOBS, LONGER = ("breakout",), 4
ROUNDS = 3
FOR_AN_ENCODER = 40
START_UP = (
    "start-up and the end, when cores wait, are a tenth of so short a run, and gone with four times the jobs: Python, "
    "looking for the jobs, a process for each core; of small frames, claims, receipts, checks, read-back and flushes "
    "are up to a tenth of the processor time"
)
VISITS = (
    "of 16 encoders each looks at all 640 jobs, also at those that others have, which makes some 8 ms for each of its "
    "own 40; what is wall time alone is waiting, for flushes to one disk and at the end for the slowest"
)


def run(options: Options) -> Iterator[Item]:
    here = [cores for cores in CORES if cores <= len(os.sched_getaffinity(0))]
    yield from _many_jobs(options.sizes(here, here[-1:]), options)
    yield from _encoders(options.sizes(here, here[-1:]), options)


def _many_jobs(numbers: list[int], options: Options) -> Iterator[Item]:
    cells: list[list[str]] = []
    speeds: dict[str, list[tuple[float, float]]] = {}
    for clip in options.sizes((*SPOOLS,), ("breakout",)):
        frames, for_a_core = SPOOLS[clip]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            count = options.sizes(frames, 20)
            different = [dump(folder / f"dump-{i}", clip, count, first=11 * i) for i in range(DIFFERENT)]
            longer = [(numbers[-1], LONGER)] if clip in SHORT_JOBS and numbers[-1] > 2 else []
            for cores, times in [*((cores, 1) for cores in numbers), *longer]:
                jobs = [
                    linked(different[index % DIFFERENT], folder / f"on-{cores}-{times}" / f"job-{index:04d}")
                    for index in range(times * cores * options.sizes(for_a_core, 4))
                ]
                measured = many_jobs.compare(jobs, clip, cores, options.rounds(ROUNDS))
                what = f"{clip} {CLIPS[clip].size}, {len(jobs)} jobs of {count} frames, {many_jobs.counted(cores)}"
                yield from many_jobs.rows(jobs, what, measured, START_UP)
                if times == 1:
                    speeds.setdefault(clip, []).append((float(cores), len(jobs) / measured["ours"].wall))
            of_one, job = many_jobs.handing_out(jobs, cores), measured["ours"].cpu / len(jobs)
            cells.append([clip, f"{1000 * job:.1f}", f"{1000 * of_one:.2f}", f"{job / of_one:.0f}"])
    yield Table(
        f"Processor time of a job on {many_jobs.counted(numbers[-1])}, ms",
        ["clip", "in all processes", "in the one that gives out jobs", "cores that this one can keep busy"],
        cells,
    )
    if len(numbers) > 1:
        yield Plot("cores-speed", "Many jobs in one run of the command", "cores", "jobs a second", speeds)


def _encoders(numbers: list[int], options: Options) -> Iterator[Item]:
    walls, cpus, made_twice, videos = [], [], 0, 0
    processors = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = dump(folder / "source", "breakout", options.sizes(100, 20))
        command = [DADDY_ENCODE, "encode", "--video", "mp4", "--workers", "1", "--json"]
        command_seconds([*command, source])
        start_up = measure({"": [*many_jobs.only(1), *command, source]}, options.rounds(5))[""]
        for encoders in numbers:
            root = folder / f"spool-{encoders}"
            count = encoders * options.sizes(FOR_AN_ENCODER, 4)
            for number in range(count):
                linked(source, root / f"job-{number:05d}")
            wall, cpu, made = together(
                [["taskset", "--cpu-list", str(core), *command, root] for core in processors[:encoders]]
            )
            walls.append((float(encoders), 1000 * (wall - start_up.wall) * encoders / count))
            cpus.append((float(encoders), 1000 * (cpu - encoders * start_up.cpu) / count))
            made_twice, videos = made_twice + made - count, videos + count
    for what, points in (("wall", walls), ("CPU", cpus)):
        yield Row(
            what=f"encoders side by side, a core each: {what} time of a job on its core",
            value=points[-1][1] / points[0][1],
            bar="<= 1.1",
            figures="; ".join(f"{x:g}: {y:.1f} ms" for x, y in points),
            why=VISITS,
        )
    yield Row(
        what="encoders side by side: videos made twice",
        value=made_twice,
        bar="<= 0",
        figures=f"of {videos}, with {', '.join(f'{x:g}' for x in numbers)} encoders",
    )
    if len(numbers) > 1:
        series = {"wall": walls, "CPU": cpus}
        yield Plot("cores-encoders", "Encoders on one spool, a core each", "encoders", "ms a job", series)
