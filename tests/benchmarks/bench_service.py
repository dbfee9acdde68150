"""The watcher: throughput against `xargs -P`, latency on an idle spool, what 20,000 finished jobs cost."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import CLIPS, dump
from tests.benchmarks.finished import finished_copies
from tests.benchmarks.measure import ended
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row

TITLE = "The watcher: throughput, latency, 20,000 finished jobs"
ABOUT = """
`daddy-encode watch ROOT` that runs already. Throughput: a tree of Breakout jobs of 100 frames is renamed into ROOT, and
the time runs until the last receipt is there; beside it `xargs -P` of ffmpeg with the same flags, as many at a time as
there are workers. Latency: from the rename of a manifest on an idle spool to the MP4 under its name, less what ffmpeg
by hand takes. Finished jobs: what their scans cost a watcher that has nothing to do, in system calls (strace of the
scanner), processor time and memory.
"""
FRAMES = 100


def run(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _throughput(folder / "throughput", options)
        yield _latency(folder / "latency", options)
        yield from _finished(folder / "finished", options)


def _breakout(directory: Path, number: int = 0) -> Path:
    return dump(directory, "breakout", FRAMES, first=number)


def _by_hand(job: Path | str) -> list[str]:
    """ffmpeg's command line that makes `job`.by-hand.mp4 of a Breakout job."""
    return by_hand(job, f"{job}.by-hand.mp4", CLIPS["breakout"].width, CLIPS["breakout"].height)


def _made(job: Path, suffix: str) -> Path:
    return job.parent / (job.name + suffix)


