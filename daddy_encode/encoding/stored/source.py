"""Frames of a packed file for ffmpeg, shown as those of its PNGs would be: the same video, byte for byte."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Sequence

from daddy_encode.encoding.ffmpeg.input import FrameInput, VideoFile
from daddy_encode.encoding.frames.bad_frames import size_differs
from daddy_encode.encoding.frames.pictures import Look, Pictures, Size
from daddy_encode.encoding.frames.survey import Survey, add_grey
from daddy_encode.encoding.option_values import DEFAULT_STALL_SECONDS
from daddy_encode.encoding.png.grey import is_grey, read_grey
from daddy_encode.encoding.stored.layout import DECODERS
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.encoding.yuv.worth import MOST_CHANGED, can_convert
from daddy_encode.errors import FrameError
from daddy_encode.spool.png.pixels import Pixels


class PackedSource:
    """A FrameSource of a packed file.

    Attributes:
        names: The frame that is shown as each.
        sha256: The digest of the bytes of the PNGs that were packed; empty until all frames were read.
    """

    # Decoded, they are pixels: to wrap them as PNGs would be wasted work.
    png_bytes = None

    def __init__(
        self,
        packed: PackedFrames,
        names: Sequence[str],
        promised: Size | None = None,
        look: Look | None = None,
        on_frame: Callable[[], None] = lambda: None,
        check_stop: Callable[[], None] = lambda: None,
        stall_seconds: float = DEFAULT_STALL_SECONDS,
    ) -> None:
        """Look at all frames where their looks depend on one another; see DirectorySource.

        Args:
            packed: The file.
            names: The frame that is shown as each, in order; one may be named several times in a row.
            promised: See there, as for all that follow.
            look: See there.
            on_frame: See there.
            check_stop: See there; called while ffmpeg is waited for, too.
            stall_seconds: How long ffmpeg may give no frame.

        Raises:
            FrameError: The file is damaged, or of another size than promised.
            EncodeError: It cannot be decoded.
        """
        self.names = names
        self.count = len(names)
        self.sha256 = ""
        self._packed = packed
        self._on_frame = on_frame
        self._check_stop = check_stop
        self._stall_seconds = stall_seconds
        self._look = look = look or Look()
        self._png = packed.template
        self.width, self.height = size = self._png.size
        if look.fit is None and promised not in (None, size):
            raise FrameError(f"{packed.path}: {size_differs(size, promised, 'the manifest promises')}")
        packed.check(check_stop)
        self._survey = Survey()
        if look.depth == "auto" and is_grey(self._png):
            for raw in self._decoded():
                add_grey(self._survey, read_grey(self._png, packed.rows(raw)).samples)
        self._pictures = Pictures(look, size, self._survey.depth if look.depth == "auto" else look.depth)
        self._is_handed_over = False

    @property
    def most_opaque(self) -> int:
        """See FrameSource."""
        return self._pictures.most_opaque

    def first(self) -> Pixels:
        """See FrameSource."""
        import numpy as np

        frames = self._decoded()
        try:
            number = self._packed.number(self.names[0])
            for _ in range(number):
                next(frames)
            pixels = self._picture(next(frames))
        finally:
            frames.close()
        return np.frombuffer(bytes(pixels), np.uint8).reshape(self.height, self.width, 3)

    def frames(self, step: int = 1, *, as_pixels: bool) -> Iterator[memoryview]:
        """See FrameSource. After the last frame `sha256` is known. Raises as the constructor."""
        assert as_pixels
        return self._shown(step, self._picture)

    def yuv_frames(self, *, are_pixels: bool = False) -> Iterator[memoryview] | None:
        """See FrameSource, and `frames`."""
        changing = self._packed.record.changing
        # What the record says decides how much work it is, and nothing else.
        if not self._png.plain or changing is None or changing > MOST_CHANGED:
            return None
        return self._converted() if can_convert((self.width, self.height), self.count) else None

    def stored_input(self, step: int = 1) -> FrameInput | None:
        """See FrameSource. The file was checked when this began: its pictures are those that were packed."""
        packed = self._packed
        if not self._are_shown_as_they_are:
            return None
        self._is_handed_over = True
        self._pictures.saw_plain()
        self.sha256 = packed.record.png_sha256
        seen = 0

        def on_frames(count: int) -> None:
            nonlocal seen
            while seen < min(count * step, self.count):
                seen += 1
                self._on_frame()

        file = VideoFile(packed.descriptor, DECODERS[packed.record.codec], self.count, step, on_frames)
        return FrameInput(file, self.width, self.height, None)

    def check_stored(self) -> None:
        """See FrameSource: its error names the file, and says how many frames there are. Raises as the constructor."""
        if self._is_handed_over:
            for _ in self._decoded():
                pass

    def is_same(self) -> bool:
        """Whether the file is still the one that was checked. Raises as the constructor."""
        self._packed.check(self._check_stop)
        return True

    def notes(self) -> list[str]:
        """See DirectorySource."""
        return list(self._survey.notes(self._look))

    def warnings(self) -> list[str]:
        """See DirectorySource."""
        return list(self._pictures.warnings())

    @functools.cached_property
    def _are_shown_as_they_are(self) -> bool:
        return self._png.plain and [*self.names] == [*self._packed.names]

    def _decoded(self, step: int = 1) -> Generator[memoryview, None, None]:
        return self._packed.frames(self._check_stop, self._stall_seconds, step)

    def _converted(self) -> Iterator[memoryview]:
        from daddy_encode.encoding.yuv.picture import converted

        yield from converted(self._shown(1, self._picture), self.width, self.height)

    def _shown(self, step: int, item_of: Callable[[memoryview], memoryview]) -> Iterator[memoryview]:
        # What is left out need not come here, where nothing is to be found out of it.
        every = step if self._are_shown_as_they_are else 1
        frames = self._decoded(every)
        at, name, item = -1, "", memoryview(b"")
        raw: memoryview | None = None
        try:
            for index, shown in enumerate(self.names):
                if shown != name and index % every == 0:
                    name, place = shown, self._packed.number(shown) // every
                    # What came before the one before is overwritten by now.
                    before = raw if place == at + 1 else None
                    while at < place:
                        raw = next(frames)
                        at += 1
                    assert raw is not None
                    if not self._is_repeated(raw, before):
                        item = item_of(raw)
                self._on_frame()
                if index % step == 0:
                    yield item
            # To its end, so that it is known to be whole.
            for _ in frames:
                pass
        finally:
            frames.close()
        self.sha256 = self._packed.record.png_sha256

    def _is_repeated(self, raw: memoryview, before: memoryview | None) -> bool:
        """Whether a frame is the one before once more, as of a rollout that waits, where that saves work."""
        if before is None or self._png.plain:
            return False
        import numpy as np

        return np.array_equal(np.frombuffer(raw, np.uint8), np.frombuffer(before, np.uint8))

    def _picture(self, raw: memoryview) -> memoryview:
        if self._png.plain:
            self._pictures.saw_plain()
            return raw
        return self._pictures.of(self._png, self._packed.rows(raw))
