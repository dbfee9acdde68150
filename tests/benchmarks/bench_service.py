"""The watcher: throughput against `xargs -P2`, latency on an idle spool, what 20,000 finished jobs cost."""

from __future__ import annotations

import json
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
from daddy_encode.encode.mp4 import DECODE_THREADS, ENCODE_THREADS, filters
from tests.benchmarks.clips import clip
from tests.benchmarks.table import Row
from tests.media import ffmpeg

TITLE = "The watcher: 200 Breakout jobs of 100 frames, latency, 20,000 finished jobs"

JOBS = 200
FRAMES = 100
FINISHED = 20_000


def rows() -> list[Row]:
    # On a disk where 20,000 directories are not the test.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [_throughput(folder / "throughput"), _latency(folder / "latency"), *_finished(folder / "finished")]


def _breakout(directory: Path, number: int = 0) -> Path:
    frames = clip("breakout")
    begin = number % (len(frames) - FRAMES)
    save_frames_as_png(frames[begin : begin + FRAMES], directory)
    return directory


@contextmanager
def _watcher(spool: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "daddy_encode", "watch", str(spool), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        yield child
        child.send_signal(signal.SIGTERM)


def _throughput(folder: Path) -> Row:
    jobs = [_breakout(folder / f"run-{number // 20}" / f"job-{number:03d}", number) for number in range(JOBS)]
    by_hand = [
        *(ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-threads", DECODE_THREADS, "-framerate", "30"),
        *("-i", "JOB/%06d.png", "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", filters(160, 210, 1)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "0", "-g", "60", "-threads", ENCODE_THREADS),
        *("-x264-params", "cpu-independent=1:lookahead-threads=1"),
        *("-flags:v", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1"),
        *("-movflags", "+faststart", "JOB.by-hand.mp4"),
    ]
    ours: list[float] = []
    theirs: list[float] = []
    names = "\n".join(map(str, jobs)).encode()
    # Rounds in turn, so that a noisy minute falls on both sides.
    for _ in range(3):
        for job in jobs:
            for path in (job.parent / f"{job.name}.mp4", job.parent / f"{job.name}.receipt.json"):
                path.unlink(missing_ok=True)
        begin = time.perf_counter()
        subprocess.run(["xargs", "-P2", "-I", "JOB", *by_hand], input=names, check=True)
        theirs.append(time.perf_counter() - begin)
        command = [sys.executable, "-m", "daddy_encode", "watch", str(folder), "--workers", "2", "--once"]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        ours.append(time.perf_counter() - begin)
    same = (jobs[0].parent / f"{jobs[0].name}.mp4").read_bytes() == Path(f"{jobs[0]}.by-hand.mp4").read_bytes()
    mine, hand = statistics.median(ours), statistics.median(theirs)
    figures = f"watch {mine:.1f} s, xargs -P2 ffmpeg {hand:.1f} s, same bytes: {same}"
    return Row("200 jobs, two workers, against ffmpeg by hand", figures, hand / mine, ">= 0.9")


def _latency(folder: Path) -> Row:
    """Seconds from the manifest's rename to the MP4 under its name, less what the bare encode takes."""
    folder.mkdir()
    waits, bare = [], []
    with _watcher(folder):
        time.sleep(3)
        for number in range(7):
            job = _breakout(folder.parent / "elsewhere" / f"job-{number}", number)
            # Written beforehand but for the manifest, whose rename is the moment that counts.
            (job / "manifest.json").rename(job / "manifest.later")
            job = job.rename(folder / job.name)
            time.sleep(1.5)
            begin = time.perf_counter()
            (job / "manifest.later").rename(job / "manifest.json")
            while not (folder / f"{job.name}.receipt.json").exists():
                time.sleep(0.005)
            waits.append(time.perf_counter() - begin)
            receipt = json.loads((folder / f"{job.name}.receipt.json").read_text())
            bare.append(receipt["outputs"][0]["encode_seconds"])
    wait, encode = statistics.median(waits), statistics.median(bare)
    figures = f"{wait:.2f} s from manifest to receipt, {encode:.2f} s of it the encode"
    return Row("seconds over the bare encode, idle watcher", figures, wait - encode, "<= 1.0")


def _finished(folder: Path) -> list[Row]:
    _copies(folder)
    with _watcher(folder) as child:
        until_listed = time.perf_counter()
        # The first look lists everything, and so does the next; then it is idle.
        time.sleep(60)
        begin, before = time.perf_counter(), _processor_seconds(child.pid)
        time.sleep(60)
        share = (_processor_seconds(child.pid) - before) / (time.perf_counter() - begin)
        memory = int(Path(f"/proc/{child.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000
        assert time.perf_counter() - until_listed > 100
    calls = _calls(folder)
    return [
        Row(f"system calls per job, {FINISHED} finished", f"{calls * FINISHED:.0f} in an idle scan", calls, "<= 3"),
        Row("percent of a core, default interval", "over 60 s", 100 * share, "<= 2"),
        Row("resident memory, MB", "events on", memory, "<= 150"),
    ]


def _copies(folder: Path) -> None:
    """20,000 finished jobs: one encoded by hand of time, and copies of it that look the same."""
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
        "from daddy_encode.encode.settings import make_settings\n"
        "from daddy_encode.service.scanner import Scanner\n"
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
