"""Many jobs on 1 to 16 cores, as many as the machine has, and encoders side by side with a core each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import many_jobs
from tests.benchmarks.clips import CLIPS, dump
from tests.benchmarks.linked import linked
from tests.benchmarks.measure import Measured, command_seconds, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Plot, Row, Table
from tests.benchmarks.side_by_side import together

TITLE = "One to sixteen cores"
ABOUT = """
On a machine with more cores than that of the other sections; each number of cores up to what it has.

- Many jobs: `daddy-encode encode ROOT --force`, as a user types it, against `xargs -PN` of ffmpeg by hand, N the number
  of cores (`taskset`), as in [many jobs](#many-jobs-against-xargs--p-of-ffmpeg-by-hand), start-up included. Twice the
  cores have twice the jobs, hard links to the frames of six dumps of ours.
- Beside it what two of these cores say of the others: processor time of a job in all processes, and in the one that
  gives out jobs (many jobs, simulated).
- Encoders side by side: processes `daddy-encode encode ROOT --workers 1`, one to a core (`taskset`), started together
  on one spool of Breakout jobs of 100 frames, 40 for each encoder; the fixed start-up, of a job that is done, is taken
  off. Each looks at all jobs, also at those of the others, so there is more to look at with each encoder.
"""
CORES = (1, 2, 4, 8, 16)
# Frames of a job, jobs for each core.
SPOOLS = {"breakout": (100, 20), "cartpole": (75, 6), "cheetah": (75, 6), "humanoid": (60, 3)}
DIFFERENT = 6
ROUNDS = 3
FOR_AN_ENCODER = 40
VISITS = "each encoder comes to each job once, also where another has claimed or made it"


def run(options: Options) -> Iterator[Item]:
    here = [cores for cores in CORES if cores <= len(os.sched_getaffinity(0))]
    yield from _many_jobs(options.sizes(here, here[-1:]), options)
    yield from _encoders(options.sizes(here, here[-1:]), options)


def _many_jobs(numbers: list[int], options: Options) -> Iterator[Item]:
    cells: list[list[str]] = []
    speeds: dict[str, list[tuple[float, float]]] = {}
    for clip in options.sizes((*SPOOLS,), ("breakout",)):
        frames, for_a_core = SPOOLS[clip]
        ratios: dict[int, float] = {}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            count = options.sizes(frames, 20)
            different = [dump(folder / f"dump-{i}", clip, count, first=11 * i) for i in range(DIFFERENT)]
            for cores in numbers:
                jobs = [
                    linked(different[index % DIFFERENT], folder / f"on-{cores}" / f"job-{index:03d}")
                    for index in range(cores * options.sizes(for_a_core, 4))
                ]
                measured = many_jobs.compare(jobs, clip, cores, options.rounds(ROUNDS))
                what = f"{clip} {CLIPS[clip].size}, {len(jobs)} jobs of {count} frames, {many_jobs.counted(cores)}"
                yield from many_jobs.rows(jobs, what, measured)
                ratios[cores] = measured["ours"].wall / measured["by hand"].wall
                speeds.setdefault(clip, []).append((float(cores), len(jobs) / measured["ours"].wall))
                if cores == min(2, numbers[-1]) or len(numbers) == 1:
                    cells += _simulated(clip, jobs, cores, measured["by hand"], numbers, options)
            cells.append([clip, "measured, with start-up", "", *(f"{ratios[cores]:.2f}" for cores in numbers)])
    yield Table(
        "Wall time of one encoder over `xargs -PN`'s on N cores",
        ["clip", "", "cores that the one process fills", *map(many_jobs.counted, numbers)],
        cells,
    )
    if len(numbers) > 1:
        yield Plot("cores-speed", "Many jobs in one run of the command", "cores", "jobs a second", speeds)


def _simulated(
    clip: str, jobs: list[Path], cores: int, hand: Measured, numbers: list[int], options: Options
) -> list[list[str]]:
    _, filled, ratios = many_jobs.simulated(jobs, hand, numbers, options.rounds(1), many_jobs.only(cores))
    return [[clip, "simulated, without", f"{filled:.0f}", *(f"{ratio:.2f}" for ratio in ratios.values())]]


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
