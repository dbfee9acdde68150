"""`rollout.json`: what a rollout knows before its first frame, and which process writes it; there before any PNG."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from daddy_encode.errors import ManifestError, SettingsError, SpoolError
from daddy_encode.spool.frames.names import is_own_name
from daddy_encode.spool.held_file import SAFELY
from daddy_encode.spool.manifest import ROLLOUT_NAME, Fps, Video
from daddy_encode.spool.publish import reported
from daddy_encode.spool.rate import parse_fps
from daddy_encode.spool.records import Check, encode_record, parse_record, read_record
from daddy_encode.spool.slurm_process import is_slurm_job_id, slurm_job_id

if TYPE_CHECKING:
    from daddy_encode.spool.disk_budget import DiskBudget


class TakenError(SpoolError):
    """The directory is another recording's."""


class Rollout(Struct, frozen=True, kw_only=True):
    """What a rollout says of its recording before the first frame. A manifest, where there is one, says it better.

    Attributes:
        version: Of this format: 1.
        fps: As in a manifest; None in a record of version 0.1.0.
        video: As in a manifest.
        meta: As in a manifest, as far as it is known.
        host: Where the rollout runs; a text of at most 255 characters.
        pid: Its process there, 0 to 2^31.
        slurm_job_id: Its Slurm job, in digits; None outside of Slurm.
    """

    version: int = 1
    fps: Fps | None = None
    video: Video | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    # No video is made of these: where a file has something else for one of them, that is as if it were not there.
    host: Any = ""
    pid: Any = 0
    slurm_job_id: Any = None

    def __post_init__(self) -> None:
        if not (isinstance(self.host, str) and len(self.host) <= 255):
            msgspec.structs.force_setattr(self, "host", "")
        if not (type(self.pid) is int and 0 <= self.pid <= 2**31):
            msgspec.structs.force_setattr(self, "pid", 0)
        if not is_slurm_job_id(self.slurm_job_id):
            msgspec.structs.force_setattr(self, "slurm_job_id", None)

    @property
    def rate(self) -> Fraction | None:
        """`fps` as an exact rational; None where it is not known."""
        return None if self.fps is None else parse_fps(self.fps)


def this_rollout(fps: str | float | int, video: Video | None, meta: Mapping[str, Any]) -> Rollout:
    """The record of a recording by this process."""
    host, pid, slurm = os.uname().nodename, os.getpid(), slurm_job_id()
    return Rollout(fps=fps, video=video, meta=dict(meta), host=host, pid=pid, slurm_job_id=slurm)


def write_rollout(directory: Path, rollout: Rollout, budget: DiskBudget) -> None:
    """Write the record into `directory`, where there is none yet: whoever does that first records there.

    Neither flushed nor renamed into place, which would make a recording's beginning slow: it is whole before the first
    frame is begun, and without a frame nobody reads it. Where its `meta` cannot be written, it has none; whoever writes
    the manifest says why.

    Raises:
        TakenError: It is there already.
        SpoolError: It cannot be written.
    """
    path = directory / ROLLOUT_NAME
    with reported(path, "write"):
        try:
            budget.write(str(path), _text(rollout))
        except FileExistsError:
            raise _taken(directory) from None


def withdraw_rollout(directory: Path, rollout: Rollout) -> None:
    """Remove the record where it is this one, or what an interrupt has left of it: the recording has not begun."""
    text = _text(rollout)
    with contextlib.suppress(OSError):
        descriptor = os.open(directory / ROLLOUT_NAME, os.O_RDONLY | SAFELY)
        try:
            if text.startswith(os.read(descriptor, len(text) + 1)):
                os.unlink(directory / ROLLOUT_NAME)
        finally:
            os.close(descriptor)


def _text(rollout: Rollout) -> bytes:
    try:
        text = encode_record(rollout)
        # What we write, every reader must accept.
        parse_record(text, Rollout, ROLLOUT_NAME, most_meta=0)
        return text
    except ManifestError:
        return encode_record(msgspec.structs.replace(rollout, meta={}))


def _taken(directory: Path) -> TakenError:
    who = ""
    with contextlib.suppress(ManifestError):
        if (found := read_record(directory / ROLLOUT_NAME, Rollout, most_meta=0)) is not None:
            who = f", process {found[0].pid} on {found[0].host}"
    return TakenError(f"{directory}: another recording has just begun here{who}; choose another directory")


def read_rollout(
    directory: Path,
    names: Iterable[str],
    *,
    dir_fd: int | None = None,
    check: Check | None = None,
    most_meta: int = 0,
) -> Rollout | None:
    """Read the record in `directory`, without its `meta`, of which no encoder makes anything.

    Args:
        directory: The job's directory.
        names: Those listed in it, or those of its frames.
        dir_fd: A descriptor of it, where it is open already.
        check: Called with the status of the file before it is read; raises where it should not be used.
        most_meta: As for `read_manifest`.

    Returns:
        None where there is none, or where the frames are another tool's, by their names: then it is of an earlier
        recording.

    Raises:
        ManifestError: There is one that cannot be used.
    """
    if not any(map(is_own_name, names)):
        return None
    path = directory / ROLLOUT_NAME
    found = read_record(path, Rollout, dir_fd=dir_fd, check=check, most_meta=most_meta)
    if found is None:
        return None
    try:
        _ = found[0].rate
    except SettingsError as error:
        raise ManifestError(f"{path}: {error}") from error
    return found[0]
