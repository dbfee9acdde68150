"""Frames that show their own index: ten bars, black or white, the bits of it; read from any picture of them."""

from __future__ import annotations

import numpy as np

from daddy_encode.spool.png.pixels import Pixels

BITS = 10


def coded_frames(count: int, height: int = 48, width: int = 80) -> Pixels:
    """`count` frames (count, height, width, 3), frame n with n in ten bars from left to right, and a red stripe."""
    bars = np.minimum(np.arange(width) * BITS // width, BITS - 1)
    bits = np.arange(count)[:, None] >> bars[None, :] & 1
    frames = np.empty((count, height, width, 3), np.uint8)
    frames[:] = np.where(bits, 235, 20).astype(np.uint8)[:, None, :, None]
    frames[:, -max(2, height // 8) :] = (200, 30, 40)
    return frames


def read_code(picture: Pixels) -> int:
    """The index that a picture (H, W, 3) of such a frame shows."""
    height, width = picture.shape[:2]
    middle = picture[height // 4 : height // 2].mean(axis=(0, 2))
    bars = [middle[(2 * bit + 1) * width // (2 * BITS)] for bit in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(bars) if value > 128)
