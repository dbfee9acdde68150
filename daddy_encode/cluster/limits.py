"""How many CPUs and how much memory this process may use, and how many jobs at a time that makes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from daddy_encode.cluster.cgroup import PROC, cpu_quota, memory_limit

# Measured, MP4 of 1920x1080: ffmpeg 256 MB, a GIF less; of 3840x2160: 815 MB.
BYTES_PER_WORKER = 512 * 2**20
# Python itself: 30 MB.
BYTES_OF_ITS_OWN = 64 * 2**20


def usable_workers(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """How many jobs may be encoded side by side: the CPUs, but no more than the memory suffices for; at least 1."""
    by_memory = (usable_memory(environment, proc) - BYTES_OF_ITS_OWN) // BYTES_PER_WORKER
    return max(1, min(usable_cpus(environment, proc), by_memory))


def usable_cpus(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """The least of what Slurm gave (`environment`), the affinity mask and the control groups' quota; at least 1.

    Slurm without a task plugin leaves all of a node's CPUs in the mask, so its own words count as well.
    """
    limits = [float(len(os.sched_getaffinity(0)))]
    given = _number(environment, "SLURM_CPUS_PER_TASK") or _number(environment, "SLURM_CPUS_ON_NODE")
    if given:
        limits.append(given)
    quota = cpu_quota(proc)
    if quota is not None:
        limits.append(quota)
    return max(1, int(min(limits)))


def usable_memory(environment: Mapping[str, str], proc: Path = PROC) -> int:
    """Bytes: the least of what Slurm gave (`environment`), the control groups' limit and what the machine has."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    # In MB; --mem=0, "all of the node's", gives none.
    per_node = _number(environment, "SLURM_MEM_PER_NODE")
    per_cpu = _number(environment, "SLURM_MEM_PER_CPU") * _number(environment, "SLURM_CPUS_ON_NODE")
    limits += [megabytes * 2**20 for megabytes in (per_node, per_cpu) if megabytes]
    limit = memory_limit(proc)
    if limit is not None:
        limits.append(limit)
    return min(limits)


def _number(environment: Mapping[str, str], name: str) -> int:
    given = environment.get(name, "")
    return int(given) if given.isdecimal() and given.isascii() else 0
