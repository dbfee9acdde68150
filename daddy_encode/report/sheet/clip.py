"""What a sheet shows: a job's frames, or where these are gone, or a video is named, that video's."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from daddy_encode.errors import EncodeError, FrameError, Skipped, SpoolError
from daddy_encode.report.sheet.captions import Noted, read_notes
from daddy_encode.spool.held_file import SAFELY
from daddy_encode.spool.manifest import ANNOTATIONS_NAME
from daddy_encode.spool.paths import JobPaths, absolute
from daddy_encode.spool.receipt import find_recorded, read_receipt

if TYPE_CHECKING:
    from daddy_encode.encoding.decoding.job_frames import JobFrames
    from daddy_encode.encoding.decoding.pictures import VideoFacts, VideoFile
    from daddy_encode.encoding.decoding.rows import Picture
    from daddy_encode.encoding.frames.owners import Owners
    from daddy_encode.encoding.frames.pictures import Look

# As players name them.
VIDEO_SUFFIXES = (".mp4", ".m4v", ".gif")

Chosen = tuple[tuple[int, int], "Iterator[Picture]"]
"""The width and height of pictures, and these one after another; the next one is asked for in one thread."""


class Clip(Protocol):
    """Frames of one job or video.

    Attributes:
        path: As it was named.
        count: How many frames it has.
        rate: How many are shown in a second; None where nobody has said, or they last differently
            long, as in a GIF.
    """

    path: Path
    count: int
    rate: Fraction | None

    def time(self, index: int, noted: Noted) -> Fraction | None:
        """When a frame begins, in seconds; None where nobody has said how many are shown in one."""

    def notes(self, wanted: Sequence[int]) -> Mapping[int, Noted]:
        """What its rollout said of frames."""

    def choose(self, wanted: Sequence[int], stop: threading.Event) -> Chosen:
        """The pictures of frames, whose numbers are ascending."""


@contextlib.contextmanager
def opened_clip(path: Path, owners: Owners, max_pixels: int) -> Iterator[Clip]:
    """Open a job or a video for the length of the block.

    Args:
        path: A video, or a job's directory; where that holds several sequences, with the pattern of one
            (`DIR/rgb_*.png`).
        owners: Whose files are taken.
        max_pixels: Width times height of a picture, at most.

    Raises:
        SpoolError: It is not there, nor a video beside it, or neither.
        DaddyEncodeError: It cannot be used.
    """
    path = absolute(path)
    try:
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir():
            with _opened_video(path, owners, max_pixels) as video:
                yield video
            return
        paths = _followed(JobPaths.named(path))
        if paths.directory.is_dir():
            from daddy_encode.encoding.decoding.job_frames import look_of, opened_frames

            with opened_frames(paths, owners, max_pixels) as frames:
                if frames is not None:
                    yield _JobClip(path, frames, look_of(paths, owners))
                    return
        # The frames may be gone, or their whole directory.
        video_path = next((paths.output(kind) for kind in ("mp4", "gif") if paths.output(kind).exists()), None)
        if video_path is None:
            raise nothing_to_show(path, paths)
        with _opened_video(video_path, owners, max_pixels) as video:
            yield video
    except Skipped as skipped:
        raise SpoolError(str(skipped).replace("skipped: ", "")) from skipped


def nothing_to_show(path: Path, paths: JobPaths) -> SpoolError:
    """The error where somebody has named what has neither frames nor a video.

    Args:
        path: As it was named.
        paths: The names for a job so named.
    """
    if paths.directory.is_dir():
        return SpoolError(f"{path}: has no frames, and there is no video beside it; name a job's directory or a video")
    if path.is_file():
        return SpoolError(
            f"{path}: is a file, and not an MP4 or a GIF by its name ({', '.join(VIDEO_SUFFIXES)}); name such a video, "
            "or a job's directory"
        )
    return SpoolError(
        f"{path}: is neither a job's directory nor a video (.mp4, .gif), or not there, and there is no "
        f"{paths.output('mp4').name} beside it"
    )


def _followed(paths: JobPaths) -> JobPaths:
    """The names of a job that somebody has named by a link: what that leads to, with outputs of the link's name."""
    if not paths.directory.is_symlink():
        return paths
    return replace(paths, directory=Path(os.path.realpath(paths.directory)))


