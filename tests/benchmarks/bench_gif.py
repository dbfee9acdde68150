"""GIFs through the command against what other writers make of the same PNGs."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from tests.benchmarks import peers
from tests.benchmarks.clips import CLIPS, clip, dump
from tests.benchmarks.machine import find_program
from tests.benchmarks.measure import Measured, Run, measure, peak_bytes
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Item, Row, Table
from tests.media import Frames, ffmpeg

TITLE = "GIFs, against other writers"
ABOUT = """
`daddy-encode encode DIRECTORY --video gif --force` from its start to its end, on the PNGs of a directory, all frames
shown, 15 fps. Peers read the same PNGs, each from its own start: a script with `imageio.imread` and `mimsave`, one with
Pillow's `save(append_images=...)`, ffmpeg with `palettegen` and `paletteuse` in one run, gifski.

PSNR compares each frame with the picture that is shown in the middle of its time: imageio's and Pillow's delays are too
short, so their GIFs run ahead. *-O3* is the size after `gifsicle -O3`, which is what `--gif-optimize` keeps of ours. A
GIF of a clip with few colours counts as lossless above 99 dB, where a pixel here and there is off by one.

`--video both` makes MP4 and GIF of one reading. What one decoding takes is what ffmpeg takes to decode the PNGs,
without its start. Memory is the peak of the whole process tree.
"""
PROGRAMS = ("gifski", "gifsicle")
FPS = 15
EXACT = ("breakout", "cartpole")
PALETTE = ("cheetah", "humanoid360")
# Clip, frames, whose PNGs, how many times faster than imageio.
TIMES = (
    ("breakout", 200, "ours", 2),
    ("breakout", 200, "Pillow's", 2),
    ("breakout", 600, "ours", 4),
    ("breakout", 600, "Pillow's", 4),
    ("cartpole", 200, "ours", 9),
    ("cartpole", 200, "Pillow's", 6),
    ("cartpole", 300, "ours", 9),
    ("cartpole", 300, "Pillow's", 6),
)
# Frames of the clips that all writers are compared on: their peers take up to 30 ms a frame.
COMPARED = {"breakout": 200, "cartpole": 200, "cheetah": 100, "humanoid360": 100}
LOSSLESS = 99.0
WHY_FILTERS = (
    "rows of Pillow's PNGs are filtered; to undo the filters of those that have changed takes 0.1 ms a frame here, as "
    "much as all else that is done for a frame of this size"
)


@dataclass(frozen=True)
class Made:
    """One GIF: what making it took, bytes, pictures, PSNR by playing time, bytes after gifsicle -O3 (0 without it)."""

    measured: Measured
    size: int
    pictures: int
    psnr: float
    optimized: int

    def cells(self, name: str) -> list[str]:
        psnr = "exact" if self.psnr == math.inf else f"{self.psnr:.1f}"
        wall, cpu = f"{self.measured.wall:.2f} ({self.measured.spread})", f"{self.measured.cpu:.2f}"
        return [
            name,
            wall,
            cpu,
            self.measured.megabytes,
            f"{self.size:,}",
            psnr,
            str(self.pictures),
            f"{self.optimized:,}" if self.optimized else "no gifsicle",
        ]


def run(options: Options) -> Iterator[Item]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip_name in (*EXACT, *PALETTE):
            made = _compare(folder, clip_name, options)
            yield from _bars(clip_name, made)
            columns = ["writer", "wall, s", "CPU, s", "memory, MB", "bytes", "PSNR, dB", "pictures", "-O3, bytes"]
            caption = f"{clip_name} {CLIPS[clip_name].size}, {_compared(clip_name, options)} frames"
            yield Table(caption, columns, [what.cells(name) for name, what in made.items()])
        for clip_name, frames, writer, bar in options.sizes(TIMES, TIMES[1:2]):
            yield _time(folder, clip_name, frames, writer, bar, options)
        for clip_name in options.sizes(PALETTE, PALETTE[:1]):
            yield from _dithers(folder, clip_name, options)
        for clip_name in options.sizes(("cartpole", *PALETTE), EXACT[:1]):
            yield _both(folder, clip_name, options)
        for clip_name in options.sizes(("cartpole", "cheetah"), EXACT[:1]):
            yield _memory(folder, clip_name, options)


def _compared(clip_name: str, options: Options) -> int:
    return options.sizes(COMPARED[clip_name], 20)


def _dump(folder: Path, clip_name: str, frames: int, writer: str = "ours") -> Path:
    return dump(folder / f"{clip_name}-{frames}-{writer[:4]}", clip_name, frames, writer=writer)


def _ours(directory: Path, *more: str) -> list[str]:
    return [DADDY_ENCODE, "encode", str(directory), "--video", "gif", "--video-fps", str(FPS), "--force", *more]


def _compare(folder: Path, clip_name: str, options: Options) -> dict[str, Made]:
    """Every writer on the same PNGs."""
    directory = _dump(folder, clip_name, _compared(clip_name, options))
    paths = {name: folder / f"{clip_name}-{name}.gif" for name in ("imageio", "Pillow", "ffmpeg", "gifski")}
    runs: dict[str, Run] = {"ours": _ours(directory)}
    for name, script in peers.TO_GIF.items():
        runs[name] = peers.command(script, directory, paths[name])
    runs["ffmpeg"] = [
        *(ffmpeg(), "-nostdin", "-loglevel", "error", "-y", "-framerate", str(FPS), "-i", str(directory / "%06d.png")),
        *("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse", str(paths["ffmpeg"])),
    ]
    if gifski := find_program("gifski"):
        size = ["-W", str(CLIPS[clip_name].width), "-H", str(CLIPS[clip_name].height)]
        files = map(str, sorted(directory.glob("*.png")))
        runs["gifski"] = [gifski, "-q", "--fps", str(FPS), *size, "-o", str(paths["gifski"]), *files]
    measured = _measured(runs, options.rounds(4 if clip_name == "breakout" else 3))
    source = clip(clip_name)[: _compared(clip_name, options)]
    return {
        name: _made(took, paths[name] if name in paths else directory.with_suffix(".gif"), source)
        for name, took in measured.items()
    }


def _measured(runs: dict[str, Run], repeat: int) -> dict[str, Measured]:
    """As `measure`; ours, which takes a tenth of some peers' time, before each of them, and three times at least."""
    peers = [name for name in runs if name != "ours"]
    order: dict[str, Run] = {}
    for number, name in enumerate(peers):
        order |= {f"ours {number}": runs["ours"], name: runs[name]}
    order |= {f"ours {number}": runs["ours"] for number in range(len(peers), 3)}
    measured = measure(order, repeat)
    ours = Measured()
    for name, took in measured.items():
        if name not in peers:
            ours.walls += took.walls
            ours.cpus += took.cpus
            ours.peak = max(ours.peak, took.peak)
    return {"ours": ours, **{name: measured[name] for name in peers}}


