"""Frames into a GIF: exact where its colours allow, else in a palette of the whole clip; in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.frame_source import FrameSource
from daddy_encode.encoding.settings import GifSettings
from daddy_encode.spool.held_file import HeldFile

if TYPE_CHECKING:
    from daddy_encode.encoding.gif.first_pass import FirstPass

# What is imported inside these functions needs numpy and Pillow, which take longer to load than a small MP4 to make.


def first_pass(source: FrameSource, settings: GifSettings, target: HeldFile) -> FirstPass:
    """The first pass that `encode_gif` needs, a context manager, still to be made.

    Args:
        source: Frames that nobody has read yet.
        settings: The GIF's.
        target: The GIF's file; a temporary one is made beside it.

    Raises:
        SettingsError: gifsicle should optimize it and is missing.
        SpoolError: The directory cannot be written.
        DaddyEncodeError: Whatever `source` raises for its first frame.
    """
    from daddy_encode.encoding.gif.first_pass import FirstPass

    if settings.optimize:
        from daddy_encode.encoding.gif.gifsicle import find_gifsicle

        # Before the work, not after it.
        find_gifsicle()
    return FirstPass(source, settings, target)


def encode_gif(
    ffmpeg: FfmpegExecutable,
    source: FrameSource,
    settings: GifSettings,
    target: HeldFile,
    limits: RunLimits,
    first: FirstPass,
) -> None:
    """Write every `settings.step`-th frame: exact where the pictures have at most 256 colours in all, else in 256.

    Args:
        ffmpeg: The executable.
        source: The frames; their `count` is known.
        settings: All that decides the GIF's bytes.
        target: The file, which is replaced.
        limits: When to give up.
        first: The first pass, made already, beside an MP4's, or to be made now.

    Raises:
        EncodeError: ffmpeg failed.
        Interrupted: `limits.stop` was set.
        SpoolError: The file cannot be written.
        DaddyEncodeError: Whatever `source` raises.
    """
    from daddy_encode.encoding.gif.palette import write_in_palette

    if not first.made:
        first.make(ffmpeg, limits)
    if first.exact is not None:
        first.exact.finish(settings.loop)
    else:
        write_in_palette(ffmpeg, source, settings, first.palette, target, limits)
