"""How many CPUs this process may use."""

from __future__ import annotations

import os
from collections.abc import Mapping


def usable_cpus(environment: Mapping[str, str]) -> int:
    """The least of what Slurm gave (`environment`) and what the affinity mask allows; at least 1.

    Slurm without a task plugin leaves all of a node's CPUs in the mask, so its own words count as well.
    """
    limits = [len(os.sched_getaffinity(0))]
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        given = environment.get(name, "")
        if given.isdecimal():
            limits.append(int(given))
            break
    return max(1, min(limits))
