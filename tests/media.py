"""Making frames, and decoding videos with programs that did not encode them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence

from daddy_encode.spool.png.pixels import Pixels

Frames = Pixels


def moving_square(count: int, height: int = 48, width: int = 64) -> Frames:
    """`count` frames (count, height, width, 3): a red square that moves over a grey ramp, no two alike in a row."""
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = np.linspace(40, 200, width).astype(np.uint8)[None, None, :, None]
    side = max(1, min(height, width) // 4)
    for index, frame in enumerate(frames):
        x = index * 3 % max(1, width - side)
        y = index * 5 % max(1, height - side)
        frame[y : y + side, x : x + side] = (220, 30, 40)
    return frames


def noise(count: int, height: int = 24, width: int = 32, seed: int = 0) -> Frames:
    """`count` frames (count, height, width, 3) that no coder makes much smaller."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def shaded(count: int, height: int = 90, width: int = 120) -> Frames:
    """Smooth shades that stay, some 1,000 colours, and a disc of others that crosses them."""
    rows, columns = np.mgrid[:height, :width]
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) // 2], axis=2)
    for index, frame in enumerate(frames):
        distance = np.hypot(rows - height / 2, columns - 20 - 3 * index)
        disc = distance < 15
        frame[disc] = np.stack([255 - distance * 9, distance * 13, 60 + distance * 5], axis=2)[disc].astype(np.uint8)
    return frames


def patches(colours: Sequence[tuple[int, int, int]], side: int = 32) -> Frames:
    """One frame (side, side * len(colours), 3) of flat squares."""
    row = np.repeat(np.array(colours, np.uint8), side, axis=0)
    return np.ascontiguousarray(np.broadcast_to(row, (side, *row.shape)))


def ffmpeg() -> str:
    import imageio_ffmpeg

    path: str = imageio_ffmpeg.get_ffmpeg_exe()
    return path


def decode_yuv(path: Path, width: int, height: int) -> Frames:
    """The decoder's own samples, unconverted: yuv420p, (frames, height * 3 / 2, width)."""
    raw = _decode(path, "-pix_fmt", "yuv420p")
    return np.frombuffer(raw, np.uint8).reshape(-1, height * 3 // 2, width)


def decode_mp4(path: Path, width: int, height: int) -> Frames:
    """The frames of an MP4 as RGB (frames, height, width, 3), by BT.709's limited-range equations, not ffmpeg's."""
    samples = decode_yuv(path, width, height)
    rgb = np.empty((len(samples), height, width, 3), np.uint8)
    # One at a time: as numbers, a few hundred frames would fill the memory.
    for picture, out in zip(samples, rgb, strict=True):
        out[:] = _rgb(picture.astype(np.float64), height, width)
    return rgb


def _rgb(samples: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    luma = (samples[:height] - 16) / 219
    chroma = samples[height:].reshape(2, height // 2, width // 2)
    blue, red = (chroma.repeat(2, axis=1).repeat(2, axis=2) - 128) / 224
    # ITU-R BT.709: Kr 0.2126, Kb 0.0722.
    r = luma + 2 * (1 - 0.2126) * red
    b = luma + 2 * (1 - 0.0722) * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    rgb: npt.NDArray[np.float64] = (np.stack([r, g, b], axis=-1).clip(0, 1) * 255).round()
    return rgb


def _decode(path: Path, *options: str) -> bytes:
    command = [
        ffmpeg(),
        "-v",
        "error",
        "-i",
        f"file:{path}",
        *options,
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-",
    ]
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True).stdout


def describe(path: Path) -> str:
    """What ffmpeg says of a file."""
    command = [ffmpeg(), "-hide_banner", "-i", f"file:{path}"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stderr


def decode_gif(path: Path) -> tuple[Frames, list[int], int | None]:
    """Pillow's reading of a GIF: frames as RGB (count, H, W, 3), delays in ms, loop count (0 forever, None once)."""
    with Image.open(path) as image:
        pictures = [
            (np.asarray(picture.convert("RGB")), picture.info["duration"]) for picture in ImageSequence.Iterator(image)
        ]
        loop = image.info.get("loop")
    return np.stack([pixels for pixels, _ in pictures]), [delay for _, delay in pictures], loop


def read_png(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


def run_command(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """`daddy-encode` with `arguments`, as a process of its own."""
    command = [sys.executable, "-m", "daddy_encode", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


def leftovers(folder: Path) -> list[str]:
    """Temporary files anywhere below `folder`."""
    return [str(path) for path in folder.rglob("*") if path.name.startswith(".daddy-encode-")]
