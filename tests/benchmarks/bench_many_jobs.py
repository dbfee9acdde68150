"""Many jobs in one run of the command against `xargs -P` and ffmpeg typed by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, WRITERS, dump
from tests.benchmarks.measure import Measured, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Row, Table
from tests.stand_in import write_ffmpeg

TITLE = "Many jobs, against `xargs -P` of ffmpeg by hand"
ABOUT = """
`daddy-encode encode ROOT --force` from its start to its end, against `xargs -PN` that starts an ffmpeg with the same
flags for each job, N the number of cores (`taskset`); the MP4s have the same bytes. Start-up is included, and so is
what xargs has no word for: claims, receipts, checks of each frame, read-back, flushes to disk. Pillow's dumps have no
manifest, so the command has `--salvage` there.

**More cores are simulated.** Frames of all jobs go through one Python process, whose interpreter lock is the limit. So
ffmpeg's place is taken by a program that throws its frames away and returns a finished MP4: what a job then takes, with
16 workers on this machine, is the least that one encoder process needs for it, however many cores there are. On N cores
a run takes the longer of that and an Nth of its processor time, and ffmpeg by hand an Nth of its own. Start-up is left
out on both sides. Beyond the cores that one encoder process fills, further ones on the same spool share the rest.
"""
# Frames of a job, jobs.
SPOOLS = {"breakout": (100, 48), "cartpole": (75, 12), "cheetah": (75, 12), "humanoid": (60, 4)}
SIMULATED_CORES = (1, 2, 4, 8, 16)
COST = (
    "each frame is read, checked, digested, listed three times and handed over by one Python process, and each job has "
    "a claim, receipts, a read-back and flushes to disk; start-up is a part of so short a run"
)
LIMIT = (
    "one Python process reads, checks and hands over all frames, and its interpreter lock lets one thread at a time do "
    "so; a second encoder on the same spool doubles that"
)
# Throws its frames away, and returns the finished video in $CANNED.
STAND_IN = """
for argument in "$@"; do case "$argument" in file:*) output="${argument#file:}" ;; esac; done
echo "ffmpeg version 9.0 for a benchmark" >&2
cat > /dev/null
exec cat "$CANNED" > "$output"
"""


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
                    ratios, described = _simulated(jobs, folder, measured, options)
                    cells.append([clip, *described])
                    for cores in (4, 16):
                        yield Row(
                            what=f"{clip}, {cores} cores, one encoder process: wall, simulated",
                            value=ratios[cores],
                            bar="<= 1.0",
                            figures=f"at least {described[0]} ms a job, so it fills {described[1]} cores",
                            why=LIMIT,
                        )
    yield Table(
        "Simulated: wall time of one encoder process over `xargs -PN`'s on N cores, start-up aside",
        ["clip", "one process's least, ms a job", "cores that it fills", *(f"{n} cores" for n in SIMULATED_CORES)],
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


def _ours(root: Path) -> list[str]:
    return [DADDY_ENCODE, "encode", str(root), "--video", "mp4", "--force"]


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


def _simulated(
    jobs: list[Path], folder: Path, measured: dict[str, Measured], options: Options
) -> tuple[dict[int, float], list[str]]:
    """The ratio of wall times by number of cores, and a row of the table."""
    root = jobs[0].parent
    canned = root.with_suffix(".mp4")
    canned.write_bytes(jobs[0].with_name(f"{jobs[0].name}.mp4").read_bytes())
    stand_in = write_ffmpeg(folder / "stand-in" / "ffmpeg", STAND_IN)
    environment = ["env", f"IMAGEIO_FFMPEG_EXE={stand_in}", f"CANNED={canned}"]
    empty = measure(
        {
            "all": [*environment, *_ours(root), "--workers", "16"],
            "one": [*environment, *_ours(jobs[0])],
        },
        options.rounds(2),
    )
    serial = max(1e-4, (empty["all"].wall - empty["one"].wall) / (len(jobs) - 1))
    ours = (measured["ours"].cpu - empty["one"].cpu) / len(jobs)
    hand = measured["by hand"].cpu / len(jobs)
    ratios = {cores: max(serial, ours / cores) / (hand / cores) for cores in SIMULATED_CORES}
    return ratios, [f"{1000 * serial:.0f}", f"{ours / serial:.1f}", *(f"{ratio:.2f}" for ratio in ratios.values())]
