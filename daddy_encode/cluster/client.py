"""Running Slurm's own programs: with a timeout, in an environment without the requests of an enclosing Slurm job."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping

from daddy_encode.errors import ClusterError

# For queries whose answer is optional: a busy controller may take minutes.
TIMEOUT_SECONDS = 10.0

# How to reach the controller. Every other variable with one of these prefixes requests resources, or describes those
# of the enclosing Slurm job, and would be passed on to a new one.
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
    """A Slurm program timed out; whether it had an effect is unknown."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without the variables of a Slurm job, requests to sbatch, and GPUs. Pure."""
    return {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not (name.startswith(_REQUESTS) or name in _GPUS)
    }


def run_slurm(program: str, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Run one of Slurm's programs and return its standard output.

    Args:
        program: Its name, found on PATH.
        *arguments: Its command line.
        timeout: Seconds until it is killed.

    Raises:
        ClusterError: It is missing, or it fails; the message has its own output.
        NoAnswerError: The timeout has passed.
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
            # Sites wrap Slurm's programs in scripts: after a timeout the whole process group must end.
            start_new_session=True,
        )
    except OSError as error:
        raise ClusterError(f"{program} cannot be run: {error.strerror}; is this a node of a Slurm cluster?") from error
    with child:
        try:
            stdout, stderr = child.communicate(timeout=timeout)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise NoAnswerError(f"{program} did not answer within {timeout:g} s") from None
            raise
    if child.returncode:
        message = " | ".join((stderr or stdout).strip().splitlines())
        raise ClusterError(f"{program} failed with exit status {child.returncode}: {message or 'no output'}")
    return stdout
