"""`rollout.json`: which Slurm job writes a directory of frames. Written at the start, by a rollout under Slurm only.

While there is no manifest it tells a rollout that still runs from one that has died.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from daddy_encode.spool.publish import publish_bytes
from daddy_encode.spool.records import encode_record

ROLLOUT_NAME = "rollout.json"


class Rollout(Struct, frozen=True, kw_only=True):
    """slurm_job_id: of the rollout; host, pid: its node and process there."""

    version: int = 1
    slurm_job_id: Annotated[str, Meta(pattern="^[0-9]{1,10}$")]
    host: Annotated[str, Meta(max_length=255)] = ""
    pid: int = 0


def write_rollout(directory: Path) -> None:
    """Write the record of this process in `directory`, if it runs under Slurm. Raises SpoolError."""
    identifier = os.environ.get("SLURM_JOB_ID", "")
    if identifier.isdecimal() and identifier.isascii():
        record = Rollout(slurm_job_id=identifier[:10], host=socket.gethostname(), pid=os.getpid())
        publish_bytes(encode_record(record), directory / ROLLOUT_NAME)