def _made(measured: Measured, path: Path, source: Frames) -> Made:
    pictures, psnr = _quality(path, source)
    return Made(measured, path.stat().st_size, pictures, psnr, _optimized(path))


def _quality(path: Path, source: Frames) -> tuple[int, float]:
    """The pictures of a GIF, and its PSNR in dB: each frame against the picture shown in the middle of its time."""
    error, shown, index, end = 0.0, None, 0, 0.0
    pictures = 0
    for picture, begin_next in _played(path):
        pictures += 1
        shown, end = picture, begin_next
        while index < len(source) and (index + 0.5) * 1000 / FPS < end:
            error += _error(shown, source[index])
            index += 1
    assert shown is not None
    error += sum(_error(shown, frame) for frame in source[index:])
    return pictures, math.inf if error == 0 else float(10 * np.log10(255**2 / (error / len(source))))


def _error(shown: Frames, frame: Frames) -> float:
    return float(np.mean((shown.astype(np.int16) - frame).astype(np.int32) ** 2))


def _played(path: Path) -> Iterator[tuple[Frames, float]]:
    """Each picture, and the time in ms at which the next one begins."""
    time = 0.0
    with Image.open(path) as image:
        for picture in ImageSequence.Iterator(image):
            time += picture.info["duration"]
            yield np.asarray(picture.convert("RGB")), time


def _optimized(path: Path) -> int:
    """The bytes after gifsicle; 0 where there is none."""
    gifsicle = find_program("gifsicle")
    if gifsicle is None:
        return 0
    told = subprocess.run([gifsicle, "-O3", "--no-warnings", path], check=True, capture_output=True)
    return len(told.stdout)


def _bars(clip_name: str, made: dict[str, Made]) -> Iterator[Row]:
    ours = made["ours"]
    others = {name: what for name, what in made.items() if name != "ours"}
    ahead = [
        name
        for name, what in others.items()
        if what.measured.wall <= ours.measured.wall and what.size <= ours.size and what.psnr >= ours.psnr
    ]
    yield Row(
        what=f"{clip_name}: peers ahead on time, size and PSNR at once",
        value=len(ahead),
        bar="<= 0",
        figures=f"of {', '.join(others)}: {', '.join(ahead) or 'none'}"
        + ("" if "gifski" in others else "; gifski is not installed"),
        why=f"{', '.join(ahead)}: see the table",
    )
    if clip_name in EXACT:
        yield Row(what=f"{clip_name}: pixels that differ (0: none)", value=float(ours.psnr < math.inf), bar="<= 0")
        # Only a GIF that is as good may be smaller.
        equal = [what for what in others.values() if what.psnr >= LOSSLESS] or [ours]
        smallest = min(what.size for what in equal)
        figures = f"{ours.size:,} against {smallest:,} bytes"
        yield Row(
            what=f"{clip_name}: size, smallest as good peer's 1",
            value=ours.size / smallest,
            bar="<= 1",
            figures=figures,
        )
        if not ours.optimized:
            return
        best = min(ours.size, ours.optimized)
        smallest = min(what.optimized for what in equal)
        figures = f"{best:,} against {smallest:,} bytes"
        yield Row(what=f"{clip_name}: the same, each by -O3", value=best / smallest, bar="<= 1", figures=figures)
        return
    imageio = made["imageio"]
    yield _faster(f"{clip_name}: imageio's time, ours 1", {name: what.measured for name, what in made.items()}, 1)
    figures = f"{imageio.size:,} against {ours.size:,} bytes"
    yield Row(what=f"{clip_name}: imageio's size, ours 1", value=imageio.size / ours.size, bar=">= 1", figures=figures)
    yield Row(what=f"{clip_name}: PSNR, dB above imageio's", value=ours.psnr - imageio.psnr, bar=">= 0")


