"""One video of a receipt, by itself: the file, what it says of itself, and whether it decodes to the last frame."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from daddy_encode.archive.verify.proof import FileIdentity
from daddy_encode.encoding.decoding.decode import decode_whole
from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.gif.reader import read_gif
from daddy_encode.encoding.gif.size import gif_size
from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.mp4.encode import output_size
from daddy_encode.encoding.mp4.reader import read_mp4
from daddy_encode.encoding.recorded import read_settings
from daddy_encode.encoding.settings import GifSettings, Mp4Settings
from daddy_encode.errors import DaddyEncodeError, EncodeError, Interrupted, ProgramUnusableError, Skipped
from daddy_encode.spool.held_file import SAFELY, kind_of, sha256_of
from daddy_encode.spool.publish import explain
from daddy_encode.spool.rate import parse_fps
from daddy_encode.spool.receipt import OutputRecord, Receipt
from daddy_encode.spool.records import Check


class VideoFault(DaddyEncodeError):
    """What is wrong with a video, in words that its path goes before."""


def fault_text(fault: DaddyEncodeError, path: Path) -> str:
    """What is wrong with the video at `path`, in words that its path goes before."""
    text = str(fault).removeprefix(f"{path}: ")
    return text.removeprefix("skipped: ") if isinstance(fault, Skipped) else text


class OpenVideo:
    """A video that was opened: whatever gets its name after that is not looked at.

    Attributes:
        descriptor: Of the file, for reading.
        identity: Which file it is, as it was when it was opened.
    """

    def __init__(self, path: Path, parent: int, check: Check) -> None:
        """Open the video at `path`.

        Args:
            path: The video.
            parent: A descriptor of its directory.
            check: Raises where a file of its owner should not be used.

        Raises:
            VideoFault: It is not there, not a regular file, another user's, or cannot be opened.
        """
        try:
            # Before it is opened, since opening some devices has effects.
            _check_regular(os.stat(path.name, dir_fd=parent, follow_symlinks=False))
            self.descriptor = os.open(path.name, os.O_RDONLY | SAFELY, dir_fd=parent)
        except FileNotFoundError:
            raise VideoFault("is not there") from None
        except OSError as error:
            raise VideoFault(f"cannot be opened: {explain(error)}") from error
        try:
            status = os.fstat(self.descriptor)
            _check_regular(status)
            check(status, path)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.identity = FileIdentity.of(status)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)

    def stream(self) -> BinaryIO:
        """A stream of its bytes from the first on; closing it closes nothing else."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return open(self.descriptor, "rb", closefd=False)

    def check_same(self) -> None:
        """Raise VideoFault where somebody has written to it since it was opened."""
        if FileIdentity.of(os.fstat(self.descriptor)) != self.identity:
            raise VideoFault("was changed while it was verified")


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise VideoFault(f"is a {kind_of(status.st_mode)}, not a regular file")


def faults_of(video: OpenVideo, record: OutputRecord, receipt: Receipt) -> Iterator[str]:
    """Yield what is wrong with a video, as far as it shows without decoding it.

    Args:
        video: The file.
        record: What the receipt says of it.
        receipt: The receipt.

    Raises:
        OSError: It cannot be read.
    """
    size = video.identity.size
    if size != record.bytes:
        yield f"has {size} bytes, its receipt says {record.bytes}"
    else:
        with video.stream() as stream:
            if sha256_of(stream) != record.sha256:
                yield "its bytes are not those of its receipt (SHA-256)"
    settings = read_settings(record.format, record.settings)
    if settings is None:
        yield "its receipt has settings that this version does not know, so it cannot be verified"
        return
    try:
        with video.stream() as stream:
            found = (
                _mp4_faults(stream, record, settings, receipt)
                if isinstance(settings, Mp4Settings)
                else _gif_faults(stream, record, settings, receipt)
            )
            yield from found
    except EncodeError as error:
        yield f"is not a whole {record.format.upper()}: {error.__cause__ or error}"


