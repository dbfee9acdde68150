"""Many jobs in one run of the command against `xargs -P` and ffmpeg typed by hand."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks import many_jobs
from tests.benchmarks.by_hand import of_raw_yuv, raw_yuv
from tests.benchmarks.clips import CLIPS, WRITERS, cycled, dump
from tests.benchmarks.measure import Measured
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row

TITLE = "Many jobs, against `xargs -P` of ffmpeg by hand"
ABOUT = """
`daddy-encode encode ROOT --force` from its start to its end, against `xargs -PN` that starts an ffmpeg with the same
flags for each job, N the number of cores (`taskset`); the MP4s have the same bytes. Start-up is included, and so is
what xargs has no word for: claims, receipts, checks of each frame, read-back, flushes to disk. Pillow's dumps have no
manifest, so the command has `--salvage` there. The command sets the scheduling policy `SCHED_BATCH` for itself and its
ffmpeg; by hand nobody does.

The raw limit, for Humanoid: `xargs -PN` of x264 with the same flags, fed each job's frames as raw yuv420p from a file
in the page cache: no PNG is read or checked, nothing converted.

Of more cores than this machine has: [one to sixteen cores](#one-to-sixteen-cores).
"""
# Frames of a job, jobs.
SPOOLS = {"breakout": (100, 48), "cartpole": (75, 12), "cheetah": (75, 12), "humanoid": (60, 8)}
RAW = "humanoid"
RAW_WHY = (
    "ffmpeg by hand, which checks nothing, takes {:.2f} of the limit: x264 takes 5 ms of processor time for a frame, "
    "the conversion of its colours 4, so that raw RGB, without any PNG, takes 1.8 already; to inflate and unfilter "
    "PNGs takes another 4"
)


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip in options.sizes((*SPOOLS,), ("breakout", RAW)):
            for writer in WRITERS:
                jobs = _spool(folder / f"{clip}-{writer[:4]}", clip, writer, options)
                here = len(os.sched_getaffinity(0))
                # One core is the same story for both kinds of dump.
                for cores in sorted({1, min(2, here), here} - ({1} if writer != "ours" and here > 1 else set())):
                    has_limit = clip == RAW and writer == "ours" and cores == here
                    measured = many_jobs.compare(
                        jobs,
                        clip,
                        cores,
                        options.rounds(2 if cores > 1 else 1),
                        salvage=writer != "ours",
                        others=_raw_limit(jobs, clip) if has_limit else {},
                    )
                    frames = len(list(jobs[0].glob("*.png")))
                    what = f"{clip}, {len(jobs)} jobs of {frames} frames, {writer} PNGs, {many_jobs.counted(cores)}"
                    yield from many_jobs.rows(jobs, what, measured)
                    if has_limit:
                        yield _against_the_limit(what, measured)


def _spool(root: Path, clip: str, writer: str, options: Options) -> list[Path]:
    frames, count = SPOOLS[clip]
    jobs = range(options.sizes(count, 4))
    length = options.sizes(frames, 20)
    return [dump(root / f"job-{job:02d}", clip, length, writer=writer, first=7 * job) for job in jobs]


def _raw_limit(jobs: Sequence[Path], clip: str) -> dict[str, list[str]]:
    """x264 alone on the jobs' frames, which are written here."""
    for index, job in enumerate(jobs):
        count = len(list(job.glob("*.png")))
        raw_yuv(np.array(list(cycled(clip, count, 7 * index))), job.with_suffix(".yuv"))
    return {"limit": of_raw_yuv("JOB.yuv", "JOB.limit.mp4", CLIPS[clip].width, CLIPS[clip].height)}


def _against_the_limit(what: str, measured: dict[str, Measured]) -> Row:
    ours, hand, limit = measured["ours"], measured["by hand"], measured["limit"]
    return Row(
        what=f"{what}: wall, against x264 fed raw yuv420p from memory",
        value=ours.wall / limit.wall,
        bar="<= 1.3",
        figures=f"{ours.wall_seconds()} against {limit.wall_seconds()}; CPU {ours.cpu:.2f} s against {limit.cpu:.2f} s",
        why=RAW_WHY.format(hand.wall / limit.wall),
    )
