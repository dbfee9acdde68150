"""A video made anew of the same frames, with the same settings: what it is like where nothing is wrong."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from daddy_encode.encoding.ffmpeg.executable import FfmpegExecutable
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.frame_source import FrameSource
from daddy_encode.encoding.output import Target, make_outputs
from daddy_encode.encoding.settings import GifSettings, Mp4Settings
from daddy_encode.errors import EncodeError, ProgramUnusableError, SpoolError
from daddy_encode.spool.held_file import HeldFile
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.publish import temp_file


@contextlib.contextmanager
def made_anew(
    ffmpeg: FfmpegExecutable, source: FrameSource, settings: Mp4Settings | GifSettings, limits: RunLimits
) -> Iterator[HeldFile]:
    """Encode all frames of `source` into a file of the system's temporary directory, removed after the block.

    Args:
        ffmpeg: The executable.
        source: Frames that nobody has read yet.
        settings: All that decides the video's bytes, given the frames.
        limits: When to give up.

    Yields:
        The video.

    Raises:
        EncodeError: It cannot be made, here and now.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `source` raises.
    """
    if isinstance(settings, GifSettings):
        # gifsicle changes no pixel, and need not be here.
        settings = replace(settings, optimize=False)
    kind: Kind = "gif" if isinstance(settings, GifSettings) else "mp4"
    place = Path(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place)))
            made = stack.enter_context(temp_file(folder))
            make_outputs(ffmpeg, source, {kind: settings}, {kind: Target(made, made.path)}, limits)
        except ProgramUnusableError:
            raise
        except (OSError, SpoolError, EncodeError) as error:
            reason = str(error).partition(": not made")[2].lstrip(": ") or str(error)
            raise EncodeError(f"it cannot be made anew in {place}, which TMPDIR names: {reason}") from error
        yield made