@contextmanager
def _watcher(spool: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [DADDY_ENCODE, "watch", str(spool), *options]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ended(child):
        yield child


def _throughput(folder: Path, options: Options) -> Row:
    """A watcher that runs, on the one side, and `xargs` on the other; the jobs come all at once."""
    away, spool = folder / "away", folder / "spool" / "tree"
    count, workers = options.sizes(60, 4), len(os.sched_getaffinity(0))
    for number in range(count):
        _breakout(away / f"run-{number // 20}" / f"job-{number:03d}", number)
    spool.parent.mkdir()

    def jobs(tree: Path) -> list[Path]:
        return sorted(job for job in tree.glob("run-*/job-*") if job.is_dir())

    def watch() -> float:
        for suffix in (".mp4", ".receipt.json"):
            for job in jobs(away):
                _made(job, suffix).unlink(missing_ok=True)
        begin = time.perf_counter()
        away.rename(spool)
        for job in jobs(spool):
            while not _made(job, ".receipt.json").exists():
                time.sleep(0.01)
        seconds = time.perf_counter() - begin
        # A lease that is moved away with the tree would hold up the next round until it runs out.
        while any(spool.glob("run-*/.daddy-encode/*")):
            time.sleep(0.01)
        return seconds

    def xargs() -> float:
        names = "\n".join(map(str, jobs(away))).encode()
        begin = time.perf_counter()
        subprocess.run(["xargs", f"-P{workers}", "-I", "JOB", *_by_hand("JOB")], input=names, check=True)
        return time.perf_counter() - begin

    by_hand, watched = [], []
    with _watcher(spool.parent, "--workers", str(workers)):
        time.sleep(3)
        for _ in range(options.rounds(3)):
            by_hand.append(xargs())
            watched.append(watch())
            same = sum(
                _made(job, ".mp4").read_bytes() == _made(job, ".by-hand.mp4").read_bytes() for job in jobs(spool)
            )
            spool.rename(away)
            # Until the watcher knows that they have gone.
            time.sleep(3)
    ours, theirs = statistics.median(watched), statistics.median(by_hand)
    return Row(
        what=f"{count} jobs of {FRAMES} frames, {workers} workers: xargs' time over the watcher's",
        value=theirs / ours,
        bar=">= 0.9",
        figures=f"watch {ours:.2f} s ({min(watched):.2f} to {max(watched):.2f}), xargs {theirs:.2f} s "
        f"({min(by_hand):.2f} to {max(by_hand):.2f}); same bytes: {same} of {count}",
    )


def _latency(folder: Path, options: Options) -> Row:
    """Seconds from the manifest's rename to the MP4 under its name, less what ffmpeg by hand takes for it."""
    folder.mkdir()
    waits, bare = [], []
    with _watcher(folder):
        time.sleep(3)
        for number in range(options.rounds(5)):
            # Complete but for the manifest's name.
            job = _breakout(folder.parent / "elsewhere" / f"job-{number}", number)
            (job / "manifest.json").rename(job / "manifest.later")
            job = job.rename(folder / job.name)
            # As long as a scan that the new directory has asked for.
            time.sleep(1.5)
            begin = time.perf_counter()
            (job / "manifest.later").rename(job / "manifest.json")
            while not _made(job, ".mp4").exists():
                time.sleep(0.002)
            waits.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            subprocess.run(_by_hand(job), check=True)
            bare.append(time.perf_counter() - begin)
    wait, encode = statistics.median(waits), statistics.median(bare)
    return Row(
        what="from manifest to MP4, less the bare encode, idle watcher: seconds",
        value=wait - encode,
        bar="<= 1.0",
        figures=f"{wait:.2f} s ({max(waits):.2f} at most), ffmpeg by hand {encode:.2f} s",
    )


def _finished(folder: Path, options: Options) -> Iterator[Row]:
    count = options.sizes(20_000, 100)
    first = dump(folder.parent / "one" / "job", "breakout", 4)
    subprocess.run([DADDY_ENCODE, "encode", first, "--video", "mp4"], check=True, capture_output=True)
    finished_copies(first, folder, count, a_directory=100)
    with _watcher(folder) as child:
        # The first two scans list everything; then it is idle.
        time.sleep(options.sizes(35, 3))
        begin, before = time.perf_counter(), _processor_seconds(child.pid)
        time.sleep(options.sizes(25, 1))
        spent, seconds = _processor_seconds(child.pid) - before, time.perf_counter() - begin
        memory = int(Path(f"/proc/{child.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000
    calls = _calls(folder, count)
    yield Row(
        what=f"{count:,} finished jobs: system calls a job, idle scan",
        value=calls,
        bar="<= 3",
        figures=f"{calls * count:,.0f} in a scan",
    )
    yield Row(
        what=f"{count:,} finished jobs: percent of a core, default interval",
        value=100 * spent / seconds,
        bar="<= 2",
        figures=f"{spent:.2f} s in {seconds:.0f} s",
    )
    yield Row(what=f"{count:,} finished jobs: resident memory, MB", value=memory, bar="<= 150", figures="events on")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _calls(folder: Path, count: int) -> float:
    """System calls per job that one idle scan makes, all of them, by strace."""
    if shutil.which("strace") is None:
        raise SystemExit("strace is missing: install the Debian package strace")
    program = (
        "import os, sys; from pathlib import Path\n"
        "from daddy_encode.encoding.settings import make_settings\n"
        "from daddy_encode.service.watcher.scanner import Scanner\n"
        "clock = [0.0]\n"
        "scanner = Scanner(Path(sys.argv[1]), make_settings(), clock=lambda: clock[0])\n"
        "for now in (10.0, 20.0, 30.0):\n"
        "    clock[0] = now\n"
        "    os.access(f'/scan-{now:g}', os.F_OK)\n"
        "    assert scanner.scan() == []\n"
        "os.access('/end', os.F_OK)\n"
        "assert scanner.counts().total() == int(sys.argv[2])\n"
    )
    with tempfile.NamedTemporaryFile() as trace:
        command = ["strace", "-f", "-o", trace.name, sys.executable, "-c", program, str(folder), str(count)]
        subprocess.run(command, check=True)
        text = Path(trace.name).read_text()
    (scan,) = re.findall(r'"/scan-30".*?\n(.*?)\n[^\n]*"/end"', text, re.DOTALL)
    return len(scan.splitlines()) / count
