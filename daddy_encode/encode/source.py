"""Where frames come from: PNGs of a directory, read once and checked, or arrays in memory."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from daddy_encode.encode.normalise import decode_png
from daddy_encode.encode.png import Png, PngFault, check_png
from daddy_encode.errors import FrameError, TransientError
from daddy_encode.spool.frames import FrameRow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

# 64 Mpixel: an 8192x8192 frame. Above it a frame is a mistake or an attack, and ffmpeg would need gigabytes.
MAX_PIXELS = 64 * 2**20


class MixedKinds(Exception):
    """A frame is not 8-bit RGB, although the first ones were: the run begins again, decoding every frame itself."""


class FrameSource(Protocol):
    """Frames of one size for ffmpeg's standard input, as many times as they are asked for."""

    width: int
    height: int
    count: int
    """How many frames there are; of frames in memory, how many have been gone through."""
    raw: bool
    """True: items are rgb24 pixels, row by row. False: items are whole PNG files, 8-bit RGB. May be set to True."""

    def first(self) -> Pixels:
        """The first frame, (H, W, 3); it is there to be gone through, still."""
        ...

    def frames(self, step: int = 1) -> Iterator[bytes | memoryview]:
        """Yield frame 0, `step`, 2 * `step`, …; every frame in between is read and checked, too."""
        ...


class DirectorySource:
    """The PNGs of a job's directory.

    Each file is opened relative to the directory, which is opened once, follows no link, must be a regular file,
    and is checked whole before one byte of it is yielded.
    """

    def __init__(self, directory: Path, row: FrameRow, expected_size: tuple[int, int] | None) -> None:
        """`expected_size`: (width, height) that the manifest promises, if there is one.

        `on_frame`, which may be set, is called for each frame read. Raises FrameError where the directory cannot be
        opened or the first frame is bad.
        """
        self.directory = directory
        self.row = row
        self.count = len(row)
        try:
            self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise FrameError(f"{directory}: cannot be opened: {error.strerror}") from error
        self._promised = expected_size
        self.sha256 = ""
        self.on_frame: Callable[[], None] = lambda: None
        try:
            first = self._read(row.names[0], None)
        except BaseException:
            self.close()
            raise
        self.width, self.height = first.width, first.height
        self.raw = not first.plain

    def __enter__(self) -> DirectorySource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._directory)

    def in_place(self) -> bool:
        """Whether the directory's path still leads to the directory that was opened."""
        try:
            return os.path.samestat(os.stat(self.directory), os.fstat(self._directory))
        except OSError:
            return False

    def frames(self, step: int = 1) -> Iterator[bytes | memoryview]:
        """See FrameSource. After the last frame, `sha256` is the digest of all files' bytes, as they were read.

        Raises FrameError, which names the file, for a bad one; MixedKinds where a PNG is not plain and `raw` is
        false.
        """
        digest = hashlib.sha256()
        for index, name in enumerate(self.row.names):
            png = self._read(name, digest)
            if (png.width, png.height) != (self.width, self.height):
                raise FrameError(
                    f"{self.directory / name}: is {png.width}x{png.height}, but {self.row.names[0]} is "
                    f"{self.width}x{self.height}; all frames of a job must be of one size"
                )
            if not self.raw and not png.plain:
                raise MixedKinds
            self.on_frame()
            if index % step == 0:
                yield self._pixels(name, png) if self.raw else png.data
        self.sha256 = digest.hexdigest()

    def first(self) -> Pixels:
        """See FrameSource."""
        name = self.row.names[0]
        return self._decoded(name, self._read(name, None))

    def _pixels(self, name: str, png: Png) -> memoryview:
        return self._decoded(name, png).data.cast("B")

    def _decoded(self, name: str, png: Png) -> Pixels:
        try:
            return decode_png(png.data)
        except PngFault as fault:
            raise FrameError(f"{self.directory / name}: {fault}; write it again") from fault

    def _read(self, name: str, digest: hashlib._Hash | None) -> Png:
        path = self.directory / name
        try:
            descriptor = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._directory
            )
            with os.fdopen(descriptor, "rb", buffering=0) as stream:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise FrameError(f"{path}: is not a regular file; remove it")
                data = stream.read()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE, errno.EIO):
                # The listing had it: a network file system that lags, or a dump that is written anew.
                raise TransientError(f"{path}: was listed, but cannot be read: {error.strerror}; run again") from error
            raise FrameError(f"{path}: cannot be read: {error.strerror}; is it a link, or not yours?") from error
        if digest is not None:
            digest.update(data)
        try:
            png = check_png(data, MAX_PIXELS)
        except PngFault as fault:
            raise FrameError(f"{path}: {fault}; write it again") from fault
        if self._promised is not None and (png.width, png.height) != self._promised:
            promised = "{}x{}".format(*self._promised)
            raise FrameError(f"{path}: is {png.width}x{png.height}, but the manifest promises {promised}")
        return png
