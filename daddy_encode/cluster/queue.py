"""Which Slurm jobs are still there, as far as squeue says it in time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from daddy_encode.cluster.client import PATIENCE_SECONDS, ask
from daddy_encode.errors import ClusterError

# Keeps a command line far below the system's limit.
_AT_A_TIME = 1000


def running_jobs(identifiers: Iterable[str], patience: float = PATIENCE_SECONDS) -> dict[str, str] | None:
    """The state, such as RUNNING or PENDING, of each Slurm job of `identifiers` that has not ended.

    None where squeue is missing, fails or is not done within `patience` seconds: then nothing is known.
    `identifiers` may be another program's words: what is no job ID, such as "4711" or "4711_3", is taken for ended.
    """
    wanted = sorted({text for text in identifiers if re.fullmatch(r"[0-9]{1,10}(_[0-9]{1,10})?", text, re.ASCII)})
    states: dict[str, str] = {}
    for begin in range(0, len(wanted), _AT_A_TIME):
        part = wanted[begin : begin + _AT_A_TIME]
        try:
            words = ask("squeue", "--noheader", "--format=%A %F_%K %T", f"--jobs={','.join(part)}", patience=patience)
        except ClusterError as error:
            # Its answer to a single ID that it has forgotten, as it does some minutes after the end.
            if "Invalid job id" not in str(error):
                return None
        else:
            states |= parse_queue(words, part)
    return states


def parse_queue(words: str, identifiers: Iterable[str]) -> dict[str, str]:
    """The states of `identifiers` in squeue's lines "ID ARRAY_TASK STATE", such as "5 3_0 RUNNING". Pure.

    squeue answers "3", the ID of an array's last task, with all of the array's tasks.
    """
    lines = [fields for fields in map(str.split, words.splitlines()) if len(fields) == 3]
    states = {name: state for identifier, task, state in lines for name in (identifier, task)}
    return {identifier: states[identifier] for identifier in identifiers if identifier in states}
