from __future__ import annotations

import pytest

from daddy_encode.cluster.allocation import holds_gpu

IN_SLURM = {"SLURM_JOB_ID": "4711"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # A batch script on device 0: an index, not a count.
        ("SLURM_JOB_GPUS", "0"),
        ("SLURM_JOB_GPUS", "2,3"),
        ("SLURM_STEP_GPUS", "0"),
        ("CUDA_VISIBLE_DEVICES", "0"),
        ("CUDA_VISIBLE_DEVICES", "GPU-8f6b0dbb-2f36-4f5a-9a3a-9ffb1d2b6a11"),
        ("SLURM_GPUS_ON_NODE", "1"),
        ("SLURM_GPUS", "2"),
        ("SLURM_GPUS", "a100:2"),
        ("SLURM_GPUS_PER_NODE", "v100:0,a100:1"),
        ("SLURM_GPUS_PER_TASK", "1"),
    ],
)
def test_an_allocation_with_a_gpu_holds_one(name: str, value: str) -> None:
    assert holds_gpu({**IN_SLURM, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLURM_GPUS_ON_NODE", "0"),
        ("SLURM_GPUS", "a100:0"),
        ("SLURM_GPUS", "unreadable"),
        ("SLURM_JOB_GPUS", ""),
        ("CUDA_VISIBLE_DEVICES", ""),
        ("CUDA_VISIBLE_DEVICES", "NoDevFiles"),
        ("CUDA_VISIBLE_DEVICES", "-1"),
        ("SLURM_CPUS_ON_NODE", "16"),
    ],
)
def test_an_allocation_of_cpus_holds_none(name: str, value: str) -> None:
    assert not holds_gpu({**IN_SLURM, name: value})


def test_hiding_the_gpu_from_cuda_does_not_release_it() -> None:
    assert holds_gpu({**IN_SLURM, "SLURM_JOB_GPUS": "1", "CUDA_VISIBLE_DEVICES": ""})


def test_a_workstation_with_a_gpu_is_not_an_allocation() -> None:
    assert not holds_gpu({"CUDA_VISIBLE_DEVICES": "0"})
    assert not holds_gpu({"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_ID": ""})