def decoding_faults(
    video: OpenVideo, record: OutputRecord, ffmpeg: FfmpegExecutable, limits: RunLimits
) -> Iterator[str]:
    """Yield what shows when a video is decoded to its last frame.

    Args:
        video: The file, in which `faults_of` has found none.
        record: What the receipt says of it.
        ffmpeg: The executable.
        limits: When to give up.

    Raises:
        ProgramUnusableError: ffmpeg does not run here.
        Interrupted: `limits.stop` was set.
    """
    try:
        decoded = decode_whole(ffmpeg, record.format, video.descriptor, (record.width, record.height), limits)
    except (ProgramUnusableError, Interrupted):
        raise
    except EncodeError as error:
        yield f"does not decode: {error}"
        return
    yield from decoded_faults(record, decoded.frames, decoded.samples)


def decoded_faults(record: OutputRecord, frames: int | None, samples: str) -> Iterator[str]:
    """Yield what is wrong with what came out of a video: how many `frames`, and what ffmpeg says of its `samples`."""
    if frames is not None and frames != record.frames:
        yield f"{frames} frames can be decoded, its receipt says {record.frames}"
    if samples:
        yield f"its colours are tagged as {samples}, not as BT.709 with sRGB's curve in limited range"


def _mp4_faults(stream: BinaryIO, record: OutputRecord, settings: Mp4Settings, receipt: Receipt) -> Iterator[str]:
    facts = read_mp4(stream)
    yield from _differences(
        ("frames", facts.frames, record.frames),
        ("frames per second", facts.rate, parse_fps(settings.fps)),
        ("its size", (facts.width, facts.height), (record.width, record.height)),
        *_from_frames(record, receipt, lambda size: output_size(*size, settings.scale)),
        ("its index before its frames", facts.moov_first, True),
        ("its start", facts.start, 0),
    )


def _gif_faults(stream: BinaryIO, record: OutputRecord, settings: GifSettings, receipt: Receipt) -> Iterator[str]:
    facts = read_gif(stream)
    yield from _differences(
        ("pictures", len(facts.delays), record.frames),
        ("its size", (facts.width, facts.height), (record.width, record.height)),
        *_from_frames(record, receipt, lambda size: gif_size(size, settings)),
        ("its loop count", facts.loop, {0: 0, 1: None}.get(settings.loop, settings.loop - 1)),
    )
    if not any(_are_delays(facts.delays, count, settings) for count in _possible_counts(facts.delays, settings)):
        yield f"its delays are not those of {settings.fps} frames per second, every {settings.step}. of them shown"


def _are_delays(found: list[int], frames: int, settings: GifSettings) -> bool:
    """Whether a GIF with these delays is one of a recording of so many frames; equal pictures may be one."""
    wanted = delays(frames, settings)
    if not settings.optimize:
        return found == wanted
    begins, expected = (list(itertools.accumulate(row)) for row in (found, wanted))
    return begins[-1:] == expected[-1:] and set(begins) <= set(expected)


def _possible_counts(found: list[int], settings: GifSettings) -> range:
    """How many frames a recording may have whose GIF lasts as long: the receipt does not say, where some are held."""
    frames = sum(found) * parse_fps(settings.fps) / 100
    # Rounded to a hundredth, and up to 2 of them for the last picture.
    spare = math.ceil(parse_fps(settings.fps) * 3 / 100)
    least, most = max(1, math.floor(frames) - spare), math.ceil(frames) + spare
    if not settings.optimize:
        least, most = max(least, (len(found) - 1) * settings.step + 1), min(most, len(found) * settings.step)
    return range(least, most + 1)


def _from_frames(
    record: OutputRecord, receipt: Receipt, size_of: Callable[[tuple[int, int]], tuple[int, int]]
) -> list[tuple[str, object, object]]:
    """The size of a video and that which frames of their size give; none where the receipt is not of its frames.

    So is that of a job which failed later, with other frames.
    """
    if not receipt.source.sha256:
        return []
    return [("its size", (record.width, record.height), size_of((receipt.source.width, receipt.source.height)))]


def _differences(*compared: tuple[str, object, object]) -> Iterator[str]:
    for what, found, expected in compared:
        if found != expected:
            yield f"{what}: {found!s:.80}, should be {expected!s:.80}"


@contextlib.contextmanager
def opened_video(path: Path, parent: int, check: Check) -> Iterator[OpenVideo]:
    """An OpenVideo for the length of the block; raises the same."""
    video = OpenVideo(path, parent, check)
    try:
        yield video
    finally:
        video.close()
