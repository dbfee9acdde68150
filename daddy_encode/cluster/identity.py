"""Which Slurm job this process is, for receipts."""

from __future__ import annotations

from collections.abc import Mapping

_FIELDS = {
    "job_id": "SLURM_JOB_ID",
    "array_job_id": "SLURM_ARRAY_JOB_ID",
    "array_task_id": "SLURM_ARRAY_TASK_ID",
    "node": "SLURMD_NODENAME",
    "partition": "SLURM_JOB_PARTITION",
}


def slurm_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """What `environment` says of the Slurm job around this process; empty outside one."""
    return {field: environment[name] for field, name in _FIELDS.items() if environment.get(name)}
