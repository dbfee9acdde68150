"""Frames into a directory: refuse what would mix two dumps, write the PNGs, then the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from daddy_encode.dump.frames import checked
from daddy_encode.dump.png import encode_png
from daddy_encode.errors import SettingsError, SpoolError
from daddy_encode.spool.frames import frame_name, is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest, Video, write_manifest
from daddy_encode.spool.publish import fsync_path, reported
from daddy_encode.spool.rate import fps_in_json


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
    rate = fps_in_json(fps)
    if video not in (None, "mp4", "gif", "both"):
        raise SettingsError(f"video is {video!r:.60}: give 'mp4', 'gif', 'both' or None")
    directory = Path(output_dir)
    written: list[Path] = []
    made = not directory.exists()
    try:
        height = width = 0
        for index, frame in enumerate(checked(frames)):
            if index == 0:
                # Only now: a first frame that is refused must leave no empty directory, and no old dump removed.
                prepare_directory(directory, overwrite=overwrite)
                height, width = frame.shape[:2]
            path = directory / frame_name(index)
            data = encode_png(frame)
            # Listed before it is written: a write that fails half-way leaves a file to remove, too.
            written.append(path)
            with reported(path, "write"):
                _write_new(path, data)
        with reported(directory, "write to"):
            fsync_path(directory)
        write_manifest(
            directory,
            Manifest(frames=len(written), width=width, height=height, fps=rate, video=video, meta=dict(meta or {})),
        )
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        if made and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
        raise
    return written


def prepare_directory(directory: Path, *, overwrite: bool) -> None:
    """Make `directory`, ready for frames: it holds no numbered PNG and no manifest afterwards.

    Raises SpoolError where it holds some and `overwrite` is false. With `overwrite` exactly those are removed, the
    manifest first: at no time does a manifest stand beside frames that it does not describe.
    """
    with reported(directory, "make"):
        os.makedirs(directory, exist_ok=True)
        names = os.listdir(directory)
    old = sorted(name for name in names if is_frame_name(name))
    if MANIFEST_NAME in names:
        old.insert(0, MANIFEST_NAME)
    if old and not overwrite:
        raise SpoolError(
            f"{directory}: already holds {old[0]}{f' and {len(old) - 1} more' if len(old) > 1 else ''}; "
            "choose another directory, or overwrite=True"
        )
    with reported(directory, "remove old frames from"):
        for name in old:
            os.unlink(directory / name)


def _write_new(path: Path, data: bytes) -> None:
    # O_EXCL: never over another dump's frame, never through a planted link.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0) as stream:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[stream.write(remaining) :]
