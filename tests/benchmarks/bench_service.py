"""The watcher: throughput against `xargs -P2`, latency on an idle spool, what 20,000 finished jobs cost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daddy_encode import save_frames_as_png
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import clip
from tests.benchmarks.scratch import scratch
from tests.benchmarks.table import Row

TITLE = "The watcher: 200 Breakout jobs of 100 frames, latency, 20,000 finished jobs"

JOBS = 200
FRAMES = 100
FINISHED = 20_000


def rows() -> list[Row]:
    folder = scratch()
    return [_throughput(folder / "throughput"), _latency(folder / "latency"), *_finished(folder / "finished")]


def _breakout(directory: Path, number: int = 0) -> Path:
    frames = clip("breakout")
    begin = number % (len(frames) - FRAMES)
    save_frames_as_png(frames[begin : begin + FRAMES], directory)
    return directory


def _by_hand(job: Path | str) -> list[str]:
    """ffmpeg's command line that makes `job`.by-hand.mp4 of a Breakout job."""
    return by_hand(job, f"{job}.by-hand.mp4", 160, 210)


def _made(job: Path, suffix: str) -> Path:
    return job.parent / (job.name + suffix)


@contextmanager
def _watcher(spool: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "daddy_encode", "watch", str(spool), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        yield child
        child.send_signal(signal.SIGTERM)


def _throughput(folder: Path) -> Row:
    """A watcher that runs, on the one side, and `xargs` on the other; the jobs come all at once."""
    away, spool = folder / "away", folder / "spool" / "tree"
    for number in range(JOBS):
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
        subprocess.run(["xargs", "-P2", "-I", "JOB", *_by_hand("JOB")], input=names, check=True)
        return time.perf_counter() - begin

    by_hand, watched = [], []
    with _watcher(spool.parent, "--workers", "2"):
        time.sleep(3)
        for _ in range(5):
            by_hand.append(xargs())
            watched.append(watch())
            same = sum(
                _made(job, ".mp4").read_bytes() == _made(job, ".by-hand.mp4").read_bytes() for job in jobs(spool)
            )
            spool.rename(away)
            # Until the watcher knows that they have gone.
            time.sleep(3)
    ours, theirs = statistics.median(watched), statistics.median(by_hand)
    figures = f"watch {ours:.1f} s, xargs {theirs:.1f} s; same bytes: {same} of {JOBS}"
    return Row("200 jobs, two workers, against xargs -P2", figures, theirs / ours, ">= 0.9")


def _latency(folder: Path) -> Row:
    """Seconds from the manifest's rename to the MP4 under its name, less what ffmpeg by hand takes for it."""
    folder.mkdir()
    waits, bare = [], []
    with _watcher(folder):
        time.sleep(3)
        for number in range(7):
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
    figures = f"{wait:.2f} s from manifest to MP4 ({max(waits):.2f} at most), ffmpeg by hand {encode:.2f} s"
    return Row("seconds over the bare encode, idle watcher", figures, wait - encode, "<= 1.0")


def _finished(folder: Path) -> list[Row]:
    _copies(folder)
    with _watcher(folder) as child:
        # The first two scans list everything; then it is idle.
        time.sleep(60)
        begin, before = time.perf_counter(), _processor_seconds(child.pid)
        time.sleep(60)
        spent = _processor_seconds(child.pid) - before
        share = spent / (time.perf_counter() - begin)
        memory = int(Path(f"/proc/{child.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000
    calls = _calls(folder)
    return [
        Row(f"system calls per job, {FINISHED} finished", f"{calls * FINISHED:.0f} in an idle scan", calls, "<= 3"),
        Row("percent of a core, default interval", f"{spent:.2f} s in 60 s", 100 * share, "<= 2"),
        Row("resident memory, MB", "events on", memory, "<= 150"),
    ]


def _copies(folder: Path) -> None:
    """20,000 finished jobs: one that was encoded, and copies that look the same."""
    first = folder / "run-000" / "job-00000"
    save_frames_as_png(clip("breakout")[:4], first)
    command = [sys.executable, "-m", "daddy_encode", "encode", str(first)]
    subprocess.run(command, check=True, capture_output=True)
    when = first.stat().st_mtime_ns
    for number in range(1, FINISHED):
        job = folder / f"run-{number // 100:03d}" / f"job-{number:05d}"
        job.mkdir(parents=True)
        for path in first.iterdir():
            os.link(path, job / path.name)
        os.utime(job, ns=(when, when))
        for kind in ("mp4", "receipt.json"):
            os.link(f"{first}.{kind}", f"{job}.{kind}")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _calls(folder: Path) -> float:
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
        command = ["strace", "-f", "-o", trace.name, sys.executable, "-c", program, str(folder), str(FINISHED)]
        subprocess.run(command, check=True)
        text = Path(trace.name).read_text()
    (scan,) = re.findall(r'"/scan-30".*?\n(.*?)\n[^\n]*"/end"', text, re.DOTALL)
    return len(scan.splitlines()) / FINISHED
