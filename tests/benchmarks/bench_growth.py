"""What a frame, a job and an encoder cost as there are more of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.clips import dump
from tests.benchmarks.finished import finished_copies
from tests.benchmarks.linked import linked
from tests.benchmarks.measure import command_seconds, measure, peak_bytes
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Plot, Row
from tests.benchmarks.side_by_side import together

TITLE = "Growth: frames of a job, jobs of a spool, encoders"
ABOUT = """
Each through the command, on spools made of hard links to the frames of a few Breakout dumps. From each time the fixed
start-up is taken off: what the same command takes for one job, of one frame, or one that is done. A bar compares the
largest with the smallest.

- Frames: one job of 300, 3,000 and 30,000 frames, the same 300 over and over.
- Jobs: 100, 1,000 and 3,000 jobs of 2 frames in one directory are encoded. Of 100, 1,000 and 20,000 that are done
  already, 100 to a directory, a second run and `status` are timed. To encode 20,000 would take longer than all else.
- Encoders: 1 to 16 processes `daddy-encode encode ROOT --workers 1`, started together on one spool of 160 jobs of
  100 frames on this machine's cores: processor time a job, and how many videos were made twice.

Memory is the peak of the whole process tree.
"""
NAMES = (
    "the names of 30,000 frames, listed before and after, are 8 MB, and ffmpeg's index of them 3 MB; of a long job's "
    "frames numpy converts what has changed, and to load that takes 16 MB"
)
VISITS = (
    "each encoder comes to each job once, also where another has claimed or made it, and that costs half a millisecond"
)
FRAMES = (300, 3_000, 30_000)
JOBS = (100, 1_000, 3_000)
FINISHED = (100, 1_000, 20_000)
ENCODERS = (1, 2, 4, 8, 16)


def run(options: Options) -> Iterator[Item]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _frames(folder / "frames", options)
        yield from _jobs(folder / "jobs", options)
        yield from _finished(folder / "finished", options)
        yield from _encoders(folder / "encoders", options)


def _frames(folder: Path, options: Options) -> Iterator[Item]:
    source = dump(folder / "source", "breakout", 300)
    times, memory = [], []
    start_up = _median(_encode(linked(source, folder / "one", 1), "--force"), options.rounds(5))[0]
    for count in options.sizes(FRAMES, (300, 900)):
        job = linked(source, folder / f"job-{count}", count)
        wall = _median(_encode(job, "--force"), options.rounds(5 if count == 300 else 2 if count == 3_000 else 1))[0]
        times.append((float(count), 1000 * (wall - start_up) / count))
        memory.append((float(count), peak_bytes(_encode(job, "--force")) / 1e6))
    yield _row("one job: wall time of a frame", "frames", times, "ms")
    yield _row("one job: peak memory", "frames", memory, "MB", NAMES)
    yield Plot("growth-frames", "One job of more and more frames", "frames", "ms a frame", {"wall": times})
    yield Plot("growth-memory", "Peak memory of the process tree", "frames", "MB", {"one job": memory})


def _jobs(folder: Path, options: Options) -> Iterator[Item]:
    source = dump(folder / "source", "breakout", 2)
    start_up = _median(_encode(source, "--force"), options.rounds(5))
    walls, cpus = [], []
    for count in options.sizes(JOBS, (10, 40)):
        root = folder / f"spool-{count}"
        for number in range(count):
            linked(source, root / f"job-{number:05d}", 2)
        wall, cpu = command_seconds(_encode(root))
        walls.append((float(count), 1000 * (wall - start_up[0]) / count))
        cpus.append((float(count), 1000 * (cpu - start_up[1]) / count))
        assert len(list(root.glob("*.receipt.json"))) == count
    yield _row("many jobs: wall time of a job", "jobs", walls, "ms")
    yield _row("many jobs: CPU of a job", "jobs", cpus, "ms")
    yield Plot("growth-jobs", "Jobs of 2 frames, encoded", "jobs", "ms a job", {"wall": walls, "CPU": cpus})


def _finished(folder: Path, options: Options) -> Iterator[Item]:
    job = dump(folder / "source" / "job", "breakout", 2)
    command_seconds(_encode(job))
    commands = {"second run": ["encode", "--video", "mp4"], "status": ["status"]}
    times: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
    memory: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
    start_up = {
        what: _median([DADDY_ENCODE, *arguments, str(job.parent)], options.rounds(5))[0]
        for what, arguments in commands.items()
    }
    for count in options.sizes(FINISHED, (10, 200)):
        root = folder / f"spool-{count}"
        finished_copies(job, root, count, a_directory=100)
        for what, arguments in commands.items():
            command = [DADDY_ENCODE, *arguments, str(root)]
            wall = _median(command, options.rounds(1 if count > 1_000 else 3))[0]
            times[what].append((float(count), 1000 * (wall - start_up[what]) / count))
            memory[what].append((float(count), peak_bytes(command) / 1e6))
    for what in commands:
        yield _row(f"finished jobs: wall time of a job, {what}", "jobs", times[what], "ms")
        yield _row(f"finished jobs: peak memory, {what}", "jobs", memory[what], "MB")
    yield Plot("growth-finished", "Jobs that are done", "jobs", "ms a job", times)
    yield Plot("growth-finished-memory", "Jobs that are done: peak memory", "jobs", "MB", memory)


def _encoders(folder: Path, options: Options) -> Iterator[Item]:
    source = dump(folder / "source", "breakout", 100)
    command_seconds(_encode(source))
    start_up = _median(_encode(source), options.rounds(5))[1]
    count = options.sizes(160, 16)
    root = folder / "spool"
    for number in range(count):
        linked(source, root / f"job-{number:05d}", 100)
    times, made_twice = [], 0
    for encoders in options.sizes(ENCODERS, (1, 4)):
        for path in (*root.glob("*.mp4"), *root.glob("*.receipt.json")):
            path.unlink()
        _, cpu, made = together([_encode(root, "--workers", "1", "--json")] * encoders)
        times.append((float(encoders), 1000 * (cpu - encoders * start_up) / count))
        made_twice += made - count
    yield _row("encoders side by side: CPU of a job", "encoders", times, "ms", VISITS)
    yield Row(
        what="encoders side by side: videos made twice",
        value=made_twice,
        bar="<= 0",
        figures=f"of {len(times) * count}, with {', '.join(f'{x:g}' for x, _ in times)} encoders",
    )
    yield Plot("growth-encoders", "Encoders on one spool", "encoders", "CPU ms a job", {"CPU": times})


def _encode(path: Path, *options: str) -> list[str]:
    return [DADDY_ENCODE, "encode", str(path), "--video", "mp4", *options]


def _median(command: list[str], rounds: int) -> tuple[float, float]:
    """Wall and processor seconds."""
    measured = measure({"": command}, rounds)[""]
    return measured.wall, measured.cpu


def _row(what: str, of: str, points: list[tuple[float, float]], unit: str, why: str = "") -> Row:
    figures = "; ".join(f"{count:,.0f} {of}: {value:.3g} {unit}" for count, value in points)
    if min(value for _, value in points) <= 0:
        why = "what is left of so short a time without the start-up says nothing"
    return Row(what=what, value=points[-1][1] / points[0][1], bar="<= 1.1", figures=figures, why=why)
