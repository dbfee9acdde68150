"""Frames into one verified file: a temporary one beside the target, encoded, read back, described."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from daddy_encode.encode.ffmpeg.executable import find_program
from daddy_encode.encode.ffmpeg.process import Watch
from daddy_encode.encode.frames.source import FrameSource
from daddy_encode.encode.gif.encode import encode_gif, shown_rate
from daddy_encode.encode.gif.gifsicle import optimize_gif
from daddy_encode.encode.gif.size import reduction
from daddy_encode.encode.mp4.encode import encode_mp4
from daddy_encode.encode.settings import GifSettings, Mp4Settings
from daddy_encode.encode.verify import verify_gif, verify_mp4, verify_optimized_gif
from daddy_encode.errors import EncodeError, TransientError, one_line
from daddy_encode.spool.paths import Kind
from daddy_encode.spool.publish import mount_point, reported
from daddy_encode.spool.rate import format_fps, fps_in_json
from daddy_encode.spool.receipt import OutputRecord

if TYPE_CHECKING:
    from daddy_encode.encode.gif.first_pass import FirstPass

Plan = Mapping[Kind, Mp4Settings | GifSettings]


def make_output(
    source: FrameSource,
    settings: Mp4Settings | GifSettings,
    temp: Path,
    final: Path,
    watch: Watch,
    *,
    both: bool = False,
    first: FirstPass | None = None,
    shared_seconds: float = 0.0,
) -> OutputRecord:
    """Encode all frames of `source` into `temp`, verify it, and return the record it has once it is `final`.

    `both`: whether the other kind was asked for as well; `first`: the GIF's first pass, which a GIF needs, and which
    goes along with an MP4's; `shared_seconds`: what an earlier pass took that served this output, too. Raises
    EncodeError, Interrupted, SpoolError, and what `source` raises; `temp` is the caller's to publish or remove.
    """
    program = find_program()
    begin = time.monotonic()
    size = (source.width, source.height)
    try:
        if isinstance(settings, Mp4Settings):
            encode_mp4(program, source, settings, temp, watch, first)
            kind: Kind = "mp4"
            width, height = verify_mp4(temp, source.count, size, settings)
            shown, fps = source.count, settings.fps
            notes = [_padding(size, (width, height), settings.scale)]
        else:
            assert first is not None
            encode_gif(program, source, settings, temp, watch, first)
            kind = "gif"
            width, height = verify_gif(temp, source.count, size, settings)
            shown, fps = -(-source.count // settings.step), format_fps(shown_rate(settings))
            notes = [reduction(size, settings)]
            if settings.optimize:
                notes.append(optimize_gif(temp, watch))
                shown = verify_optimized_gif(temp, source.count, size, settings)
    except EncodeError as error:
        if any(words in str(error) for words in ("No space left on device", "Disk quota exceeded")):
            raise TransientError(
                f"{final}: not made, the file system {mount_point(final)} is full: free space, then run again ({error})"
            ) from error
        raise EncodeError(f"{final}: not made: {error}") from error
    with reported(final, "read back"):
        length, digest = os.stat(temp).st_size, file_sha256(temp)
    return OutputRecord(
        path=one_line(final.name),
        type="Both" if both else kind.upper(),
        format=kind,
        frames=shown,
        fps=fps_in_json(fps),
        encode_seconds=round(time.monotonic() - begin + shared_seconds, 3),
        bytes=length,
        sha256=digest,
        width=width,
        height=height,
        settings=msgspec.to_builtins(settings),
        warnings=[note for note in notes if note],
    )


def _padding(size: tuple[int, int], made: tuple[int, int], scale: int) -> str:
    """What a viewer of an MP4 of `made` should know; empty where it has the frames' own size, or `scale` times it."""
    plain = (size[0] * scale, size[1] * scale)
    if made == plain:
        return ""
    return "padded from {}x{} to {}x{} by repeating the edge: 4:2:0 needs even sizes".format(*plain, *made)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while part := stream.read(2**16):
            digest.update(part)
    return digest.hexdigest()
