"""GIFs against imageio (Pillow's writer), ffmpeg's one-pass palette by hand, and gifski; memory; both outputs.

gifski is looked for on PATH and in DADDY_ENCODE_GIFSKI (its npm package ships the program); gifsicle on PATH.
"""

from __future__ import annotations

import itertools
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from PIL import Image, ImageSequence

from daddy_encode import save_frames_as_png
from daddy_encode.encoding.context import Context
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.frames.source import DirectorySource
from daddy_encode.encoding.job import encode_job
from daddy_encode.encoding.settings import make_settings
from daddy_encode.spool.frames import frame_sequence
from daddy_encode.spool.paths import JobPaths
from tests.benchmarks.clips import clip
from tests.benchmarks.table import Row, medians
from tests.media import Frames, ffmpeg

TITLE = "GIFs: time, size and PSNR against other writers; memory; both outputs"

EXACT = ("breakout", "cartpole")
PALETTE = ("cheetah", "humanoid360")
FPS = 15
REPEAT = 5
# In dB. Above it a GIF of a few-coloured clip counts as lossless, although a pixel here and there may be off by one.
LOSSLESS = 99.0


@dataclass(frozen=True)
class Made:
    """One GIF: seconds to make it, its bytes and pictures, its PSNR by playing time; the bytes after gifsicle -O3,
    which may drop pictures, and where it has to keep them."""

    seconds: float
    size: int
    pictures: int
    psnr: float
    optimized: int


def rows() -> list[Row]:
    # In memory where there is such a place: the disk's own time is no part of the comparison.
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        folder = Path(name)
        made = {clip_name: _compare(folder, clip_name) for clip_name in (*EXACT, *PALETTE)}
        for clip_name, table in made.items():
            _print(clip_name, table)
        found = [row for clip_name, table in made.items() for row in _bars(clip_name, table)]
        found += _dithers(folder)
        found += [_both(folder, clip_name) for clip_name in ("cartpole", "cheetah", "humanoid360")]
    with tempfile.TemporaryDirectory() as name:
        found += [_memory(Path(name), clip_name) for clip_name in ("cartpole", "cheetah", "humanoid")]
    return found


def _dump(folder: Path, clip_name: str, count: int = 240) -> Path:
    directory = folder / f"{clip_name}-{count}"
    if not directory.exists():
        save_frames_as_png(itertools.islice(itertools.cycle(clip(clip_name)), count), directory, fps=FPS)
    return directory


def _context(**options: object) -> Context:
    return Context(make_settings(**options), RunLimits(threading.Event()), force=True)


def _compare(folder: Path, clip_name: str) -> dict[str, Made]:
    """Every writer on the same PNGs, all frames, at the same rate."""
    directory = _dump(folder, clip_name)
    files = sorted(directory.glob("*.png"))
    height, width = clip(clip_name).shape[1:3]
    ours, context = JobPaths.of(directory), _context(video="gif")
    targets = {name: folder / f"{clip_name}-{name}.gif" for name in ("imageio", "by hand", "gifski")}
    by_hand = [
        *(ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-framerate", str(FPS), "-i", str(directory / "%06d.png")),
        *("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse", str(targets["by hand"])),
    ]
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: encode_job(ours, context),
        "imageio": lambda: imageio.mimsave(
            targets["imageio"], [imageio.imread(path) for path in files], duration=1000 / FPS, loop=0
        ),
        "by hand": lambda: subprocess.run(by_hand, check=True),
    }
    gifski = shutil.which(os.environ.get("DADDY_ENCODE_GIFSKI") or "gifski")
    if gifski:
        size = ["-W", str(width), "-H", str(height)]
        command = [gifski, "-q", "--fps", str(FPS), *size, "-o", str(targets["gifski"]), *map(str, files)]
        runs["gifski"] = lambda: subprocess.run(command, check=True)
    else:
        print(f"  {clip_name}: no gifski on PATH or in DADDY_ENCODE_GIFSKI; its rows are left out")
    seconds = medians(runs, REPEAT)
    paths = {**targets, "ours": ours.output("gif")}
    return {name: _made(paths[name], seconds[name], clip(clip_name)) for name in runs}


def _made(path: Path, seconds: float, source: Frames) -> Made:
    pictures, psnr = _quality(path, source)
    return Made(seconds, path.stat().st_size, pictures, psnr, _optimized(path))


