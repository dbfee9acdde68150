"""A row of frames that is at hand, or comes out of a generator, into a directory: all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.dump.frames import checked
from daddy_encode.dump.writer import FrameWriter
from daddy_encode.spool.frames import frame_name
from daddy_encode.spool.manifest import Video


def dump_frames(
    frames: Iterable[Any],
    output_dir: str | os.PathLike[str],
    *,
    fps: object = 30,
    video: Video | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """See `daddy_encode.video_utils.save_frames_as_png`, which this is."""
    # Threads: there is no rollout to disturb, and a process would take longer to start than many a recording takes.
    writer = FrameWriter(output_dir, fps, video, overwrite=overwrite, processes=False)
    try:
        for frame in checked(frames):
            writer.write(frame)
        # Only now: a generator of frames may know its episode's return at its end.
        writer.meta.update(meta or {})
        writer.close()
    except BaseException:
        writer.discard()
        raise
    return [Path(output_dir) / frame_name(index) for index in range(writer.frames)]
