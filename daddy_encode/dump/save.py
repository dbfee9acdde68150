"""Frames that are at hand, or that come out of a generator, into a directory: all of them or nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.spool.manifest import Manifest, Video, write_manifest
from daddy_encode.spool.paths import absolute, user_path
from daddy_encode.spool.png.frame_arrays import checked
from daddy_encode.spool.png.frame_files import FrameFiles
from daddy_encode.spool.rate import fps_in_json
from daddy_encode.spool.recording import directory as dump_directory
from daddy_encode.spool.recording.arguments import check_arguments
from daddy_encode.spool.recording.frame_store import Container, files_of
from daddy_encode.spool.recording.rollout import this_rollout


def dump_frames(
    frames: Iterable[Any],
    output_dir: str | os.PathLike[str],
    *,
    fps: object = 30,
    video: Video | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    container: Container = "png",
) -> list[Path]:
    """See `daddy_encode.video_utils.save_frames_as_png`, which this is."""
    rate = fps_in_json(fps)
    check_arguments(video=video, container=container)
    # Absolute: a generator of frames may change the working directory.
    named = user_path(output_dir)
    directory = absolute(named)
    if not overwrite:
        dump_directory.refuse_old_dump(directory)
    made_directory: bool | None = None
    files = FrameFiles(directory, container)
    try:
        with contextlib.closing(files):
            for index, frame in enumerate(checked(frames)):
                if index == 0:
                    rollout = this_rollout(rate, video, meta or {})
                    made_directory = dump_directory.prepare_directory(directory, rollout, overwrite=overwrite)
                files.write(index, frame)
        # Only now is `meta` read: a generator of frames may know its episode's return at its end.
        height, width = frame.shape[:2]
        manifest = Manifest(frames=index + 1, width=width, height=height, fps=rate, video=video, meta=dict(meta or {}))
        write_manifest(directory, manifest)
    except BaseException:
        # Else what is there is not ours.
        if made_directory is not None:
            dump_directory.remove_recording(
                directory, files.written, made_directory=made_directory, container=container
            )
        raise
    return list(map(named.joinpath, files_of(container, range(index + 1))))
