"""Running Slurm's own programs: with a time limit, in an environment without an enclosing job's requests."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping

from daddy_encode.errors import ClusterError

# For questions that can do without an answer: a busy controller may take minutes.
PATIENCE_SECONDS = 10.0

# How to reach the controller; everything else that begins with these prefixes asks for resources, or tells of the
# enclosing Slurm job's, and would pass into a new one.
_KEPT = ("SLURM_CONF", "SLURM_JWT")
_REQUESTS = ("SLURM_", "SLURMD_", "SBATCH_", "SALLOC_", "SRUN_")
_GPUS = (
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)


class NoAnswerError(ClusterError):
    """A program of Slurm's was not done in time; whether it has done something is open."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without a Slurm job's own variables, without requests to sbatch and without GPUs. Pure."""
    return {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not (name.startswith(_REQUESTS) or name in _GPUS)
    }


def ask(program: str, *arguments: str, patience: float = PATIENCE_SECONDS) -> str:
    """Run one of Slurm's programs and return its standard output.

    Raises ClusterError, with the program's own words, where it is missing or fails; NoAnswerError where it is not
    done within `patience` seconds.
    """
    try:
        child = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(os.environ),
            text=True,
            errors="replace",
            # Sites wrap Slurm's programs in scripts: on a time-out the whole family must end.
            start_new_session=True,
        )
    except OSError as error:
        raise ClusterError(f"{program} cannot be run: {error.strerror}; is this a Slurm cluster's node?") from error
    with child:
        try:
            output, words = child.communicate(timeout=patience)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise NoAnswerError(f"{program} gave no answer within {patience:g} s") from None
            raise
    if child.returncode:
        said = " | ".join((words or output).strip().splitlines())
        raise ClusterError(f"{program} failed with exit status {child.returncode}: {said or 'no words'}")
    return output
