"""Array to file on one thread, and what ffmpeg then makes of it; real clips, local disk (see `scratch`), medians."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import imageio.v3 as imageio
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from daddy_encode.dump.directory import write_new
from daddy_encode.dump.frames import Frame
from daddy_encode.dump.png import choose_filter, encode_png
from tests.benchmarks.clips import clip
from tests.benchmarks.scratch import scratch
from tests.benchmarks.table import Row, medians

TITLE = "PNG writer: array to file, one thread"
# Every 12th of a clip's 240 frames.
EVERY = 12


def _pillow(frame: Frame) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def _decode(stream: Path) -> Callable[[], object]:
    command = [get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-f", "image2pipe", "-c:v", "png"]
    command += ["-i", str(stream), "-f", "null", "-"]
    return lambda: subprocess.run(command, check=True)


def rows() -> list[Row]:
    found = []
    cv2.setNumThreads(1)
    for name in ("cartpole", "breakout", "cheetah", "humanoid"):
        frames = [np.array(frame) for frame in clip(name)[::EVERY]]
        found += _write_rows(name, frames, scratch())
    found += _decode_rows(frames, scratch())
    return found


def _write_rows(name: str, frames: list[Frame], folder: Path) -> list[Row]:
    number = iter(range(10**9))

    def ours() -> None:
        # As FrameWriter does it, which chooses only at every 64th frame.
        row_filter = choose_filter(frames[0])
        for frame in frames:
            write_new(f"{folder}/{name}-{next(number)}.png", encode_png(frame, row_filter))

    def with_imageio() -> None:
        for frame in frames:
            imageio.imwrite(folder / f"{name}-{next(number)}.png", frame)

    def with_opencv() -> None:
        for frame in frames:
            # Red and blue come out swapped: turning them first would only make it slower.
            cv2.imwrite(os.fspath(folder / f"{name}-{next(number)}.png"), frame)

    seconds = medians({"ours": ours, "imageio": with_imageio, "opencv": with_opencv}, repeat=9)
    each = {way: 1000 * value / len(frames) for way, value in seconds.items()}
    large = frames[0].shape[0] >= 480
    figures = ", ".join(f"{way} {value:.2f} ms" for way, value in each.items())
    what = f"{name} {frames[0].shape[1]}x{frames[0].shape[0]}"
    bar = ">= 12" if large else ">= 5" if name == "breakout" else ">= 1"
    row_filter = choose_filter(frames[0])
    sizes = sum(len(encode_png(frame, row_filter)) for frame in frames), sum(len(_pillow(frame)) for frame in frames)
    return [
        Row(f"{what}: faster than imageio", figures, each["imageio"] / each["ours"], bar),
        Row(f"{what}: faster than OpenCV", "", each["opencv"] / each["ours"], ">= 4" if large else ">= 1"),
        Row(
            f"{what}: bytes of Pillow's level 1",
            f"{sizes[0] / len(frames):.0f} and {sizes[1] / len(frames):.0f} bytes",
            sizes[0] / sizes[1],
            "<= 1.15",
        ),
    ]


def _decode_rows(frames: list[Frame], folder: Path) -> list[Row]:
    streams = {"ours": encode_png, "Pillow": _pillow}
    for way, encode in streams.items():
        (folder / way).write_bytes(b"".join(map(encode, frames)) * 5)
    seconds = medians({way: _decode(folder / way) for way in streams}, repeat=9)
    count = 5 * len(frames)
    figures = ", ".join(f"{way} {1000 * value / count:.2f} ms" for way, value in seconds.items())
    return [Row("720p: ffmpeg's time to decode, of Pillow's", figures, seconds["ours"] / seconds["Pillow"], "<= 0.8")]
