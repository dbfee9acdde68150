"""How many CPUs and how much memory this process may use, and so how many jobs it encodes at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from daddy_encode.cluster.cgroup import PROC, cpu_quota, memory_limit

# Measured, MP4 of 1920x1080: ffmpeg 256 MB, a GIF less; of 3840x2160: 815 MB.
BYTES_PER_WORKER = 512 * 2**20
# Measured: 30 MB.
BYTES_FOR_PYTHON = 64 * 2**20


def usable_workers(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """How many jobs to encode in parallel: one per CPU, fewer if memory is short; at least 1."""
    by_memory = (usable_memory(environment, proc) - BYTES_FOR_PYTHON) // BYTES_PER_WORKER
    return max(1, min(usable_cpus(environment, proc), by_memory))


def usable_cpus(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """The minimum of what Slurm allocated (`environment`), the affinity mask and the cgroups' quota; at least 1.

    Slurm without a task plugin leaves all CPUs of a node in the mask, so its variables count as well.
    """
    limits = [float(len(os.sched_getaffinity(0)))]
    allocated = _number(environment, "SLURM_CPUS_PER_TASK") or _number(environment, "SLURM_CPUS_ON_NODE")
    if allocated:
        limits.append(allocated)
    quota = cpu_quota(proc)
    if quota is not None:
        limits.append(quota)
    return max(1, int(min(limits)))


def usable_memory(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """Bytes: the minimum of what Slurm allocated (`environment`), the cgroups' limit and the machine's memory."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    # In MB; with --mem=0, all of the node's memory, there is no such variable or it is 0.
    per_node = _number(environment, "SLURM_MEM_PER_NODE")
    per_cpu = _number(environment, "SLURM_MEM_PER_CPU") * _number(environment, "SLURM_CPUS_ON_NODE")
    limits += [megabytes * 2**20 for megabytes in (per_node, per_cpu) if megabytes]
    limit = memory_limit(proc)
    if limit is not None:
        limits.append(limit)
    return min(limits)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() else 0
