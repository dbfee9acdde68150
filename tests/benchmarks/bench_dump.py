"""Frames in memory to PNGs by `save_frames_as_png`, and what ffmpeg makes of them; for the disk see `scratch`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import imageio.v2 as imageio
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import encode_png
from tests.benchmarks.clips import CLIPS, cycled
from tests.benchmarks.measure import Run, measure, timed
from tests.benchmarks.options import Options
from tests.benchmarks.result import Row
from tests.benchmarks.scratch import scratch, wait_for_disk

TITLE = "save_frames_as_png: a list of arrays to files"
ABOUT = """
`save_frames_as_png` of a list of frames, called in a process that has loaded everything, against a loop over
`imageio.imwrite` and one over `cv2.imwrite` into a new directory (start-ups: see the whole way). OpenCV is spared the
turning from RGB to BGR. The peers, which are slower, get every sixth frame. It starts when the disk makes a new file
in 0.04 ms, or after five minutes: near inodes that were freed just now ext4 takes up to ten times as long, for all
alike. What the disk itself takes is measured beside it: the same bytes as ours, by `open(..., "xb")` and one `write`.
Sizes are against Pillow's at `compress_level=1`. What a reader pays: ffmpeg's own decoder on one thread, ours against
Pillow's default.
"""
# Frames of a call of ours; bars against imageio and against OpenCV.
SHOWN = {"breakout": (720, 5, 2), "cartpole": (240, 12, 4), "cheetah": (240, 12, 4), "humanoid": (120, 12, 4)}
PEERS_PART = 6
ROUNDS = 7


def run(options: Options) -> Iterator[Row]:
    wait_for_disk(options)
    for name, (count, against_imageio, against_opencv) in SHOWN.items():
        frames = list(cycled(name, options.sizes(count, 24)))
        yield from _write_rows(name, frames, (against_imageio, against_opencv), options.rounds(ROUNDS))
        yield _size_row(name, frames[::PEERS_PART])
    yield _decode_row(options)


def _write_rows(name: str, frames: list[Pixels], bars: tuple[int, int], rounds: int) -> Iterator[Row]:
    few = frames[::PEERS_PART]
    pngs = [encode_png(frame) for frame in few]
    numbers = itertools.count()

    def new_directory() -> str:
        return f"{scratch()}/{name}-{next(numbers)}"

    def ours() -> None:
        save_frames_as_png(frames, new_directory())

    def bare() -> None:
        os.mkdir(directory := new_directory())
        for index, png in enumerate(pngs):
            with open(f"{directory}/{index:06d}.png", "xb", buffering=0) as file:
                file.write(png)

    def loop(write: Callable[[str, Pixels], object]) -> Callable[[], None]:
        def write_all() -> None:
            os.mkdir(directory := new_directory())
            for index, frame in enumerate(few):
                write(f"{directory}/{index:06d}.png", frame)

        return write_all

    runs: dict[str, Run] = {"ours": timed(ours), "imageio": timed(loop(imageio.imwrite))}
    measured = measure({**runs, "OpenCV": timed(loop(cv2.imwrite)), "the disk": timed(bare)}, rounds)
    written = {"ours": len(frames), "imageio": len(few), "OpenCV": len(few), "the disk": len(few)}
    wall = {way: 1000 * measured[way].wall / count for way, count in written.items()}
    spread = {
        way: f"{wall[way]:.3f} ms a frame ({1000 * min(took.walls) / written[way]:.3f} to "
        f"{1000 * max(took.walls) / written[way]:.3f})"
        for way, took in measured.items()
    }
    disk = wall["the disk"]
    cpu = {way: 1000 * measured[way].cpu / count for way, count in written.items()}
    for peer, bar in zip(("imageio", "OpenCV"), bars, strict=True):
        yield Row(
            what=f"{name} {CLIPS[name].size}: times as fast as {peer}",
            value=wall[peer] / wall["ours"],
            bar=f">= {bar}",
            figures=f"{spread['ours']} against {spread[peer]}; CPU {cpu['ours']:.3f} ms against {cpu[peer]:.3f} ms; "
            f"the disk itself {disk:.3f} ms",
            ahead=f"{peer} on CPU for {name}" if cpu[peer] < cpu["ours"] else "",
            why=f"the disk takes {disk:.3f} ms of both for a file, and without that this would be "
            f"{(wall[peer] - disk) / max(wall['ours'] - disk, 1e-3):.1f} times as fast",
        )


def _size_row(name: str, frames: list[Pixels]) -> Row:
    ours, pillow = _dumps(name, frames, compress_level=1)
    sizes = [sum(png.stat().st_size for png in dump.glob("*.png")) / len(frames) for dump in (ours, pillow)]
    return Row(
        what=f"{name} {CLIPS[name].size}: bytes of Pillow's level 1",
        value=sizes[0] / sizes[1],
        bar="<= 1.15",
        figures="{:.0f} against {:.0f} bytes a frame".format(*sizes),
    )


def _decode_row(options: Options) -> Row:
    frames = list(cycled("humanoid", options.sizes(60, 12)))
    dumps = dict(zip(("ours", "Pillow's"), _dumps("decode", frames), strict=True))
    measured = measure(
        {
            way: [get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-i", f"{dump}/%06d.png", "-f", "null", "-"]
            for way, dump in dumps.items()
        },
        options.rounds(ROUNDS),
    )
    figures = ", ".join(f"{way} {1000 * value.wall / len(frames):.2f} ms" for way, value in measured.items())
    return Row(
        what="humanoid 1280x720: ffmpeg's time to decode, of Pillow's",
        value=measured["ours"].wall / measured["Pillow's"].wall,
        bar="<= 0.8",
        figures=f"{figures} a frame",
    )


def _dumps(name: str, frames: list[Pixels], compress_level: int = 6) -> tuple[Path, Path]:
    """Dumps of these frames by us and by Pillow, whose default is level 6."""
    ours, pillow = scratch() / f"{name}-by-us", scratch() / f"{name}-by-Pillow"
    save_frames_as_png(frames, ours)
    pillow.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(pillow / f"{index:06d}.png", compress_level=compress_level)
    return ours, pillow
