"""What is left as it is: jobs that are not to be packed, and PNGs that are not in the packed file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from daddy_encode.archive.pack.frames import PngFrames
from daddy_encode.archive.pack.outcome import LeftError
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.png.parse import Png
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.encoding.stored.tar import TarFrames
from daddy_encode.errors import EncodeError, SpoolError
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.publish import reported
from daddy_encode.spool.recording.deleting import is_half_deleted
from daddy_encode.spool.stored.names import FRAMES_MKV, PACK_RECORD


def left(paths: JobPaths, reason: str) -> LeftError:
    """What to raise of a job that is left as it is."""
    job = str(paths.job)
    return LeftError(f"{job}: not packed: {reason.removeprefix(f'{job}: ')}")


def check_not_deleted(paths: JobPaths, directory: JobDirectory) -> None:
    """Raise LeftError where a job's frames are being deleted: those that are left may look like all."""
    with reported(paths.directory, "examine"):
        names = os.listdir(directory.descriptor)
    if is_half_deleted(paths, names, directory.descriptor, directory.check_owner):
        raise LeftError(f"{paths.job}: left as it is: its frames are being deleted; run daddy-encode clean again")


def check_nothing_else(paths: JobPaths, stored: TarFrames | PackedFrames | None, frames: Sequence[str]) -> None:
    """Raise LeftError where the archive that is about to be removed holds something besides these frames."""
    if stored is not None and (other := stored.other_than(frozenset(frames))) is not None:
        raise left(paths, f"{stored.file} also holds {other}, which would be lost; move that out of it first")


def prove_left(
    packed: PackedFrames,
    names: Sequence[str],
    read: Callable[[str], tuple[Png, bytes]],
    on_frame: Callable[[], None],
) -> None:
    """See that the PNGs of these names are in the packed file.

    Raises SpoolError where one is not; LeftError where one is damaged.
    """
    directory = Path(packed.path).parent

    def other(name: str) -> SpoolError:
        return SpoolError(
            f"{directory}/{name}: is not the PNG that was packed; move it away, or remove {PACK_RECORD} and "
            f"{FRAMES_MKV} if it was recorded anew"
        )

    if not names:
        return
    frames = PngFrames(directory, names, read, on_frame)
    wanted = set(names)
    if frames.head != bytes.fromhex(packed.record.head) or not wanted.issubset(packed.names):
        raise other(names[0])
    for name, raw in zip(packed.names, packed.frames(on_frame), strict=True):
        if name in wanted:
            try:
                frames.prove_one(name, raw)
            except EncodeError as error:
                raise other(name) from error
