"""Read a dump back with programs that did not write it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from daddy_encode.spool.png.pixels import Pixels


def with_pillow(path: Path | IO[bytes]) -> Pixels:
    with Image.open(path) as image:
        return np.array(image)


def with_ffmpeg(directory: Path, shape: tuple[int, ...]) -> Pixels:
    """All frames of `directory`, decoded by an ffmpeg that stops at the first thing it does not like."""
    kind = {2: "gray", 3: "rgb24", 4: "rgba"}[2 if len(shape) == 2 else shape[2]]
    command = [get_ffmpeg_exe(), "-v", "error", "-xerror", "-err_detect", "explode", "-f", "image2"]
    command += ["-i", str(directory / "%06d.png"), "-f", "rawvideo", "-pix_fmt", kind, "-"]
    done = subprocess.run(command, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape)


def frame_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.png"))


def pixels_of(directory: Path) -> list[Pixels]:
    return [with_pillow(path) for path in frame_files(directory)]


def manifest_of(directory: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return manifest


def annotations_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "annotations.jsonl").read_text().splitlines()]


def assert_same(found: Sequence[Pixels], expected: Sequence[Pixels]) -> None:
    assert len(found) == len(expected)
    for index, (left, right) in enumerate(zip(found, expected, strict=True)):
        assert np.array_equal(left, right), f"frame {index}"


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in sorted(os.listdir(directory))}