def _faster(what: str, measured: dict[str, Measured], bar: float, why: str = "") -> Row:
    ours, imageio = measured["ours"], measured["imageio"]
    return Row(
        what=what,
        value=imageio.wall / ours.wall,
        bar=f">= {bar}",
        figures=f"{imageio.wall_seconds()} against {ours.wall_seconds()}; CPU {imageio.cpu_seconds()} against "
        f"{ours.cpu_seconds()}",
        why=why,
    )


def _time(folder: Path, clip_name: str, frames: int, writer: str, bar: float, options: Options) -> Row:
    directory = _dump(folder, clip_name, frames, writer)
    runs: dict[str, Run] = {
        "ours": _ours(directory),
        "imageio": peers.command(peers.TO_GIF["imageio"], directory, folder / "imageio.gif"),
    }
    # imageio takes up to 8 s of CartPole.
    measured = _measured(runs, options.rounds(4 if clip_name == "breakout" else 3 if frames == 200 else 1))
    why = WHY_FILTERS if writer != "ours" else ""
    return _faster(f"{clip_name}, {frames} frames, {writer} PNGs: imageio's time, ours 1", measured, bar, why)


def _dithers(folder: Path, clip_name: str, options: Options) -> Iterator[Row]:
    """What the default dither was chosen by: the smallest, and the nearest to the source."""
    frames = _compared(clip_name, options)
    directory = _dump(folder, clip_name, frames)
    commands = {dither: _ours(directory, "--dither", dither) for dither in ("none", "bayer", "sierra2_4a")}
    measured = measure(commands, options.rounds(3))
    figures: dict[str, tuple[int, float]] = {}
    for dither, command in commands.items():
        subprocess.run(command, check=True, capture_output=True)
        path = directory.with_suffix(".gif")
        figures[dither] = path.stat().st_size, _quality(path, clip(clip_name)[:frames])[1]
    yield Row(
        what=f"{clip_name}: time without dither, quickest with one 1",
        value=measured["none"].wall / min(took.wall for name, took in measured.items() if name != "none"),
        figures=", ".join(f"{name} {took.wall_seconds()}" for name, took in measured.items()),
    )
    yield Row(
        what=f"{clip_name}: size without dither, smallest with one 1",
        value=figures["none"][0] / min(size for name, (size, _) in figures.items() if name != "none"),
        bar="<= 1",
        figures=", ".join(f"{name} {size:,} bytes {psnr:.1f} dB" for name, (size, psnr) in figures.items()),
    )


def _both(folder: Path, clip_name: str, options: Options) -> Row:
    """Both outputs of one job against each alone, in processor time: on idle cores wall time hides what is shared."""
    directory = _dump(folder, clip_name, _compared(clip_name, options))
    decode = [ffmpeg(), "-nostdin", "-loglevel", "error", "-threads", "2", "-i", str(directory / "%06d.png")]
    runs: dict[str, Run] = {
        **{video: [*_ours(directory), "--video", video] for video in ("mp4", "gif", "both")},
        "decoding": [*decode, "-f", "null", "-"],
        "starting": [ffmpeg(), "-version"],
    }
    cpu = {name: measured.cpu for name, measured in measure(runs, options.rounds(3)).items()}
    one = cpu["decoding"] - cpu.pop("starting")
    cpu["decoding"] = one
    return Row(
        what=f"{clip_name}: both, MP4 and GIF less one decoding 1, CPU",
        value=cpu["both"] / (cpu["mp4"] + cpu["gif"] - one),
        bar="<= 1",
        figures=", ".join(f"{name} {value:.2f} s" for name, value in cpu.items()),
    )


def _memory(folder: Path, clip_name: str, options: Options) -> Row:
    peaks = {}
    for frames in options.sizes((200, 2000), (20, 40)):
        directory = _dump(folder, clip_name, frames)
        peaks[frames] = peak_bytes(_ours(directory))
        shutil.rmtree(directory)
    few, many = peaks.values()
    return Row(
        what=f"{clip_name}: peak memory, 2,000 frames, 200 frames 1",
        value=many / few,
        bar="<= 1.15",
        figures=", ".join(f"{frames} frames {peak / 1e6:.0f} MB" for frames, peak in peaks.items()),
    )
