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
from daddy_encode.spool.held_file import HeldFile, NamelessFile
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.publish import explain
from daddy_encode.spool.transient import named_full


class NotMadeError(EncodeError):
    """A video cannot be made anew, here and now, whatever it should be like."""


@contextlib.contextmanager
def made_anew(
    ffmpeg: FfmpegExecutable, source: FrameSource, settings: Mp4Settings | GifSettings, limits: RunLimits
) -> Iterator[HeldFile]:
    """Encode all frames of `source` into a file without a name in the system's temporary directory.

    Args:
        ffmpeg: The executable.
        source: Frames that nobody has read yet.
        settings: All that decides the video's bytes, given the frames.
        limits: When to give up.

    Yields:
        The video; gone after the block.

    Raises:
        NotMadeError: It cannot be made.
        ProgramUnusableError: ffmpeg does not run here, or makes no such videos.
        Interrupted: `limits.stop` was set.
        DaddyEncodeError: Whatever `source` raises.
    """
    if isinstance(settings, GifSettings):
        # gifsicle changes no pixel, and need not be here.
        settings = replace(settings, optimize=False)
    kind: Kind = "gif" if isinstance(settings, GifSettings) else "mp4"
    with contextlib.ExitStack() as stack:
        try:
            made = NamelessFile(Path(tempfile.gettempdir()))
            stack.callback(made.close)
            make_outputs(ffmpeg, source, {kind: settings}, {kind: Target(made, made.path)}, limits)
        except ProgramUnusableError:
            raise
        except (OSError, SpoolError, EncodeError) as error:
            raise NotMadeError(_reason(error)) from error
        yield made


def _reason(error: OSError | SpoolError | EncodeError) -> str:
    """Why there is no video, and what helps."""
    text = explain(error) if isinstance(error, OSError) else str(error)
    # Without the name of a file that has none.
    text = text.partition(": not made")[2].lstrip(",: ") or text
    place = tempfile.tempdir
    if place is None:
        return f"there is no directory for temporary files: {text}; set TMPDIR"
    if named_full(text) is not None:
        return f"{place}, which TMPDIR names, is full: free space there, or set TMPDIR to another directory"
    return f"it cannot be made anew in {place}, which TMPDIR names: {text}"
