"""What has to be known of a whole clip before its GIF can be written, found in one pass, alone or beside an MP4's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from msgspec.structs import replace

from daddy_encode.encoding.ffmpeg.cut import Cutter
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.input import FrameInput, VideoFile
from daddy_encode.encoding.ffmpeg.process import RunLimits, run_ffmpeg
from daddy_encode.encoding.frames.frame_source import FrameSource, frame_input
from daddy_encode.encoding.gif.exact import ExactGif, few_colours
from daddy_encode.encoding.gif.palette_filters import palette_output, pictures_output
from daddy_encode.encoding.gif.size import reduce, reduced_size
from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.gif.writer import GifWriter
from daddy_encode.encoding.settings import GifSettings
from daddy_encode.encoding.yuv.picture import converted
from daddy_encode.errors import Interrupted
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.png.pixels import Pixels


class FirstPass:
    """The pass over a clip's frames that finds its colours, or a palette for them. A context manager.

    Attributes:
        exact: The GIF itself, when the pass is over, if the clip has at most 256 colours; None from the first picture
            that has more.
        palette: A PNG of 16x16 pixels that ffmpeg made of the whole clip; empty where it was not asked to.
    """

    def __init__(self, source: FrameSource, settings: GifSettings, target: HeldFile) -> None:
        """See `encode.first_pass`."""
        self._source = source
        self._settings = settings
        self._directory = target.path.parent
        self._size = reduced_size((source.width, source.height), settings)
        self._writer = GifWriter(target, *self._size, settings.scale, delays(source.count, settings))
        self._complete = False
        self._seen = 0
        self.exact: ExactGif | None = None
        self.palette = b""
        try:
            if few_colours(reduce(source.first(), self._size)):
                self.exact = ExactGif(self._writer)
        except BaseException:
            self._writer.close()
            raise

    def __enter__(self) -> FirstPass:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    @property
    def made(self) -> bool:
        """Whether the pass has been made, and its one result is there."""
        return self._complete or bool(self.palette)

    def make(self, ffmpeg: FfmpegExecutable, limits: RunLimits) -> None:
        """Make the pass by itself.

        Raises:
            EncodeError: ffmpeg failed.
            Interrupted: `limits.stop` was set.
            SpoolError: The temporary file cannot be written.
            DaddyEncodeError: Whatever the source raises.
        """
        if self.exact is not None:
            for _ in self._watched(self._source.frames(self._settings.step, as_pixels=True), 1):
                if limits.stop.is_set():
                    raise Interrupted("stopped while encoding; nothing was written, run again")
                if self.exact is None:
                    break
        if self.exact is None:
            frames = frame_input(self._source, self._settings.step, may_be_stored=True)
            self.palette = run_ffmpeg(
                ffmpeg,
                [*frames.arguments(self._settings.fps), *palette_output(1, before=frames.filters(self._settings.fps))],
                frames.frames,
                directory=self._directory,
                limits=limits,
                pixels=frames.width * frames.height,
            ).output

    def shared_input(self, *, may_be_yuv: bool) -> FrameInput:
        """All frames of the source, for another output's ffmpeg; this pass is made while they go by.

        A file is read by ffmpeg itself. Else they are pixels while the GIF may be exact: decoded once for both outputs,
        and then converted for the other one where that is less work. A palette is made by the same ffmpeg, of RGB.

        Args:
            may_be_yuv: Whether the other output takes them converted.
        """
        if (stored := self._source.stored_input()) is not None:
            return stored
        frames = frame_input(self._source, as_pixels=self.exact is not None)
        assert not isinstance(frames.frames, VideoFile)
        watched = self._watched(frames.frames, self._settings.step)
        if self.exact is None or not may_be_yuv or self._source.yuv_frames(are_pixels=True) is None:
            return replace(frames, frames=watched)
        watched = converted(watched, frames.width, frames.height)
        return replace(frames, frames=watched, pixel_format="yuv420p")

    def extra_output(self, frames: FrameInput) -> list[str]:
        """ffmpeg's arguments for an output beside another's: the palette, at its standard output, if one is needed.

        Of a file that it reads itself it is the pictures, where there is no palette, for `sink`.

        `frames`: the `shared_input`.
        """
        step = self._settings.step
        if not isinstance(frames.frames, VideoFile):
            return palette_output(step) if self.exact is None else []
        # What is left out is not converted either.
        before = replace(frames, frames=replace(frames.frames, step=step)).filters(self._settings.fps)
        return palette_output(1, before=before) if self.exact is None else pictures_output(before)

    def sink(self, frames: FrameInput) -> Callable[[bytes], None] | None:
        """What takes the `extra_output`; None where that is a palette, or nothing."""
        if self.exact is None or not isinstance(frames.frames, VideoFile):
            return None
        return Cutter(3 * frames.width * frames.height, self._take).take

    def _take(self, frame: Pixels) -> None:
        # One that is too many is for whoever counts the frames of the other output.
        if self.exact is None or self._complete:
            return
        self._add(frame)
        self._seen += 1
        self._complete = self.exact is not None and self._seen == -(-self._source.count // self._settings.step)

    def _add(self, frame: bytes | memoryview | Pixels) -> None:
        assert self.exact is not None
        pixels = np.frombuffer(frame, np.uint8).reshape(self._source.height, self._source.width, 3)
        if not self.exact.add(reduce(pixels, self._size)):
            self.exact = None

    def _watched(self, frames: Iterable[bytes | memoryview], step: int) -> Iterator[bytes | memoryview]:
        """Yield `frames` as they are, while every `step`-th of them becomes a picture of the exact GIF."""
        for index, frame in enumerate(frames):
            if self.exact is not None and index % step == 0:
                self._add(frame)
            yield frame
        self._complete = self.exact is not None
