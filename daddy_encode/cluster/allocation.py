"""What Slurm's variables in the environment say: which Slurm job this process is, and whether it holds a GPU."""

from __future__ import annotations

from collections.abc import Mapping

_IDENTITY = {
    "job_id": "SLURM_JOB_ID",
    "array_job_id": "SLURM_ARRAY_JOB_ID",
    "array_task_id": "SLURM_ARRAY_TASK_ID",
    "node": "SLURMD_NODENAME",
    "partition": "SLURM_JOB_PARTITION",
}
# Indexes or identifiers of devices: "0" is a device. Slurm sets the first in batch scripts, the second in job
# steps (sbatch and srun manual pages, "OUTPUT ENVIRONMENT VARIABLES"), and the third for the program's own use.
_DEVICES = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "CUDA_VISIBLE_DEVICES")
# Counts, alone ("2") or by type ("a100:2,v100:0"): "0" is none. A shell of salloc has only these.
_COUNTS = ("SLURM_GPUS_ON_NODE", "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "SLURM_GPUS_PER_SOCKET")
# How Slurm and CUDA write "no device".
_NO_DEVICE = ("", "NoDevFiles", "-1")


def slurm_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """The Slurm job around this process, for receipts: job_id, node, ...; empty outside a Slurm job. Pure."""
    return {field: environment[name] for field, name in _IDENTITY.items() if environment.get(name)}


def holds_gpu(environment: Mapping[str, str]) -> bool:
    """Whether a process with this `environment` is in a Slurm allocation that holds a GPU, used or not. Pure."""
    if not environment.get("SLURM_JOB_ID"):
        return False
    if any(environment.get(name, "").strip() not in _NO_DEVICE for name in _DEVICES):
        return True
    return any(_count(environment.get(name, "")) > 0 for name in _COUNTS)


def _count(text: str) -> int:
    numbers = (part.rpartition(":")[2].strip() for part in text.split(","))
    # isdecimal also takes other scripts' digits, and int reads them.
    return sum(int(number) for number in numbers if number.isdecimal())
