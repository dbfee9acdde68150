"""Some of a video's pictures, by their numbers, at the size that is asked for: one run of ffmpeg for all of them."""

from __future__ import annotations

import contextlib
import math
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from daddy_encode.encoding.decoding.decode import DIRECTORY, video_input
from daddy_encode.encoding.ffmpeg.cut import Cutter
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.gif.reader import read_gif
from daddy_encode.encoding.mp4.reader import read_key_frames, read_mp4
from daddy_encode.errors import EncodeError
from daddy_encode.spool.held_file import SAFELY, kind_of
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.png.pixels import Pixels

# Averages all that a pixel covers, where pictures are made smaller; the same on every processor.
_SCALER = "flags=area+accurate_rnd+bitexact+full_chroma_int+full_chroma_inp"
# As MP4s name it: its parameters beside the pictures, or among them.
_H264 = ("avc1", "avc3")


class VideoFacts(Struct, frozen=True):
    """What a video says of itself.

    Attributes:
        frames: How many pictures it has.
        size: Its (width, height) in pixels.
        begins: When each picture begins, in seconds; where all last equally long, the length of one.
    """

    frames: int
    size: tuple[int, int]
    begins: Fraction | list[Fraction]

    @property
    def rate(self) -> Fraction | None:
        """How many pictures are shown in a second; None where they may last differently long."""
        return 1 / self.begins if isinstance(self.begins, Fraction) and self.begins else None

    def time(self, picture: int) -> Fraction:
        """When a picture begins, in seconds."""
        return self.begins * picture if isinstance(self.begins, Fraction) else self.begins[picture]


class VideoFile:
    """An open video, of which pictures are decoded. What gets its name later is not looked at."""

    def __init__(self, kind: Kind, descriptor: int) -> None:
        """A video of a `kind`, open for reading."""
        self._kind = kind
        self._descriptor = descriptor

    def owner(self) -> int:
        """The number of the user it belongs to."""
        return os.fstat(self._descriptor).st_uid

    def facts(self) -> VideoFacts:
        """What it says of itself. Raises EncodeError where it is not such a video, or OSError."""
        with self._stream() as stream:
            if self._kind == "gif":
                gif = read_gif(stream)
                begins = [Fraction(0)]
                for delay in gif.delays[:-1]:
                    begins.append(begins[-1] + Fraction(delay, 100))
                return VideoFacts(len(gif.delays), (gif.width, gif.height), begins)
            mp4 = read_mp4(stream)
            if mp4.codec not in _H264:
                # Only its decoder is asked for.
                raise EncodeError(f"its pictures are {mp4.codec!r}, not H.264")
            return VideoFacts(mp4.frames, (mp4.width, mp4.height), 1 / mp4.rate if mp4.rate else Fraction(0))

    def key_frames(self) -> list[int]:
        """The numbers of the frames that can be decoded by themselves; of a GIF, none. Raises as `facts`."""
        if self._kind == "gif":
            return []
        with self._stream() as stream:
            return read_key_frames(stream)

    def decode(
        self,
        wanted: Sequence[int],
        size: tuple[int, int],
        shown: tuple[int, int],
        take: Callable[[int, Pixels], None],
        stop: threading.Event,
        *,
        of_key_frames: bool = False,
    ) -> None:
        """Decode some of its pictures as RGB.

        All frames before the last one that is wanted are decoded: each is made from the one before it.

        Args:
            wanted: The numbers of the pictures, from 0, ascending.
            size: The (width, height) that it has; one that is much larger is refused.
            shown: The (width, height) that they are brought to.
            take: Called with the place in `wanted` and the picture, uint8 (H, W, 3), which is overwritten afterwards;
                in another thread, for one after the other.
            stop: Set to give up.
            of_key_frames: Whether the numbers are places among the key frames, and nothing else is decoded. Default:
                no.

        Raises:
            EncodeError: ffmpeg failed, or reported an error in the video; or it does not have all these pictures.
            Interrupted: `stop` was set.
            Exception: Whatever `take` raised.
        """
        width, height = shown
        pictures = _Pictures(len(wanted), (height, width, 3), take)
        chosen = "+".join(f"eq(n,{number})" for number in wanted)
        run_ffmpeg(
            FfmpegExecutable(),
            [
                *(["-discard", "nokey", "-skip_frame", "nokey"] if of_key_frames else []),
                # The file's index and its first frame say all: to look further costs the decoding of some frames.
                *("-analyzeduration", "0", "-probesize", "32"),
                *video_input(self._kind, self._descriptor, size),
                *("-filter_threads", "1", "-map", "0:v:0", "-fps_mode", "passthrough"),
                *("-vf", f"select='{chosen}',scale={width}:{height}:{_SCALER},format=rgb24"),
                *("-frames:v", str(len(wanted)), "-threads", "1", "-f", "rawvideo", "pipe:1"),
            ],
            (),
            directory=DIRECTORY,
            limits=RunLimits(stop),
            pixels=max(size[0] * size[1], width * height),
            sink=pictures.add,
            descriptors=[self._descriptor],
        )
        if pictures.count < len(wanted):
            raise EncodeError(f"only {pictures.count} of the {len(wanted)} frames that are wanted can be decoded")

    def _stream(self) -> BinaryIO:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return open(self._descriptor, "rb", closefd=False)


@contextlib.contextmanager
def opened_video(path: Path, *, follow: bool = False) -> Iterator[VideoFile]:
    """Open a video for the length of the block.

    Args:
        path: A GIF, as its suffix says, or else an MP4.
        follow: Whether it may be a link, as where a user has named it. Default: no.

    Raises:
        OSError: It cannot be opened.
        EncodeError: It is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | (SAFELY & ~os.O_NOFOLLOW if follow else SAFELY))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise EncodeError(f"{path}: is a {kind_of(mode)}, not a video")
        yield VideoFile("gif" if path.suffix.lower() == ".gif" else "mp4", descriptor)
    finally:
        os.close(descriptor)


class _Pictures:
    """Counts pictures as they come, and hands on those that are expected."""

    def __init__(self, expected: int, shape: tuple[int, int, int], take: Callable[[int, Pixels], None]) -> None:
        self.count = 0
        self._expected = expected
        self._shape = shape
        self._take = take
        self.add = Cutter(math.prod(shape), self._picture).take

    def _picture(self, data: Pixels) -> None:
        if self.count < self._expected:
            self._take(self.count, data.reshape(self._shape))
            self.count += 1
