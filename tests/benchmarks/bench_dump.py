"""Frames in memory to PNGs by `save_frames_as_png`, and what ffmpeg makes of them; for the disk see `scratch`."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import imageio.v3 as imageio
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.spool.png.pixels import Pixels
from daddy_encode.spool.png.writer import CHOOSE_EVERY, choose_filter, encode_png
from tests.benchmarks.clips import clip
from tests.benchmarks.scratch import scratch
from tests.benchmarks.table import Row, medians

TITLE = "save_frames_as_png: a list of arrays to files"
ROUNDS = 7
# Frames of a call of ours and of the plain loop; the peers, which are slower, get a part of them.
FRAMES = {"breakout": 720, "cartpole": 240, "cheetah": 240, "humanoid": 120}
PEERS_PART = 6
# Against imageio, against OpenCV.
BARS = {"breakout": (5, 2), "cartpole": (12, 4), "cheetah": (12, 4), "humanoid": (12, 4)}


def rows() -> list[Row]:
    """Each clip against imageio, OpenCV and a plain loop over `encode_png`; then sizes, and decoding."""
    found = []
    for name in FRAMES:
        found += _write_rows(name, scratch())
    return [*found, _decode_row(scratch())]


def _write_rows(name: str, folder: Path) -> list[Row]:
    pictures = clip(name)
    frames = [np.array(pictures[index % len(pictures)]) for index in range(FRAMES[name])]
    few = frames[::PEERS_PART]
    numbers = itertools.count()

    def new_directory() -> str:
        return f"{folder}/{name}-{next(numbers)}"

    def ours() -> None:
        save_frames_as_png(frames, new_directory())

    def plain_loop() -> None:
        os.mkdir(directory := new_directory())
        for index, frame in enumerate(frames):
            if index % CHOOSE_EVERY == 0:
                row_filter = choose_filter(frame)
            with open(f"{directory}/{index:06d}.png", "wb") as file:
                file.write(encode_png(frame, row_filter))

    def with_imageio() -> None:
        os.mkdir(directory := new_directory())
        for index, frame in enumerate(few):
            imageio.imwrite(f"{directory}/{index:06d}.png", frame)

    def with_opencv() -> None:
        os.mkdir(directory := new_directory())
        for index, frame in enumerate(few):
            # Red and blue come out swapped: turning them first would only make it slower.
            cv2.imwrite(f"{directory}/{index:06d}.png", frame)

    ways: dict[str, tuple[Callable[[], None], list[Pixels]]] = {
        "ours": (ours, frames),
        "plain loop": (plain_loop, frames),
        "imageio": (with_imageio, few),
        "OpenCV": (with_opencv, few),
    }
    seconds = medians({way: run for way, (run, _) in ways.items()}, repeat=ROUNDS)
    each = {way: 1000 * seconds[way] / len(written) for way, (_, written) in ways.items()}
    figures = ", ".join(f"{way} {value:.3f} ms" for way, value in each.items())
    what = f"{name} {frames[0].shape[1]}x{frames[0].shape[0]}"
    save_frames_as_png(few, folder / f"{name}-sizes")
    ours_bytes = sum(path.stat().st_size for path in (folder / f"{name}-sizes").glob("*.png"))
    sizes = [total / len(few) for total in (ours_bytes, sum(len(_pillow(frame)) for frame in few))]
    return [
        Row(f"{what}: faster than imageio", figures, each["imageio"] / each["ours"], f">= {BARS[name][0]}"),
        Row(f"{what}: faster than OpenCV", "", each["OpenCV"] / each["ours"], f">= {BARS[name][1]}"),
        Row(f"{what}: time of the plain loop", "", each["ours"] / each["plain loop"], "<= 1.05"),
        Row(
            f"{what}: bytes of Pillow's level 1",
            "{:.0f} and {:.0f} bytes".format(*sizes),
            sizes[0] / sizes[1],
            "<= 1.15",
        ),
    ]


def _pillow(frame: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def _decode_row(folder: Path) -> Row:
    frames = [np.array(frame) for frame in clip("humanoid")[::12]]
    save_frames_as_png(frames, folder / "ours")
    (folder / "pillow").mkdir()
    for index, frame in enumerate(frames):
        (folder / "pillow" / f"{index:06d}.png").write_bytes(_pillow(frame))

    def decode(way: str) -> Callable[[], object]:
        command = [get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-stream_loop", "4"]
        command += ["-i", f"{folder}/{way}/%06d.png", "-f", "null", "-"]
        return lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    seconds = medians({way: decode(way) for way in ("ours", "pillow")}, repeat=9)
    figures = ", ".join(f"{way} {1000 * value / 5 / len(frames):.2f} ms" for way, value in seconds.items())
    return Row("720p: ffmpeg's time to decode, of Pillow's", figures, seconds["ours"] / seconds["pillow"], "<= 0.8")
