"""Dumps with an alpha channel, opaque and not, against ffmpeg typed by hand on the same files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from daddy_encode import save_frames_as_png
from daddy_encode.spool.png.pixels import Pixels
from tests.benchmarks.by_hand import by_hand
from tests.benchmarks.clips import clip
from tests.benchmarks.table import Row, medians

TITLE = "Encoding RGBA PNGs to MP4 (240 frames of MuJoCo)"
SIZES = {"720p": ("humanoid", 720, 1280), "480x480": ("cheetah", 480, 480)}


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        return [
            _row(Path(name) / f"{size}-{kind}", size, kind)
            for size in SIZES
            for kind in ("opaque, by Pillow", "opaque, by FrameWriter", "half transparent, by Pillow")
        ]


def _row(directory: Path, size: str, kind: str) -> Row:
    name, height, width = SIZES[size]
    alpha = np.full((height, width, 1), 255, np.uint8)
    if kind.startswith("half"):
        alpha[:, : width // 2] = np.arange(width // 2, dtype=np.uint8)[:, np.newaxis]
    frames = (np.concatenate([frame, alpha], axis=2) for frame in clip(name))
    if kind.endswith("Pillow"):
        directory.mkdir()
        for index, frame in enumerate(frames):
            _save(frame, directory / f"{index:06d}.png")
    else:
        save_frames_as_png(frames, directory)
    command = [sys.executable, "-m", "daddy_encode", "encode", str(directory), "--video", "mp4", "--force"]
    hand = by_hand(directory, directory.parent / "by-hand.mp4", width, height)
    seconds = medians({"ours": _run(command), "by hand": _run(hand)}, 5)
    same = (directory.parent / "by-hand.mp4").read_bytes() == directory.with_suffix(".mp4").read_bytes()
    figures = ", ".join(f"{who} {value:.2f} s" for who, value in seconds.items())
    # ffmpeg drops alpha: what is half transparent it shows otherwise, and with less work.
    bar = "<= 1.5" if kind.startswith("opaque") else "<= 4"
    return Row(f"{size}, {kind}", f"{figures} same bytes: {same}", seconds["ours"] / seconds["by hand"], bar)


def _save(frame: Pixels, path: Path) -> None:
    Image.fromarray(frame).save(path)


def _run(command: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)
