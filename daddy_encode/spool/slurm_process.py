"""Which Slurm job a process belongs to; an encoder's record of it, written under Slurm only, beside its lease."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from daddy_encode.errors import ManifestError
from daddy_encode.spool.publish import publish_bytes
from daddy_encode.spool.records import encode_record, read_record

SlurmJobId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}\Z")]


class SlurmProcess(Struct, frozen=True, kw_only=True):
    """A process of a Slurm job.

    Attributes:
        version: Of this format: 1.
        slurm_job_id: Digits.
        host: The node.
        pid: The process there.
    """

    version: int = 1
    slurm_job_id: SlurmJobId
    host: Annotated[str, Meta(max_length=255)] = ""
    pid: int = 0


def slurm_job_id() -> str | None:
    """The Slurm job of this process, in digits; None outside of Slurm."""
    identifier = os.environ.get("SLURM_JOB_ID")
    return identifier if is_slurm_job_id(identifier) else None


def is_slurm_job_id(value: object) -> bool:
    """Whether this is the text of a job's number."""
    return isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) <= 10


def write_slurm_process(path: Path, owner: str = "") -> bool:
    """Write the record of this process at `path`, if it runs under Slurm.

    Args:
        path: Where to write it.
        owner: What the temporary file is for, as in `temp_name`.

    Returns:
        Whether it does.

    Raises:
        SpoolError: It cannot be written.
    """
    if (identifier := slurm_job_id()) is None:
        return False
    publish_bytes(
        encode_record(SlurmProcess(slurm_job_id=identifier, host=os.uname().nodename, pid=os.getpid())), path, owner
    )
    return True


def read_slurm_process(path: Path, dir_fd: int | None = None) -> SlurmProcess | None:
    """The record at `path`, in the directory `dir_fd` where that is given; None where there is none of use."""
    try:
        found = read_record(path, SlurmProcess, dir_fd=dir_fd)
    except ManifestError:
        return None
    return found[0] if found else None