def _quality(path: Path, source: Frames) -> tuple[int, float]:
    """The pictures of a GIF, and its PSNR in dB: each frame against the picture shown in the middle of its time."""
    error, shown, index, end = 0.0, None, 0, 0.0
    pictures = 0
    for picture, begin_next in _played(path):
        pictures += 1
        shown, end = picture, begin_next
        while index < len(source) and (index + 0.5) * 1000 / FPS < end:
            error += float(np.mean((shown.astype(np.int32) - source[index]) ** 2))
            index += 1
    assert shown is not None
    for frame in source[index:]:
        error += float(np.mean((shown.astype(np.int32) - frame) ** 2))
    return pictures, math.inf if error == 0 else float(10 * np.log10(255**2 / (error / len(source))))


def _played(path: Path) -> Iterator[tuple[Frames, float]]:
    """Each picture, and the time in ms at which the next one begins."""
    time = 0.0
    with Image.open(path) as image:
        for picture in ImageSequence.Iterator(image):
            time += picture.info["duration"]
            yield np.asarray(picture.convert("RGB")), time


def _optimized(path: Path) -> int:
    gifsicle = shutil.which("gifsicle")
    if gifsicle is None:
        return 0
    told = subprocess.run([gifsicle, "-O3", "--no-warnings", path], check=True, capture_output=True)
    return len(told.stdout)


def _print(clip_name: str, table: dict[str, Made]) -> None:
    print(f"  {clip_name:<12} {'seconds':>9} {'bytes':>9} {'PSNR':>6} {'pictures':>9} {'-O3':>9}")
    for name, made in table.items():
        print(
            f"    {name:<10} {made.seconds:9.3f} {made.size:9} {made.psnr:6.2f} {made.pictures:9} "
            f"{made.optimized or '-':>9}"
        )


def _bars(clip_name: str, table: dict[str, Made]) -> list[Row]:
    ours = table["ours"]
    peers = {name: made for name, made in table.items() if name != "ours"}
    found = []
    if clip_name in EXACT:
        found.append(Row(f"{clip_name}: pixels differ (0: none)", "", float(ours.psnr < math.inf), "<= 0"))
        # Only a GIF that is as good may be smaller.
        equal = [made for made in peers.values() if made.psnr >= min(ours.psnr, LOSSLESS)]
        smallest = min((made.size for made in equal), default=ours.size)
        found.append(Row(f"{clip_name}: size, ours / smallest peer's as good", "", ours.size / smallest, "<= 1"))
        if ours.optimized:
            # What `daddy-encode --gif-optimize` writes: the smaller of the two.
            best = min(ours.size, ours.optimized)
            smallest = min((made.optimized for made in equal), default=best)
            found.append(Row(f"{clip_name}: the same, each optimized", f"{best} bytes", best / smallest, "<= 1"))
        found.append(_times(clip_name, table, "imageio", ">= 6"))
        if "gifski" in table:
            found.append(_times(clip_name, table, "gifski", ">= 3"))
    else:
        better = [
            name
            for name, made in peers.items()
            if made.seconds <= ours.seconds and made.size <= ours.size and made.psnr >= ours.psnr
        ]
        words = f"better: {', '.join(better) or 'none'}"
        found.append(Row(f"{clip_name}: peers better on all three", words, len(better), "<= 0"))
        found.append(_times(clip_name, table, "imageio", ">= 1"))
        size, psnr = table["imageio"].size / ours.size, ours.psnr - table["imageio"].psnr
        found.append(Row(f"{clip_name}: size, imageio's / ours", "", size, ">= 1"))
        found.append(Row(f"{clip_name}: PSNR, dB above imageio's", "", psnr, ">= 0"))
    return found


def _times(clip_name: str, table: dict[str, Made], peer: str, bar: str) -> Row:
    figures = f"ours {table['ours'].seconds:.3f} s, {peer} {table[peer].seconds:.3f} s"
    return Row(f"{clip_name}: time, {peer}'s / ours", figures, table[peer].seconds / table["ours"].seconds, bar)


