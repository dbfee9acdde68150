"""A video and one made anew, both beside the frames that they show: how far apart these are, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from daddy_encode.encoding.decoding.decode import DIRECTORY, video_input
from daddy_encode.encoding.decoding.nearness import FPS, Shown
from daddy_encode.encoding.ffmpeg.cut import Cutter
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.spool.png.pixels import Pixels

Samples = npt.NDArray[np.float32]
# Pixels of a block, each way; of a plane with half as many samples it has half as many.
BLOCK = 16
# What is added to the error of a block before another is divided by it: in a block, an error of one sample by 36.
LEAST_ERROR = 5.0
# How many times what chance makes of it the change between two frames has to be.
MOST_CHANCE = 100.0
# How many times that change a picture is off at most that shows the neighbour, compressed.
MOST_OFF = 2.0


class Apart(Struct, frozen=True):
    """One picture of a video beside its frame, and beside that of the video made anew. Errors are squared.

    Attributes:
        error: Of each plane, the mean over its samples.
        anew: The same of the video made anew.
        offset: Of each plane: how much greater its samples are than they should be, on average.
        offset_anew: The same of the video made anew.
        local: The error of a block as a share of what is usual there, in the video made anew; the largest one.
        step: How much farther the picture is on its way from a neighbouring frame (0) to its own one (1) in the video
            made anew; the largest one.
        is_same: Whether both videos show the same, to the last sample.
    """

    error: tuple[float, ...]
    anew: tuple[float, ...]
    offset: tuple[float, ...]
    offset_anew: tuple[float, ...]
    local: float
    step: float
    is_same: bool


def compare_apart(
    ffmpeg: FfmpegExecutable,
    shown: Shown,
    video: int,
    anew: int,
    count: int,
    limits: RunLimits,
) -> list[Apart]:
    """Compare each picture of a video, and of one made anew, with the frame that it shows.

    Args:
        ffmpeg: The executable.
        shown: What both show.
        video: The video, open for reading.
        anew: The other one.
        count: How many pictures they show.
        limits: When to give up.

    Raises:
        EncodeError: ffmpeg failed, or reported an error in a video.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `shown.frames` raises.
    """
    size, kind = shown.size, shown.kind
    measured = _Measured(size, is_subsampled=kind == "mp4")
    graph = shown.graph(2) + "[shown][video1][video2]vstack=inputs=3[all]"
    run_ffmpeg(
        ffmpeg,
        [
            *("-filter_threads", "1", "-filter_complex_threads", "1"),
            *shown.frames.arguments(FPS),
            *video_input(kind, video, size),
            *video_input(kind, anew, size),
            *("-filter_complex", graph, "-map", "[all]", "-fps_mode", "passthrough", "-threads", "1"),
            *("-f", "rawvideo", "-"),
        ],
        shown.frames.frames,
        directory=DIRECTORY,
        limits=limits,
        pixels=3 * size[0] * size[1],
        sink=measured.take,
        descriptors=[video, anew],
    )
    return measured.result()[:count]


class _Picture(Struct, frozen=True):
    """What is kept of one picture until the next one is there."""

    frame: list[Samples]
    errors: tuple[list[Samples], list[Samples]]
    blocks: tuple[list[Samples], list[Samples]]
    is_same: bool


class _Measured:
    """What ffmpeg writes, picture by picture; each is judged once the next one is there."""

    def __init__(self, size: tuple[int, int], *, is_subsampled: bool) -> None:
        width, height = size
        part = 2 if is_subsampled else 1
        self._shapes = [(height, width), *[(height // part, width // part)] * 2]
        self._sides = [BLOCK, BLOCK // part, BLOCK // part]
        self.take = Cutter(3 * sum(rows * columns for rows, columns in self._shapes), self._pictures).take
        self._window: list[_Picture | None] = [None]
        self._found: list[Apart] = []

    def result(self) -> list[Apart]:
        """What was found, once all is there."""
        if self._window[-1] is not None:
            self._add(None)
        return self._found

    def _pictures(self, data: Pixels) -> None:
        """Take a frame, the video's picture and that of the video made anew, plane by plane."""
        samples: Samples = data.astype(np.float32)
        planes = []
        begin = 0
        for rows, columns in self._shapes:
            end = begin + 3 * rows * columns
            planes.append(samples[begin:end].reshape(3, rows, columns))
            begin = end
        errors = tuple([plane[which] - plane[0] for plane in planes] for which in (1, 2))
        blocks = tuple([_blocks(error, side) for error, side in zip(each, self._sides, strict=True)] for each in errors)
        is_same = all(np.array_equal(plane[1], plane[2]) for plane in planes)
        self._add(_Picture([plane[0] for plane in planes], (errors[0], errors[1]), (blocks[0], blocks[1]), is_same))

    def _add(self, picture: _Picture | None) -> None:
        self._window.append(picture)
        if len(self._window) == 3:
            before, this, after = self._window
            assert this is not None
            self._found.append(_apart(this, [other for other in (before, after) if other is not None]))
        if len(self._window) > 2:
            del self._window[0]


def _apart(this: _Picture, neighbours: Sequence[_Picture]) -> Apart:
    videos = [
        (tuple(float(np.mean(np.square(error))) for error in errors), tuple(float(np.mean(error)) for error in errors))
        for errors in this.errors
    ]
    usual = [
        _spread(np.maximum.reduce([plane, *(other.blocks[1][index] for other in neighbours)])) + mean + LEAST_ERROR
        for index, (plane, mean) in enumerate(zip(this.blocks[1], videos[1][0], strict=True))
    ]
    return Apart(
        error=videos[0][0],
        anew=videos[1][0],
        offset=videos[0][1],
        offset_anew=videos[1][1],
        local=max(float(np.max(plane / most)) for plane, most in zip(this.blocks[0], usual, strict=True)),
        step=max((step for other in neighbours for step in _steps(this, other)), default=0.0),
        is_same=this.is_same,
    )


def _steps(this: _Picture, other: _Picture) -> Iterator[float]:
    """Yield how much farther the picture made anew is from a neighbouring frame on the way to its own one."""
    changes = [own - there for own, there in zip(this.frame, other.frame, strict=True)]
    length = sum(float(np.vdot(change, change)) for change in changes)
    error = sum(float(np.vdot(part, part)) for part in this.errors[1]) / sum(part.size for part in changes)
    far = sum(float(np.vdot(part, part)) for part in this.errors[0])
    # Errors of single samples, at random, move a picture on this way by the root of error / length. One that is much
    # farther off than the neighbour is something else.
    if length > MOST_CHANCE * (error + 1) and far < MOST_OFF * length:
        places = [
            sum(float(np.vdot(part, change)) for part, change in zip(errors, changes, strict=True)) / length
            for errors in this.errors
        ]
        yield places[1] - places[0]


def _blocks(error: Samples, side: int) -> Samples:
    """The mean squared error of each block."""
    rows, columns = (np.arange(0, length, side) for length in error.shape)
    sums = np.add.reduceat(np.add.reduceat(np.square(error), rows, axis=0), columns, axis=1)
    heights, widths = (np.diff([*starts, length]) for starts, length in zip((rows, columns), error.shape, strict=True))
    means: Samples = (sums / np.outer(heights, widths)).astype(np.float32)
    return means


def _spread(blocks: Samples) -> Samples:
    """The largest of each block and those around it."""
    padded = np.pad(blocks, 1, mode="edge")
    rows, columns = blocks.shape
    found: Samples = np.maximum.reduce(
        [padded[row : row + rows, column : column + columns] for row in range(3) for column in range(3)]
    )
    return found
