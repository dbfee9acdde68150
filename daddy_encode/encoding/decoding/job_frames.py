"""Some of a job's frames, from its PNGs: only those that are asked for are read, loose, in an archive or packed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import BinaryIO

from msgspec.structs import replace

from daddy_encode.encoding.decoding.rows import Picture, Rows, whole_picture
from daddy_encode.encoding.frames.complete import missing_text
from daddy_encode.encoding.frames.job_directory import BadFrameError, JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.encoding.frames.pictures import Look, Pictures, Range, Size
from daddy_encode.encoding.frames.survey import survey
from daddy_encode.encoding.png.parse import PngFault
from daddy_encode.encoding.png.pixel_rows import pixel_rows
from daddy_encode.errors import FrameError, ManifestError, Skipped, TransientError
from daddy_encode.spool.frames import FrameSequence, frame_sequence
from daddy_encode.spool.manifest import MANIFEST_NAME, ROLLOUT_NAME, Manifest
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import read_receipt


class JobFrames:
    """The frames of a job whose directory is held open.

    Attributes:
        count: How many there are.
        rate: How many are shown in a second; None where nobody has said.
        is_own: Whether they are a recording of ours, of which line n of the annotations is frame n.
    """

    def __init__(self, directory: JobDirectory, frames: FrameSequence, manifest: Manifest | None) -> None:
        """The `frames` of a `directory`, which was listed, with this manifest."""
        self._directory = directory
        self._names = frames.names
        self.count = len(frames)
        listed = directory.listed
        is_recording = MANIFEST_NAME in listed or ROLLOUT_NAME in listed
        self.is_own = is_recording and (frames.numbering, frames.stride, frames.numbers[0]) == ("steps", 1, 0)
        self.rate: Fraction | None = manifest.rate if manifest is not None else None
        # Of all of them, as their rollout has said.
        self._size: Size | None = None
        if manifest is not None and manifest.sizes_vary is not True:
            self._size = (manifest.width, manifest.height)
        if manifest is None and ROLLOUT_NAME in listed:
            with contextlib.suppress(ManifestError, Skipped):
                rollout = directory.rollout(frames.names)
                self.rate = rollout.rate if rollout is not None else None

    def choose(self, wanted: Sequence[int], look: Look | None = None) -> tuple[Size, Iterator[Picture]]:
        """The (width, height) of some frames, and their pictures; the next one is asked for in one thread.

        Where they are of several sizes and the `look` says nothing of that, each is in the middle of one that has room
        for all.

        Args:
            wanted: Their numbers, from 0, ascending.
            look: How they are shown, see `look_of`. Default: as they are.

        Raises:
            FrameError: One of them is bad; the error names it. Also as their rows are read.
            EncodeError: A packed file cannot be decoded.
            TransientError: They cannot be read now.
        """
        directory = self._directory
        names = [self._names[number] for number in wanted]
        if directory.packed is not None:
            # Loaded where there is one: most jobs have none.
            from daddy_encode.encoding.stored.source import PackedSource

            source = PackedSource(directory.packed, names, look=look)
            frames = source.frames(as_pixels=True)
            return (source.width, source.height), (whole_picture(bytes(frame), source.width) for frame in frames)
        look = look or Look()
        # What is black and white depends on all of them.
        depth = survey(directory, self._names, look).depth if look.depth == "auto" else look.depth
        look = replace(look, depth=depth)
        first = directory.size(names[0])
        sizes = [first, *([first] * len(names[1:]) if first == self._size else map(directory.size, names[1:]))]
        if look.fit is None and len(set(sizes)) > 1:
            look = replace(look, fit="pad")
        size = sizes[0] if look.fit is None else survey(directory, names, look).size
        return size, (
            functools.partial(self._rows, name, own_size, size, look, depth)
            for name, own_size in zip(names, sizes, strict=True)
        )

    def _rows(self, name: str, own_size: Size, size: Size, look: Look, depth: Range | None, count: int) -> Rows:
        """The rows of a frame, so many at a time: a Picture. `own_size`: what it had; `size`: the one for all.

        In any thread: nothing of the directory is changed.
        """
        path = self._directory.path_of(name)
        png = self._directory.read(name)[0]
        if png.size != own_size:
            is_, was = (f"{width}x{height}" for width, height in (png.size, own_size))
            if own_size == self._size:
                reason = f"is {is_}, but {MANIFEST_NAME} says {was} of all frames"
                raise BadFrameError(path, reason, "put back the frame that was recorded")
            raise TransientError(f"{path}: was {was}, and is {is_} now; run again")
        try:
            if png.plain and png.size == size:
                yield from pixel_rows(png, count)
            else:
                pixels = Pictures(look, size, depth).of(png)
                yield from whole_picture(bytes(pixels), size[0])(count)
        except PngFault as fault:
            raise BadFrameError(path, str(fault), fault.advice) from fault

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO | None]:
        """Open another file of the directory for the length of the block; None where it is not there."""
        if name not in self._directory.listed:
            yield None
            return
        with self._directory.opened(name) as stream:
            yield stream


@contextlib.contextmanager
def opened_frames(paths: JobPaths, owners: Owners, max_pixels: int) -> Iterator[JobFrames | None]:
    """Open a job's directory for the length of the block; None where it has no frames.

    Args:
        paths: The job's.
        owners: Whose files are taken.
        max_pixels: Width times height of a frame, at most.

    Raises:
        FrameError: It cannot be read, or frames are missing.
        ManifestError: Its manifest cannot be used, or promises other frames.
        Skipped: It belongs to a user who is not trusted.
    """
    with JobDirectory(paths.directory, owners, max_pixels) as directory:
        found = directory.manifest()
        manifest = found[0] if found is not None else None
        promised = manifest.frames if manifest is not None else None
        advice = f"name one: '{paths.directory}/PATTERN'"
        frames = frame_sequence(directory.names(), str(paths.directory), paths.pattern, promised, advice)
        if not frames:
            yield None
            return
        _check_whole(paths, frames, promised)
        yield JobFrames(directory, frames, manifest)


def _check_whole(paths: JobPaths, frames: FrameSequence, promised: int | None) -> None:
    """Raise FrameError where frames are missing: which picture is which frame would be a guess."""
    way = "; name the video that was made of it instead, or run the rollout again"
    if frames.numbering == "steps" and frames.missing_count():
        raise FrameError(f"{paths.job}: {missing_text(frames)}{way}")
    if promised not in (None, len(frames)):
        raise FrameError(f"{paths.manifest}: promises {promised} frames, but there are {len(frames)}{way}")


def look_of(paths: JobPaths, owners: Owners) -> Look | None:
    """How a job's frames are shown in its videos; None where there are none, or of an earlier recording of its name.

    Args:
        paths: The job's.
        owners: Whose files are taken.
    """
    receipt = read_receipt(paths.receipt, owners.check_file)
    if receipt is None:
        return None
    from daddy_encode.encoding.recorded import read_settings

    for record in receipt.outputs:
        if (settings := read_settings(record.format, record.settings)) is not None:
            look = Look.of(settings)
            if look != Look():
                from daddy_encode.encoding.decoding.recording import holds_recording_of

                return look if holds_recording_of(receipt, paths, owners) else None
            return look
    return None
