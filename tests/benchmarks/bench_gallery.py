"""The gallery: what its page takes to make, of 1,000 and 5,000 jobs, and to bring up to date."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.clips import dump
from tests.benchmarks.finished import finished_copies
from tests.benchmarks.gallery_in_browser import browser_rows
from tests.benchmarks.measure import Command, command_seconds, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Row

TITLE = "The gallery: one page over 1,000 and 5,000 jobs"
ABOUT = """
`daddy-encode gallery ROOT` over jobs that are done, 100 to a directory: their videos, and their 30 frames each, are
hard links to those of one Breakout dump; their receipts differ. Page: without small pictures, start-up included. One
new receipt: what `watch --gallery` does once it knows of it, up to the page under its name. Small pictures: of 200
videos of 240 frames.

In a browser: Chromium, headless, which draws by software, 1280x800, from `file://`. Twelve are rollouts of Gymnasium
with their rewards (four policies of each of three short trainings), 800 and 5,000 have the videos of four clips, 120
frames each. Scrolling: 100 pixels at each of 180 frames; the longest frame of each of five runs, and their median.
Memory: the proportional set size of the page's process.
"""
COUNTS = (1_000, 5_000)
# Looks at one receipt that is new among all, and writes the page, ten times; prints the median and the longest time.
REFRESH = """
import json, sys, time
from pathlib import Path
from daddy_encode.report.gallery.gallery import Gallery
gallery = Gallery(Path(sys.argv[1]))
gallery.scan()
gallery.publish()
path = Path(sys.argv[2])
receipt = json.loads(path.read_text())
times = []
for number in range(10):
    path.unlink()
    path.write_text(json.dumps({**receipt, "finished": receipt["finished"] + number + 1}))
    begin = time.perf_counter()
    gallery.refresh(path)
    assert gallery.publish()
    times.append(time.perf_counter() - begin)
print(sorted(times)[5], max(times))
"""


def run(options: Options) -> Iterator[Item]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _page(folder, options)
        yield _refreshed(folder / f"spool-{options.sizes(COUNTS, (10, 50))[-1]}")
        yield _sprites(folder / "sprites", options)
        yield from browser_rows(folder / "browser", options)


def spool_of(folder: Path, count: int, frames: int = 30) -> Path:
    """A spool with so many encoded jobs of `frames` Breakout frames; each has its own meta."""
    job = folder / "one" / str(frames) / "job"
    if not job.exists():
        dump(job, "breakout", frames)
        subprocess.run([DADDY_ENCODE, "encode", job, "--video", "mp4"], check=True, capture_output=True)
    spool = folder / f"spool-{count}"
    finished_copies(job, spool, count, a_directory=100)
    receipt = json.loads(job.with_name("job.receipt.json").read_text())
    for number, path in enumerate(sorted(spool.glob("run-*/*.receipt.json"))):
        path.unlink()
        meta = {"environment": "ALE/Breakout-v5", "policy": f"ppo-{number % 3}", "seed": number, "step": number * 1000}
        more = {"meta": {**meta, "return": number % 37 - 5.5}, "finished": receipt["finished"] + number}
        path.write_text(json.dumps({**receipt, **more, "job": path.name.removesuffix(".receipt.json")}, indent=2))
    return spool


def _page(folder: Path, options: Options) -> Iterator[Item]:
    peaks = {}
    for count in options.sizes(COUNTS, (10, 50)):
        spool = spool_of(folder, count)
        command: Command = [DADDY_ENCODE, "gallery", spool, "--no-sprites"]
        took = measure({"page": command}, options.rounds(5))["page"]
        peaks[count] = took.peak / 1e6
        yield Row(
            what=f"page over {count:,} jobs: seconds",
            value=took.wall,
            bar="<= 5",
            figures=f"{took.wall_seconds()}, CPU {took.cpu:.2f} s, "
            f"{(spool / 'index.html').stat().st_size / 1e6:.2f} MB of page",
        )
    few, many = peaks
    yield Row(
        what=f"peak memory at {many:,} jobs, MB",
        value=peaks[many],
        bar="<= 100",
        figures=f"{peaks[few]:.0f} MB at {few:,}: {1000 * (peaks[many] - peaks[few]) / (many - few):.1f} kB a job",
    )


def _refreshed(spool: Path) -> Row:
    receipt = sorted(spool.glob("run-*/*.receipt.json"))[0]
    done = subprocess.run(
        [sys.executable, "-c", REFRESH, spool, receipt], check=True, capture_output=True, text=True, timeout=600
    )
    median, longest = map(float, done.stdout.split())
    count = int(spool.name.rpartition("-")[2])
    return Row(
        what=f"one new receipt among {count:,}, to the page on disk: seconds",
        value=median,
        bar="<= 0.3",
        figures=f"{1000 * median:.0f} ms, {1000 * longest:.0f} ms at most",
    )


def _sprites(folder: Path, options: Options) -> Row:
    count = options.sizes(200, 4)
    spool = spool_of(folder, count, 240)
    wall, cpu = command_seconds([DADDY_ENCODE, "gallery", spool])
    kilobytes = sum(path.stat().st_size for path in spool.glob("index.files/*.js")) / count / 1000
    return Row(
        what=f"small pictures of {count} videos of 240 frames: CPU milliseconds each",
        value=1000 * cpu / count,
        figures=f"{wall:.1f} s in all, {kilobytes:.0f} kB each",
    )
