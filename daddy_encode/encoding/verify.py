"""Whether a file is the video that was asked for, before it appears under its name."""

from __future__ import annotations

import itertools

from daddy_encode.encoding.gif.reader import GifFacts, read_gif
from daddy_encode.encoding.gif.size import gif_size
from daddy_encode.encoding.gif.timing import delays
from daddy_encode.encoding.mp4.encode import output_size
from daddy_encode.encoding.mp4.reader import read_mp4
from daddy_encode.encoding.settings import GifSettings, Mp4Settings
from daddy_encode.errors import EncodeError
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.rate import parse_fps


def verify_mp4(video: HeldFile, frames: int, size: tuple[int, int], settings: Mp4Settings) -> tuple[int, int]:
    """Check an MP4.

    Args:
        video: The file.
        frames: How many it should show.
        size: The frames' (width, height).
        settings: What it was made with.

    Returns:
        Its own (width, height).

    Raises:
        EncodeError: It has another number of frames, rate, size or start, or its moov box at the end.
    """
    with video.reading() as stream:
        facts = read_mp4(stream)
    expected = output_size(*size, settings.scale)
    _same("frames", facts.frames, frames)
    _same("frames per second", facts.rate, parse_fps(settings.fps))
    _same("size", (facts.width, facts.height), expected)
    _same("moov box at the start", facts.moov_first, True)
    _same("start", facts.start, 0)
    return expected


def verify_gif(video: HeldFile, frames: int, size: tuple[int, int], settings: GifSettings) -> tuple[int, int]:
    """Check a GIF.

    Args:
        video: The file.
        frames: How many the recording has.
        size: The frames' (width, height).
        settings: What it was made with.

    Returns:
        Its own (width, height).

    Raises:
        EncodeError: It has another number of pictures, delay, size or loop count.
    """
    with video.reading() as stream:
        facts = read_gif(stream)
    _same("pictures", len(facts.delays), len(delays(frames, settings)))
    _same("delays", facts.delays, delays(frames, settings))
    return _check_gif(facts, size, settings)


def verify_optimized_gif(video: HeldFile, frames: int, size: tuple[int, int], settings: GifSettings) -> int:
    """As `verify_gif`, for a GIF in which equal pictures may have been merged.

    Each must begin when one of the recording's does, and the last end when the recording does.

    Returns:
        How many pictures are left.
    """
    with video.reading() as stream:
        facts = read_gif(stream, "gifsicle")
    begins, wanted = (list(itertools.accumulate(row)) for row in (facts.delays, delays(frames, settings)))
    _same("length", begins[-1:], wanted[-1:], "gifsicle")
    _same("pictures at other times", sorted(set(begins) - set(wanted)), [], "gifsicle")
    _check_gif(facts, size, settings, "gifsicle")
    return len(facts.delays)


def _check_gif(
    facts: GifFacts, size: tuple[int, int], settings: GifSettings, writer: str = "ffmpeg"
) -> tuple[int, int]:
    expected = gif_size(size, settings)
    _same("size", (facts.width, facts.height), expected, writer)
    # A viewer shows a GIF that counts n repeats 1 + n times, without a count once; 0 is forever.
    _same("loop count", facts.loop, {0: 0, 1: None}.get(settings.loop, settings.loop - 1), writer)
    return expected


def _same(what: str, found: object, expected: object, writer: str = "ffmpeg") -> None:
    if found != expected:
        raise EncodeError(f"{writer} wrote a file with {what} {found!s:.80}, expected {expected!s:.80}; report this")
