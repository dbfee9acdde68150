"""What Slurm says in the environment about the allocation that this process runs in."""

from __future__ import annotations

from collections.abc import Mapping

# Indexes or identifiers of devices: "0" is a device. Slurm sets the first in batch scripts, the second in job
# steps (sbatch and srun manual pages, "OUTPUT ENVIRONMENT VARIABLES"), and the third for the program's own use.
_DEVICES = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "CUDA_VISIBLE_DEVICES")
# Counts, alone ("2") or by type ("a100:2,v100:0"): "0" is none. salloc's shell has no others.
_COUNTS = ("SLURM_GPUS_ON_NODE", "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "SLURM_GPUS_PER_SOCKET")
# How Slurm and CUDA spell "no device".
_NO_DEVICE = ("", "NoDevFiles", "-1")


def holds_gpu(environ: Mapping[str, str]) -> bool:
    """Whether `environ` is that of a process in a Slurm allocation that holds a GPU, used or not. Pure."""
    if not environ.get("SLURM_JOB_ID"):
        return False
    if any(environ.get(name, "").strip() not in _NO_DEVICE for name in _DEVICES):
        return True
    return any(_count(environ.get(name, "")) > 0 for name in _COUNTS)


def _count(text: str) -> int:
    numbers = (part.rpartition(":")[2].strip() for part in text.split(","))
    # isdecimal also takes other scripts' digits, and int reads them.
    return sum(int(number) for number in numbers if number.isdecimal())