def _dithers(folder: Path) -> list[Row]:
    """What the default dither was chosen by: the smallest, and the nearest to the source."""
    found = []
    for clip_name in PALETTE:
        paths = JobPaths.of(_dump(folder, clip_name))
        figures: dict[str, tuple[int, float]] = {}
        for dither in ("none", "bayer", "sierra2_4a"):
            encode_job(paths, _context(video="gif", dither=dither))
            figures[dither] = (paths.output("gif").stat().st_size, _quality(paths.output("gif"), clip(clip_name))[1])
        words = ", ".join(f"{name} {size} B {psnr:.1f} dB" for name, (size, psnr) in figures.items())
        smallest = min(size for name, (size, _) in figures.items() if name != "none")
        found.append(
            Row(f"{clip_name}: size without dither / with the best", words, figures["none"][0] / smallest, "<= 1")
        )
    return found


def _both(folder: Path, clip_name: str) -> Row:
    """Both outputs of one job against each alone, in processor time: on idle cores wall time hides what is shared.

    One decoding is the one that both would do: our own where ffmpeg is given pixels, ffmpeg's where it is given PNGs.
    """
    paths = JobPaths.of(_dump(folder, clip_name))
    files = frame_sequence(os.listdir(paths.directory), clip_name)
    with JobDirectory(paths.directory, Owners()) as job:
        pixels = clip_name in EXACT or DirectorySource(job, files.names).png_bytes is None
    decode = [
        *(ffmpeg(), "-nostdin", "-loglevel", "error", "-threads", "2", "-i", str(paths.directory / "%06d.png")),
        *("-f", "null", "-"),
    ]

    def decode_ourselves() -> None:
        with JobDirectory(paths.directory, Owners()) as job:
            for _ in DirectorySource(job, files.names).frames(as_pixels=True):
                pass

    runs: dict[str, Callable[[], object]] = {
        "mp4": lambda: encode_job(paths, _context(video="mp4")),
        "gif": lambda: encode_job(paths, _context(video="gif")),
        "both": lambda: encode_job(paths, _context(video="both")),
        "ffmpeg decodes": lambda: subprocess.run(decode, check=True),
        "ffmpeg starts": lambda: subprocess.run([ffmpeg(), "-version"], check=True, capture_output=True),
        "we decode": decode_ourselves,
    }
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEAT):
        for name, run in runs.items():
            before = _processor_seconds()
            run()
            spent[name].append(_processor_seconds() - before)
    cpu = {name: float(np.median(values)) for name, values in spent.items()}
    figures = ", ".join(f"{name} {value:.2f} s" for name, value in cpu.items())
    one = cpu["we decode"] if pixels else cpu["ffmpeg decodes"] - cpu["ffmpeg starts"]
    ratio = cpu["both"] / (cpu["mp4"] + cpu["gif"] - one)
    return Row(f"{clip_name}: both / (MP4 + GIF - one decoding), CPU", figures, ratio, "<= 1")


def _processor_seconds() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def _memory(folder: Path, clip_name: str) -> Row:
    peaks = {}
    for count in (200, 2000):
        directory = _dump(folder, clip_name, count)
        # From run to run it differs by a tenth.
        peaks[count] = statistics.median(_peak(directory) for _ in range(3))
        shutil.rmtree(directory)
    figures = ", ".join(f"{count} frames {peak / 1e3:.0f} MB" for count, peak in peaks.items())
    return Row(f"{clip_name}: peak memory, 2,000 frames / 200", figures, peaks[2000] / peaks[200], "<= 1.15")


def _peak(directory: Path) -> int:
    """Our peak and the largest of the ffmpegs', added, in kB, over one GIF in a fresh process."""
    program = (
        "import resource, sys, threading; from pathlib import Path\n"
        "from daddy_encode.encoding.context import Context\n"
        "from daddy_encode.encoding.job import encode_job\n"
        "from daddy_encode.encoding.ffmpeg.process import RunLimits\n"
        "from daddy_encode.encoding.settings import make_settings\n"
        "from daddy_encode.spool.paths import JobPaths\n"
        "context = Context(make_settings(video='gif'), RunLimits(threading.Event()), force=True)\n"
        "encode_job(JobPaths.of(Path(sys.argv[1])), context)\n"
        "print(sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))\n"
    )
    # By way of a shell: a process is born with the peak of the one that started it, and ours has whole clips mapped.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", program, str(directory)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