class _JobClip:
    """A Clip of a job's frames."""

    def __init__(self, path: Path, frames: JobFrames, look: Look | None) -> None:
        self.path = path
        self.count = frames.count
        self.rate = frames.rate
        self._frames = frames
        self._look = look

    def time(self, index: int, noted: Noted) -> Fraction | None:
        """See Clip. Of what was dropped, the frame before is shown."""
        return (index + noted.dropped) / self.rate if self.rate else None

    def notes(self, wanted: Sequence[int]) -> Mapping[int, Noted]:
        """See Clip."""
        if not self._frames.is_own:
            return {}
        # A link, a FIFO, or another user's: nothing that the rollout said.
        with contextlib.suppress(FrameError, Skipped), self._frames.opened(ANNOTATIONS_NAME) as stream:
            return read_notes(stream, set(wanted)) if stream is not None else {}
        return {}

    def choose(self, wanted: Sequence[int], stop: threading.Event) -> Chosen:
        """See Clip."""
        return self._frames.choose(wanted, self._look)


class _VideoClip:
    """A Clip of a video."""

    def __init__(self, path: Path, video: VideoFile, facts: VideoFacts, owners: Owners) -> None:
        self.path = path
        self.count = facts.frames
        self.rate = facts.rate
        self._facts = facts
        self._video = video
        self._owners = owners

    def time(self, index: int, noted: Noted) -> Fraction | None:
        """See Clip."""
        return self._facts.time(index)

    def notes(self, wanted: Sequence[int]) -> Mapping[int, Noted]:
        """See Clip. Where each frame of the recording is one of the video, the annotations are of these."""
        paths = _followed(JobPaths.of(self.path.with_suffix("")))
        receipt = read_receipt(paths.receipt, self._owners.check_file)
        if receipt is None or receipt.sequence is not None:
            return {}
        lost = receipt.lost
        if lost.missing_count or lost.bad_count or lost.dropped_count or receipt.source.frames != self.count:
            return {}
        # A GIF is none, whatever it shows.
        record = next((record for record in receipt.outputs if record.format == "mp4"), None)
        if record is None or find_recorded(self.path, record) is None:
            return {}
        from daddy_encode.encoding.decoding.recording import holds_recording_of

        with contextlib.suppress(OSError, Skipped):
            descriptor = os.open(paths.directory / ANNOTATIONS_NAME, os.O_RDONLY | SAFELY)
            with open(descriptor, "rb") as stream:
                self._owners.check_file(os.fstat(descriptor), paths.directory / ANNOTATIONS_NAME)
                # A later recording may lie there, which is not encoded yet.
                if holds_recording_of(receipt, paths, self._owners):
                    return read_notes(stream, set(wanted))
        return {}

    def choose(self, wanted: Sequence[int], stop: threading.Event) -> Chosen:
        """See Clip."""
        return self._facts.size, self._decoded(wanted, stop)

    def _decoded(self, wanted: Sequence[int], stop: threading.Event) -> Iterator[Picture]:
        from daddy_encode.encoding.decoding.rows import whole_picture

        size = self._facts.size
        found: list[bytes] = []
        try:
            self._video.decode(wanted, size, size, lambda _, picture: found.append(picture.tobytes()), stop)
        except EncodeError as error:
            raise EncodeError(f"{self.path}: cannot be decoded: {error}") from error
        for pixels in found:
            yield whole_picture(pixels, size[0])


@contextlib.contextmanager
def _opened_video(path: Path, owners: Owners, max_pixels: int) -> Iterator[_VideoClip]:
    from daddy_encode.encoding.decoding.pictures import opened_video
    from daddy_encode.spool.publish import reported

    with reported(path, "read"), contextlib.ExitStack() as stack:
        video = stack.enter_context(opened_video(path, follow=True))
        owners.check(video.owner(), path)
        try:
            facts = video.facts()
        except EncodeError as error:
            raise EncodeError(
                f"{path}: is not a whole video, or none as daddy-encode writes them (an MP4 of one H.264 track and no "
                f"sound, a GIF89a): {error.__cause__ or error}; encode it again, or bring it into that form with ffmpeg"
            ) from error
        if not facts.frames:
            raise EncodeError(
                f"{path}: has no frame, or as a fragmented MP4 no index of them; `ffmpeg -i FILE -c copy NEW.mp4` "
                "writes one with an index"
            )
        if facts.size[0] * facts.size[1] > max_pixels:
            raise EncodeError(f"{path}: is {facts.size[0]}x{facts.size[1]}; --max-pixels allows more")
        yield _VideoClip(path, video, facts, owners)
