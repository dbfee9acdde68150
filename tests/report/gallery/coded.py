"""Videos whose every frame shows its index as large black and white blocks, and reading that off a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from daddy_encode.dump import FrameWriter
from tests.jobs import encode
from tests.report.gallery.browser import Page

SIDE = 4
BLOCK = 16
BITS = 12
# Two blocks say how bright white and black are, since a picture may be dimmed; then the bits, and two of parity.
WHITE, BLACK = 1, 0


def blocks_of(index: int) -> npt.NDArray[np.uint8]:
    bits = [index >> bit & 1 for bit in range(BITS)]
    return np.array([WHITE, BLACK, *bits, sum(bits[::2]) % 2, sum(bits[1::2]) % 2], np.uint8).reshape(SIDE, SIDE)


def frame_of(index: int) -> npt.NDArray[np.uint8]:
    picture = blocks_of(index).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1) * 255
    return np.repeat(picture[:, :, None], 3, axis=2).astype(np.uint8)


def read_index(picture: npt.NDArray[np.uint8]) -> int:
    """The index that a picture of any size shows; -1 where it shows none."""
    height, width = (int(length) // SIDE for length in picture.shape[:2])
    # The middle half of each block: its edges are blurred where it was enlarged.
    values = np.array(
        [
            picture[
                row * height + height // 4 : (row + 1) * height - height // 4,
                column * width + width // 4 : (column + 1) * width - width // 4,
            ].mean()
            for row in range(SIDE)
            for column in range(SIDE)
        ]
    )
    white, black, *rest = values
    if white - black < 30:
        return -1
    bits = [int(value > (white + black) / 2) for value in rest]
    index = sum(bit << place for place, bit in enumerate(bits[:BITS]))
    return index if (blocks_of(index).ravel()[2:] == bits).all() else -1


def coded_job(root: Path, name: str, frames: int, fps: str | float = 30, **meta: Any) -> None:
    """A job `name` below `root` with its MP4, and with `reward` (twice the frame's index), `odd` and `note`."""
    directory = root / name
    writer = FrameWriter(directory, fps=fps, meta=meta)
    for index in range(frames):
        note = {"note": f"from {index} on"} if index % 10 == 5 else {}
        writer.write(frame_of(index), reward=index * 2, odd=index % 2, **note)
    writer.close()
    encode(directory, video="mp4")


def shown_indexes(page: Page) -> list[int]:
    """What one picture of the screen shows: the index in each video of the page, in the document's order."""
    boxes: Sequence[Sequence[float]] = page.evaluate(
        "[...document.querySelectorAll('video')].map(video => video.getBoundingClientRect())"
        ".map(box => [box.x, box.y, box.width, box.height])"
    )
    screen = page.screenshot()
    indexes = []
    for x, y, width, height in boxes:
        left, top = round(x), round(y)
        indexes.append(read_index(screen[top : top + round(height), left : left + round(width)]))
    return indexes
