"""Which Slurm jobs have not ended, as far as squeue answers in time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from daddy_encode.cluster.client import TIMEOUT_SECONDS, run_slurm
from daddy_encode.errors import ClusterError

# Keeps a command line far below the system's limit.
_BATCH = 1000


def running_jobs(identifiers: Iterable[str], timeout: float = TIMEOUT_SECONDS) -> dict[str, str] | None:
    """Ask squeue for the state of Slurm jobs.

    Args:
        identifiers: Job IDs, such as "4711" or "4711_3". They may come from an untrusted file: anything else is taken
            for a Slurm job that has ended.
        timeout: Seconds to wait for each answer of squeue.

    Returns:
        The state, such as RUNNING or PENDING, of each Slurm job that has not ended; None if nothing is known, because
        squeue is missing, fails or times out.
    """
    wanted = sorted({text for text in identifiers if re.fullmatch(r"[0-9]{1,10}(_[0-9]{1,10})?", text, re.ASCII)})
    states: dict[str, str] = {}
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        try:
            output = run_slurm(
                "squeue", "--noheader", "--format=%A %F_%K %T", f"--jobs={','.join(batch)}", timeout=timeout
            )
        except ClusterError as error:
            # Its answer to a single ID that it has forgotten, which happens some minutes after the end.
            if "Invalid job id" not in str(error):
                return None
        else:
            states |= parse_queue(output, batch)
    return states


def parse_queue(output: str, identifiers: Iterable[str]) -> dict[str, str]:
    """The states of `identifiers` in squeue's lines "ID ARRAY_TASK STATE", such as "5 3_0 RUNNING". Pure.

    Asked for "3", the ID of an array's last task, squeue answers with all tasks of the array.
    """
    lines = [fields for fields in map(str.split, output.splitlines()) if len(fields) == 3]
    states = {name: state for identifier, task, state in lines for name in (identifier, task)}
    return {identifier: states[identifier] for identifier in identifiers if identifier in states}
