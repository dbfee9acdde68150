"""Where frames come from: PNGs of a directory, read once and checked, or arrays in memory."""

from __future__ import annotations

import collections
import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from daddy_encode.encode.frames.job_directory import BadFrame, JobFolder
from daddy_encode.encode.png.decode import BLACK, Rgb, decode_png
from daddy_encode.encode.png.inflate import inflated
from daddy_encode.encode.png.parse import Png, PngFault
from daddy_encode.encode.png.stored import StoredPng
from daddy_encode.encode.png.unfilter import PlainPixels, unfiltered
from daddy_encode.errors import DaddyEncodeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

Size = tuple[int, int]
"""Width and height in pixels."""


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

    @property
    def item_bytes(self) -> int:
        """The length of every item."""
        ...

    def frames(self, step: int = 1) -> Iterator[bytes | memoryview]:
        """Yield frame 0, `step`, 2 * `step`, …; every frame in between is read and checked, too.

        What was yielded may be overwritten when the next one is asked for.
        """
        ...


class DirectorySource:
    """The PNGs of a job's directory: each file is checked whole, to its last pixel, before one byte is yielded."""

    def __init__(
        self,
        folder: JobFolder,
        names: Sequence[str],
        promised: Size | None = None,
        background: Rgb = BLACK,
    ) -> None:
        """`names`: of the file that is shown as each frame; one may be named several times in a row.

        `promised`: the size that the manifest promises, if there is one; `background`: what alpha is blended on.
        `on_frame`, which may be set, is called for each frame. Raises FrameError where the first frame is bad.
        """
        self.folder = folder
        self.names = names
        self.count = len(names)
        self.sha256 = ""
        self.on_frame: Callable[[], None] = lambda: None
        self._background = background
        first, _ = folder.read(names[0])
        self.width, self.height = first.size
        if promised is not None and first.size != promised:
            raise BadFrame(folder.path / names[0], _differs(first.size, promised, "the manifest promises"), AGAIN)
        # Pillow decodes what is not plain; there is no use in wrapping all of that as PNGs again.
        self.raw = not first.plain or self._bare(first)

    @functools.cached_property
    def _plain(self) -> PlainPixels:
        return PlainPixels(self.width, self.height)

    @functools.cached_property
    def _stored(self) -> StoredPng:
        return StoredPng(self.width, self.height)

    @property
    def item_bytes(self) -> int:
        return self.width * self.height * 3 if self.raw else len(self._stored)

    def frames(self, step: int = 1) -> Iterator[bytes | memoryview]:
        """See FrameSource. After the last frame, `sha256` is the digest of all files' bytes, as they were read.

        Raises BadFrame, which names the file, for a bad one.
        """
        digest = hashlib.sha256()
        item: bytes | memoryview = b""
        shown = ""
        for index, name in enumerate(self.names):
            if name != shown:
                png, data = self.folder.read(name)
                digest.update(data)
                if png.size != (self.width, self.height):
                    others = f"{self.names[0]} is"
                    reason = _differs(png.size, (self.width, self.height), others)
                    raise BadFrame(self.folder.path / name, reason, "all frames of a job must be of one size")
                try:
                    item = self._item(png)
                except PngFault as fault:
                    raise BadFrame(self.folder.path / name, str(fault), AGAIN) from fault
                shown = name
            self.on_frame()
            if index % step == 0:
                yield item
        self.sha256 = digest.hexdigest()

    def first(self) -> Pixels:
        """See FrameSource. Raises BadFrame."""
        import numpy as np

        png, _ = self.folder.read(self.names[0])
        try:
            pixels = self._pixels(png)
        except PngFault as fault:
            raise BadFrame(self.folder.path / self.names[0], str(fault), AGAIN) from fault
        return np.frombuffer(pixels, np.uint8).reshape(self.height, self.width, 3)

    def _bare(self, first: Png) -> bool:
        """Whether frames are pixels as they lie in their files, as far as the `first` and the last one tell.

        Pixels spare ffmpeg a tenth of all its work; but to undo a filter here takes longer than that.
        """
        with contextlib.suppress(DaddyEncodeError):
            if unfiltered(first):
                last, _ = self.folder.read(self.names[-1])
                return last.plain and unfiltered(last)
        return False

    def _item(self, png: Png) -> memoryview:
        if png.plain and not self.raw:
            # The file's own checksum: ffmpeg compares it with what reaches it.
            return self._stored.fill(inflated(png), png.image[-4:])
        pixels = self._pixels(png)
        return pixels if self.raw else self._stored.fill_pixels(pixels)

    def _pixels(self, png: Png) -> memoryview:
        if png.plain:
            return self._plain.of(png)
        check_image(png)
        return decode_png(png, self._background).data.cast("B")


AGAIN = "write it again"


def check_image(png: Png) -> None:
    """Inflate the image data of `png` and let it go; raises PngFault where it is not what it should be."""
    collections.deque(inflated(png), maxlen=0)


def survey(folder: JobFolder, names: Sequence[str], promised: Size | None) -> dict[str, str]:
    """The bad ones among the files `names`, and what is wrong with each.

    The size that a frame must have is the one promised, else the one that most whole frames have.
    Raises Skipped for another user's file.
    """
    sizes: dict[str, Size] = {}
    bad: dict[str, str] = {}
    for name in names:
        try:
            png, _ = folder.read(name)
            check_image(png)
            if not png.plain:
                decode_png(png)
            sizes[name] = png.size
        except BadFrame as error:
            bad[name] = error.reason
        except PngFault as fault:
            bad[name] = str(fault)
    if sizes:
        size, others = (promised, "the manifest promises") if promised else (_most(sizes), "most are")
        bad |= {name: _differs(found, size, others) for name, found in sizes.items() if found != size}
    return bad


def _most(sizes: dict[str, Size]) -> Size:
    return collections.Counter(sizes.values()).most_common(1)[0][0]


def _differs(found: Size, wanted: Size, others: str) -> str:
    return "is {}x{}, but {} {}x{}".format(*found, others, *wanted)
