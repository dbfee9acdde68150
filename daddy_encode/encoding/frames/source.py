"""Where frames come from: PNGs of a directory, read once and checked; those in memory come from `arrays`."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from daddy_encode.encoding.frames.bad_frames import FIT, size_differs
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.listing import ChangedError
from daddy_encode.encoding.frames.pictures import Look, Pictures, Size
from daddy_encode.encoding.frames.survey import survey
from daddy_encode.encoding.png.decode import with_alpha
from daddy_encode.encoding.png.inflate import all_rows, inflated
from daddy_encode.encoding.png.opaque import is_opaque, is_opaque_rgba
from daddy_encode.encoding.png.parse import Header, Png, PngFault
from daddy_encode.encoding.png.stored import StoredPng
from daddy_encode.encoding.png.unfilter import is_unfiltered
from daddy_encode.encoding.yuv.worth import changes_little
from daddy_encode.errors import DaddyEncodeError, one_line
from daddy_encode.spool.png.format import RGB, RGBA
from daddy_encode.spool.png.pixels import Pixels

if TYPE_CHECKING:
    from daddy_encode.encoding.yuv.picture import YuvPicture


class DirectorySource:
    """The PNGs of a job's directory: each file is checked whole, to its last pixel, before one byte is yielded.

    Attributes:
        names: The file that is shown as each frame.
        sha256: The digest of all files' bytes, as they were read; empty until all were.
    """

    def __init__(
        self,
        directory: JobDirectory,
        names: Sequence[str],
        promised: Size | None = None,
        look: Look | None = None,
        on_frame: Callable[[], None] = lambda: None,
        check_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """Read the first frame, and look at all where their looks depend on one another.

        Args:
            directory: The job's.
            names: The file that is shown as each frame; one may be named several times in a row.
            promised: The size that the manifest promises, if there is one.
            look: How they are shown. Default: as they are, alpha on black.
            on_frame: Called for each frame that is read.
            check_stop: As for `survey`.

        Raises:
            BadFrameError: The first frame, or one that was looked at, is bad.
            FrameError: As for `survey`.
        """
        self.names = names
        self.count = len(names)
        self.sha256 = ""
        self._surplus, self._animated = list[str](), list[str]()
        self._directory = directory
        self._on_frame = on_frame
        look = look or Look()
        first, _ = directory.read(names[0])
        self._survey = survey(directory, names, look, check_stop)
        self._fits = look.fit is not None
        self.width, self.height = self._survey.size if self._fits else first.size
        if not self._fits and promised not in (None, first.size):
            raise self._of_other_size(names[0], first.size, promised, "the manifest promises")
        depth = self._survey.depth if look.depth == "auto" else look.depth
        self._pictures = Pictures(look, (self.width, self.height), depth)
        # What is neither has to be decoded; to wrap that as PNGs again would be wasted work.
        self._is_rgba = is_opaque_rgba(first)
        goes_as_it_is = (first.plain or self._is_rgba) and not self._survey.is_varied
        self._prefers_pixels = not goes_as_it_is or self._likely_unfiltered(first)
        self._look = look

    @functools.cached_property
    def _stored(self) -> StoredPng:
        return StoredPng(Header(self.width, self.height, colour=RGBA if self._is_rgba else RGB))

    @property
    def most_opaque(self) -> int:
        """See FrameSource."""
        return self._pictures.most_opaque

    @property
    def png_bytes(self) -> int | None:
        """See FrameSource."""
        return None if self._prefers_pixels else len(self._stored)

    def frames(self, step: int = 1, *, as_pixels: bool) -> Iterator[memoryview]:
        """See FrameSource. After the last frame `sha256` is known.

        Raises:
            BadFrameError: A frame is bad; the error names it.
            ChangedError: The frames are not the same as when they were read before.
        """
        if as_pixels and not self._prefers_pixels and not self._is_rgba:
            return self._undone(step)
        return self._read_all(step, lambda png: self._item(png, as_pixels))

    def yuv_frames(self, *, are_pixels: bool = False) -> Iterator[memoryview] | None:
        """See FrameSource, and `frames`."""
        size, is_filtered = (self.width, self.height), not (self._prefers_pixels or are_pixels)
        is_worth_it = changes_little(self._directory, self.names, size, is_filtered=is_filtered)
        return self._converted() if is_worth_it else None

    def stored_input(self, step: int = 1) -> None:
        """See FrameSource: each is a file of its own, or compressed by itself."""

    def check_stored(self) -> None:
        """See FrameSource."""

    def _converted(self) -> Iterator[memoryview]:
        # Loaded while ffmpeg starts.
        from daddy_encode.encoding.png.rows import together
        from daddy_encode.encoding.yuv.picture import YuvPicture, converted

        if together(self.width, self.height) > 1:
            yield from converted(self.frames(as_pixels=True), self.width, self.height)
        else:
            picture = YuvPicture(self.width, self.height)
            yield from self._read_all(1, lambda png: self._yuv(png, picture))

    def _undone(self, step: int) -> Iterator[memoryview]:
        """As `frames`, as pixels, of frames whose rows have filters."""
        from daddy_encode.encoding.png.rows import PixelRows, together

        if (count := together(self.width, self.height)) > 1:
            rows = PixelRows(Header(self.width, self.height), count)
            yield from rows.undone(self._read_all(step, self._filtered))
        else:
            yield from self._read_all(step, self._pictures.of)

    def _read_all(self, step: int, item_of: Callable[[Png], memoryview]) -> Iterator[memoryview]:
        digest = hashlib.sha256()
        surplus, animated = list[str](), list[str]()
        item, shown, before = memoryview(b""), "", b""
        for index, name in enumerate(self.names):
            if name != shown:
                read, data = self._directory.read(name)
                digest.update(data)
                # A rollout that waits writes one file again and again.
                if data != before:
                    png, before = read, data
                    if png.size != (self.width, self.height):
                        self._check_size(name, png.size)
                    try:
                        item = item_of(png)
                    except PngFault as fault:
                        raise self._bad(name, str(fault)) from fault
                shown = name
                if png.has_surplus:
                    surplus.append(name)
                if png.is_animated:
                    animated.append(name)
            self._on_frame()
            if index % step == 0:
                yield item
        if self.sha256 not in ("", digest.hexdigest()):
            raise ChangedError(self._directory.path)
        self.sha256 = digest.hexdigest()
        self._surplus, self._animated = surplus, animated

    def is_same(self) -> bool:
        """Read all files once more: whether they hold the bytes of `sha256`. Raises what reading a frame raises."""
        return frames_sha256(self._directory, (name for name, _ in itertools.groupby(self.names))) == self.sha256

    def first(self) -> Pixels:
        """See FrameSource.

        Raises:
            BadFrameError: The first frame is bad.
        """
        import numpy as np

        png, _ = self._directory.read(self.names[0])
        try:
            pixels = self._pictures.of(png)
        except PngFault as fault:
            raise self._bad(self.names[0], str(fault)) from fault
        return np.frombuffer(pixels, np.uint8).reshape(self.height, self.width, 3)

    def notes(self) -> list[str]:
        """What a viewer should know of how the frames were read; complete after the last one."""
        return [
            *_notes(self._surplus, "bytes after the picture, which are ignored, as PNG asks for"),
            *_notes(self._animated, "further pictures, as APNG has them, which are not shown"),
            *self._survey.notes(self._look),
        ]

    def warnings(self) -> list[str]:
        """What is most likely not meant to look as it does; complete after the last frame."""
        return list(self._pictures.warnings())

    def _check_size(self, name: str, size: Size) -> None:
        if not self._fits:
            raise self._of_other_size(name, size, (self.width, self.height), f"{self.names[0]} is")
        if size[0] > self.width or size[1] > self.height:
            raise ChangedError(self._directory.path)

    def _of_other_size(self, name: str, size: Size, wanted: Size, others: str) -> BadFrameError:
        return self._bad(name, size_differs(size, wanted, others), FIT)

    def _bad(self, name: str, reason: str, advice: str = PngFault.advice) -> BadFrameError:
        return BadFrameError(self._directory.path_of(name), reason, advice)

    def _likely_unfiltered(self, first: Png) -> bool:
        """Whether all frames are pixels without filters in their files, judged by the first and the last one.

        Pixels save ffmpeg a tenth of all its work; but to undo a filter here takes longer than that.
        """
        with contextlib.suppress(DaddyEncodeError):
            if first.plain and is_unfiltered(first):
                last, _ = self._directory.read(self.names[-1])
                return last.plain and is_unfiltered(last)
        return False

    def _filtered(self, png: Png) -> memoryview:
        """The rows of a frame as RGB, each with its filter byte."""
        if png.plain and png.size == (self.width, self.height):
            self._pictures.saw_plain()
            return memoryview(all_rows(png))
        pixels, stride = self._pictures.of(png), 3 * self.width
        rows = (part for at in range(0, len(pixels), stride) for part in (b"\0", pixels[at : at + stride]))
        return memoryview(b"".join(rows))

    def _yuv(self, png: Png, picture: YuvPicture) -> memoryview:
        may_be_rows = png.plain and png.size == (self.width, self.height) and not picture.has_filters
        if may_be_rows and picture.fill(inflated(png)):
            self._pictures.saw_plain()
        else:
            picture.fill_pixels(self._pictures.of(png))
        return picture.convert()

    def _item(self, png: Png, as_pixels: bool) -> memoryview:
        rows = None
        if not as_pixels and png.size == (self.width, self.height):
            if png.plain and not self._is_rgba:
                self._pictures.saw_plain()
                return self._stored.fill(inflated(png))
            if png.rgba and self._is_rgba:
                rows = all_rows(png)
                if is_opaque(rows, png.header):
                    self._pictures.saw_plain()
                    return self._stored.fill((rows,))
        pixels = self._pictures.of(png, rows)
        if as_pixels:
            return pixels
        return self._stored.fill_pixels(with_alpha(pixels) if self._is_rgba else pixels)


def frames_sha256(directory: JobDirectory, names: Iterable[str], check_stop: Callable[[], None] = lambda: None) -> str:
    """The digest of the bytes of all these files. Raises what reading a frame raises, and what `check_stop` raises."""
    if (packed := directory.packed) is not None:
        return packed.checked_png_sha256(check_stop)
    digest = hashlib.sha256()
    for name in names:
        check_stop()
        digest.update(directory.read(name)[1])
    return digest.hexdigest()


def _notes(names: Sequence[str], what: str) -> list[str]:
    """One line about all files that have something that is not shown."""
    if not names:
        return []
    files = f"{len(names)} PNGs have" if len(names) > 1 else "1 PNG has"
    return [one_line(f"{files} {what} (first: {names[0]})")]
