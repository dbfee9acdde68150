"""Frames in memory to a proved MP4 on disk."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.by_hand import x264_alone
from tests.benchmarks.clips import CLIPS, clip
from tests.benchmarks.measure import Call, Measured, Run, measure
from tests.benchmarks.options import DADDY_ENCODE, Options
from tests.benchmarks.result import Row, Table
from tests.benchmarks.scratch import scratch, wait_for_disk
from tests.benchmarks.summary import TIMES

TITLE = "The whole way: frames in memory to a proved MP4"
ABOUT = """
Ours is a script that calls `save_frames_as_png(frames, directory)`, then the command `daddy-encode encode directory
--video mp4`: a fresh Python twice, and the MP4 is read back and compared before it gets its name. imageio's is one
script that writes the PNGs with `imageio.imwrite`, reads them and calls `imageio.mimsave(..., codec="libx264")`.
LeRobot's is one script, too: PNGs by Pillow at `compress_level=1` on four threads, then PyAV with SVT-AV1 as its
defaults have it. The others write no PNGs: what is lost when the process dies, no second process can encode later, and
a training waits for all of it. Where one of them is ahead of ours the table's caption says so. Frames are mapped from a
`.npy` file, for all alike; the PNGs stay.
"""
PACKAGES = ("mediapy", "moviepy", "av", "cv2")
# Frames of each clip, and the bar: times as fast as imageio.
SHOWN = {"breakout": (600, 4), "cartpole": (300, 4), "cheetah": (300, 6), "humanoid": (120, 6)}
ROUNDS = {"breakout": 5, "cartpole": 5, "cheetah": 3, "humanoid": 3}


def run(options: Options) -> Iterator[Row | Table]:
    wait_for_disk(options)
    for name in options.sizes(tuple(SHOWN), ("breakout",)):
        count, times = SHOWN[name]
        yield from _compare(name, options.sizes(count, 30), times, options.rounds(ROUNDS[name]))


def _compare(name: str, count: int, times: int, rounds: int) -> Iterator[Row | Table]:
    source = scratch() / f"{name}.npy"
    np.save(source, clip(name)[:count])
    videos: dict[str, Path] = {}
    runs: dict[str, Run] = {"ours": _ours(source, videos)}
    for scripts, how in ((peers.BY_WAY_OF_PNGS, ", by way of PNGs"), (peers.FROM_FRAMES, "")):
        runs.update({peer + how: _peer(peer + how, script, source, videos) for peer, script in scripts.items()})
    least: dict[str, Run] = {
        "a Python with numpy that looks at the frames": peers.command(peers.LOOK, source, ""),
        "a Python that does nothing": [sys.executable, "-c", "pass"],
        "x264 fed yuv420p": x264_alone(scratch(), name, count),
    }
    measured = measure({**runs, **least}, rounds)
    source.unlink()
    floor = {part: measured.pop(part).wall for part in least}
    parts = ", ".join(f"{part} {wall:.2f} s" for part, wall in floor.items())
    ours, imageio = measured["ours"], measured["imageio, by way of PNGs"]
    what = f"{name} {CLIPS[name].size}, {count} frames"
    yield Row(
        what=f"{what}: times as fast as imageio by way of PNGs",
        value=imageio.wall / ours.wall,
        bar=f">= {times}",
        figures=f"{ours.wall_seconds()} against {imageio.wall_seconds()}; "
        f"CPU {ours.cpu_seconds()} against {imageio.cpu_seconds()}",
        why=f"the parts that no such way is without, {parts}, would by themselves be "
        f"{imageio.wall / sum(floor.values()):.1f} times as fast; the rest is our starts, files and proof",
    )
    yield _table(what, measured, videos)


def _table(what: str, measured: dict[str, Measured], videos: dict[str, Path]) -> Table:
    ours = measured["ours"].wall
    ahead = sorted((seconds.wall, way) for way, seconds in measured.items() if seconds.wall < ours)
    said = ", ".join(f"{way} ({ours / wall:.1f} times as fast)" for wall, way in ahead) or "nobody"
    cells = [
        [
            way,
            f"{seconds.wall:.2f} ({seconds.spread})",
            f"{seconds.cpu:.2f}",
            f"{measured['ours'].wall / seconds.wall:.2f}",
            seconds.megabytes,
            f"{videos[way].stat().st_size / 1000:.0f}",
        ]
        for way, seconds in measured.items()
    ]
    return Table(f"{what}. Ahead of ours: {said}.", ["way", "wall, s", "CPU, s", TIMES, "memory, MB", "kB"], cells)


def _ours(source: Path, videos: dict[str, Path]) -> Callable[[Call], tuple[float, float]]:
    numbers = itertools.count()

    def run(call: Call) -> tuple[float, float]:
        directory = source.with_name(f"{source.stem}-ours-{next(numbers)}")
        videos["ours"] = directory.with_suffix(".mp4")
        write = call(peers.command(peers.TO_PNGS["ours"], source, directory))
        encode = call([DADDY_ENCODE, "encode", directory, "--video", "mp4"])
        return write[0] + encode[0], write[1] + encode[1]

    return run


def _peer(way: str, script: str, source: Path, videos: dict[str, Path]) -> Callable[[Call], tuple[float, float]]:
    numbers = itertools.count()

    def run(call: Call) -> tuple[float, float]:
        videos[way] = source.with_name(f"{source.stem}-{way.split(',')[0]}-{len(way)}-{next(numbers)}.mp4")
        return call(peers.command(script, source, videos[way]))

    return run
