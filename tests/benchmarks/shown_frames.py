"""Which frame each picture of a peer's video shows: found out by frames that carry their number."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.measure import command_seconds
from tests.media import ffmpeg

# A frame's number in binary, as black and white squares: two rows of eight.
BITS, SQUARE = 16, 16
WIDTH, HEIGHT = 8 * SQUARE, BITS // 8 * SQUARE


@functools.cache
def shown_frames(script: str, count: int) -> list[int]:
    """The index of the frame that each picture shows, of `count` frames that a script of `peers` makes a video of.

    It depends on the peer's arithmetic of times, not on what the frames show.
    """
    with tempfile.TemporaryDirectory() as name:
        source, video = Path(name) / "frames.npy", Path(name) / "video.mp4"
        np.save(source, _numbered(count))
        command_seconds(peers.command(script, source, video))
        decode = [ffmpeg(), "-nostdin", "-loglevel", "error", "-i", str(video), "-fps_mode", "passthrough"]
        grey = ["-vf", f"scale={WIDTH}:{HEIGHT}", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
        raw = subprocess.run([*decode, *grey], capture_output=True, check=True).stdout
    pictures = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH)
    bits = pictures[:, SQUARE // 2 :: SQUARE, SQUARE // 2 :: SQUARE].reshape(-1, BITS) > 127
    found: list[int] = (bits @ (1 << np.arange(BITS))).tolist()
    return found


def described(shown: list[int], count: int) -> str:
    """How many pictures there are, and which part of the frames they show."""
    if shown == [*range(count)]:
        return str(count)
    distinct = len(set(shown))
    return f"{len(shown)}: {distinct} of {count} frames, {len(shown) - distinct} of them twice"


def _numbered(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    bits = (np.arange(count)[:, None] >> np.arange(BITS) & 1).astype(np.uint8) * 255
    squares = bits.reshape(count, BITS // 8, 8)
    grey = squares.repeat(SQUARE, axis=1).repeat(SQUARE, axis=2)
    return grey[..., None].repeat(3, axis=3)
