"""The CPU quota and the memory limit of the control groups (cgroups, versions 1 and 2) that this process is in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc/self")


def cpu_quota(proc: Path = PROC) -> float | None:
    """The smallest CPU quota of the groups, in CPUs, such as 1.5; None if there is no quota."""
    quotas = []
    for directory, version in _directories("cpu", proc):
        if version == 2:
            quota, _, period = _read(directory / "cpu.max").partition(" ")
        else:
            quota, period = _read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us")
        # "max" (version 2) and "-1" (version 1) are no quota.
        if quota.isdecimal() and period.isdecimal() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(proc: Path = PROC) -> int | None:
    """The smallest memory limit of the groups, in bytes; None if there is none (or, in version 1, a huge number)."""
    limits = [
        _read(directory / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        for directory, version in _directories("memory", proc)
    ]
    return min((int(limit) for limit in limits if limit.isdecimal()), default=None)


def _directories(controller: str, proc: Path) -> Iterator[tuple[Path, int]]:
    """The directories of this process's group and its parents that may limit `controller`, each with its version."""
    groups = {}
    for line in _read(proc / "cgroup").splitlines():
        # "4:cpu,cpuacct:/slurm/job_7" (version 1), "0::/user.slice" (version 2).
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" or controller in controllers.split(","):
            groups[2 if number == "0" else 1] = path
    for line in _read(proc / "mountinfo").splitlines():
        # "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu" (proc(5)).
        mount_point, _, kind = line.partition(" - ")
        fields, (file_system, *_, options) = mount_point.split(), kind.split() or ["", ""]
        version = {"cgroup2": 2, "cgroup": 1}.get(file_system)
        if version not in groups or (version == 1 and controller not in options.split(",")):
            continue
        root, mount = fields[3], Path(fields[4])
        # In a container the mount may start at the process's own group while the path is still the host's.
        inner = os.path.relpath(groups[version], root)
        directory = mount if inner.startswith("..") else mount / inner
        yield directory, version
        while directory != mount:
            directory = directory.parent
            yield directory, version


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
