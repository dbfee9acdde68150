"""The CPU quota and the memory limit of the control groups around this process, versions 1 and 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc/self")


def cpu_quota(proc: Path = PROC) -> float | None:
    """CPUs that the groups' quotas come to, such as 1.5; None where there is no quota."""
    quotas = []
    for folder, version in _folders("cpu", proc):
        if version == 2:
            quota, _, period = _text(folder / "cpu.max").partition(" ")
        else:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        # "max" (version 2) and "-1" (version 1) are no quota.
        if quota.isdecimal() and period.isdecimal() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(proc: Path = PROC) -> int | None:
    """Bytes that the groups allow; None where there is no limit. Version 1 says "no limit" by a huge number."""
    limits = [
        _text(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        for folder, version in _folders("memory", proc)
    ]
    return min((int(limit) for limit in limits if limit.isdecimal()), default=None)


def _folders(controller: str, proc: Path) -> Iterator[tuple[Path, int]]:
    """The folders of this process's group and of those around it, with the version, where `controller` may be set."""
    groups = {}
    for line in _text(proc / "cgroup").splitlines():
        # "4:cpu,cpuacct:/slurm/job_7" (version 1), "0::/user.slice" (version 2).
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" or controller in controllers.split(","):
            groups[2 if number == "0" else 1] = path
    for line in _text(proc / "mountinfo").splitlines():
        # "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu" (proc(5)).
        place, _, kind = line.partition(" - ")
        fields, (file_system, *_, options) = place.split(), kind.split() or ["", ""]
        version = {"cgroup2": 2, "cgroup": 1}.get(file_system)
        if version not in groups or (version == 1 and controller not in options.split(",")):
            continue
        root, mount = fields[3], Path(fields[4])
        # In a container the mount may begin at the process's own group, and the path still be the host's.
        inner = os.path.relpath(groups[version], root)
        folder = mount if inner.startswith("..") else mount / inner
        yield folder, version
        while folder != mount:
            folder = folder.parent
            yield folder, version


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
