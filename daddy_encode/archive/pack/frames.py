"""The samples of a job's PNGs, for packing them, and once more, in another way, for proving what was packed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daddy_encode.archive.pack.outcome import LeftError
from daddy_encode.encoding.png.inflate import all_rows
from daddy_encode.encoding.png.parse import Png, PngFault, check_png
from daddy_encode.encoding.png.raw import raw_rows
from daddy_encode.encoding.png.unfilter import PlainPixels
from daddy_encode.encoding.stored.layout import differs, head_of
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.errors import EncodeError, FrameError
from daddy_encode.spool.stored.pack_record import MAX_HEAD_BYTES


class PngFrames:
    """The PNGs of a job, which have to be of one kind.

    Attributes:
        path: The job's directory.
        names: Theirs.
        head: What each begins with, up to its image data.
        png: The first of them.
        png_sha256: Of the bytes of all, once they were read for packing.
        pixels_sha256: Of their samples, likewise.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        read: Callable[[str], tuple[Png, bytes]],
        on_frame: Callable[[], None],
    ) -> None:
        """Read the first one.

        Args:
            path: The job's directory.
            names: Of the frames, in order.
            read: Reads one, as JobDirectory.read does.
            on_frame: Called for each frame that is read; raises where the work should end.

        Raises:
            LeftError: It is bad, or cannot be packed exactly.
        """
        self.names = names
        self.png_sha256 = self.pixels_sha256 = ""
        self.path = path
        self._read_png = read
        self._on_frame = on_frame
        self.png, data = self._checked(names[0])
        self.head = self._head(names[0], self.png, data)
        if len(self.head) > MAX_HEAD_BYTES:
            raise self._left(names[0], f"has {len(self.head)} bytes before its pixels, more than {MAX_HEAD_BYTES}")

    def to_pack(self) -> Iterator[memoryview]:
        """Yield the samples of each; the digests are known after the last."""
        bytes_digest, pixels_digest = hashlib.sha256(), hashlib.sha256()
        plain = PlainPixels(*self.png.size) if self.png.plain else None
        for name in self.names:
            png, data = self._read(name)
            bytes_digest.update(data)
            try:
                raw = plain.of(png) if plain is not None else self._raw(png)
            except PngFault as fault:
                raise self._left(name, str(fault)) from fault
            if png.has_surplus:
                raise self._left(name, "has bytes after its picture")
            pixels_digest.update(raw)
            yield raw
        self.png_sha256, self.pixels_sha256 = bytes_digest.hexdigest(), pixels_digest.hexdigest()

    def prove(self, packed: PackedFrames) -> None:
        """Decode the packed file whole, and compare every frame's samples with those of its PNG, read once more.

        Raises:
            EncodeError: It is not what was to be packed.
            LeftError: A PNG is bad by now.
        """
        frames = packed.frames(self._on_frame)
        try:
            for name in self.names:
                self.prove_one(name, next(frames))
            # Its end, and how ffmpeg ended.
            for _ in frames:
                raise EncodeError(f"{packed.path}: has more frames than were packed")
        finally:
            frames.close()

    def prove_one(self, name: str, packed: memoryview) -> None:
        """Compare a frame that was packed with its PNG. Raises EncodeError where they differ."""
        png, _ = self._read(name)
        try:
            own = self._raw(png)
        except PngFault as fault:
            raise self._left(name, str(fault)) from fault
        if not np.array_equal(np.frombuffer(own, np.uint8), np.frombuffer(packed, np.uint8)):
            raise EncodeError(f"{self.path}/{name}: its pixels are not those in the packed file")

    def samples(self, name: str) -> npt.NDArray[np.uint8] | None:
        """Those of one frame, looked at before all are read; None where it is bad, which whoever reads all will say."""
        try:
            return np.frombuffer(self._raw(self._same_kind(name)[0]), np.uint8)
        except (LeftError, PngFault):
            return None

    def _read(self, name: str) -> tuple[Png, bytes]:
        self._on_frame()
        return self._same_kind(name)

    def _same_kind(self, name: str) -> tuple[Png, bytes]:
        png, data = self._checked(name)
        if (head := self._head(name, png, data)) != self.head:
            raise self._left(name, differs(head, self.head))
        return png, data

    def _checked(self, name: str) -> tuple[Png, bytes]:
        try:
            return self._read_png(name)
        except FrameError as error:
            raise LeftError(f"{self.path}: not packed: {str(error).removeprefix(f'{self.path}/')}") from error

    def _raw(self, png: Png) -> memoryview:
        return np.ascontiguousarray(raw_rows(png.header, all_rows(png))).data.cast("B")

    def _head(self, name: str, png: Png, data: bytes) -> bytes:
        try:
            if png.has_surplus:
                raise PngFault("has bytes after its picture")
            return head_of(data, png)
        except PngFault as fault:
            raise self._left(name, str(fault)) from fault

    def _left(self, name: str, reason: str) -> LeftError:
        return LeftError(f"{self.path}: not packed, since not every PNG could be made again: {name} {reason}")


def checked_png(data: bytes, max_pixels: int) -> tuple[Png, bytes]:
    """A PNG of these bytes, and they. Raises FrameError where it is none."""
    try:
        return check_png(data, max_pixels), data
    except PngFault as fault:
        raise FrameError(f"a PNG {fault}") from fault
