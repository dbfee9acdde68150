"""How many CPUs and how much memory this process may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daddy_encode.cluster.limits import usable_cpus, usable_memory, usable_workers
from daddy_encode.cluster.scratch import scratch
from daddy_encode.errors import SettingsError

GIB = 2**30
CPUS = len(os.sched_getaffinity(0))


@pytest.fixture
def many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node with 16 CPUs and 64 GiB."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr(os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else 64 * GIB // 4096)


def groups(folder: Path, cgroup: str, mounts: list[str], **files: str) -> Path:
    """A stand-in for /proc/self, and cgroups with these files ("__" in a name is a "/", "_dot_" a ".")."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text("".join(line.format(folder=folder) + "\n" for line in mounts))
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return proc


V2 = ["30 23 0:26 / {folder}/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"]
V1 = [
    "32 31 0:29 / {folder}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct",
    "35 31 0:32 / {folder}/memory rw,relatime - cgroup cgroup rw,memory",
]


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(
    ("environment", "cpus"),
    [
        ({}, 16),
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "8"}, 4),
        ({"SLURM_CPUS_ON_NODE": "8"}, 8),
        ({"SLURM_CPUS_PER_TASK": "64"}, 16),
        ({"SLURM_CPUS_PER_TASK": "0"}, 16),
        ({"SLURM_CPUS_PER_TASK": "many"}, 16),
    ],
)
def test_both_slurm_s_allocation_and_the_affinity_mask_limit_the_cpus(
    tmp_path: Path, environment: dict[str, str], cpus: int
) -> None:
    assert usable_cpus(environment, tmp_path) == cpus


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(("quota", "cpus"), [("max 100000", 16), ("250000 100000", 2), ("50000 100000", 1), ("", 16)])
def test_a_cgroup_v2_quota_counts_also_that_of_a_parent_group(tmp_path: Path, quota: str, cpus: int) -> None:
    proc = groups(tmp_path, "0::/system/job_7", V2, v2__system__cpu_dot_max=quota, v2__system__job_7__x="")
    assert usable_cpus({}, proc) == cpus


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(("quota", "cpus"), [("-1", 16), ("300000", 3)])
def test_a_cgroup_v1_quota_counts(tmp_path: Path, quota: str, cpus: int) -> None:
    files = {"cpu__slurm__cpu_dot_cfs_quota_us": quota, "cpu__slurm__cpu_dot_cfs_period_us": "100000"}
    proc = groups(tmp_path, "4:memory:/\n3:cpu,cpuacct:/slurm/job_7\n0::/\n", V1, **files)
    assert usable_cpus({}, proc) == cpus


@pytest.mark.usefixtures("many_cpus")
def test_in_a_container_the_mount_may_start_at_its_own_group(tmp_path: Path) -> None:
    mounts = [
        "30 23 0:26 /docker/abc {folder}/v2 rw - cgroup2 cgroup2 rw",
        "31 23 0:26 /../other {folder}/x rw - cgroup2 c rw",
    ]
    proc = groups(tmp_path, "0::/docker/abc\n", mounts, v2__cpu_dot_max="200000 100000", v2__memory_dot_max=str(GIB))
    assert usable_cpus({}, proc) == 2
    assert usable_memory({}, proc) == GIB


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(
    ("environment", "limit", "gibibytes"),
    [
        ({}, "max", 64),
        ({}, str(3 * GIB), 3),
        ({"SLURM_MEM_PER_NODE": "2048"}, str(3 * GIB), 2),
        ({"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_ON_NODE": "4"}, "max", 2),
        ({"SLURM_MEM_PER_NODE": "0"}, "max", 64),
    ],
)
def test_memory_is_the_minimum_of_slurm_s_allocation_the_cgroup_limit_and_the_machine_s(
    tmp_path: Path, environment: dict[str, str], limit: str, gibibytes: int
) -> None:
    proc = groups(tmp_path, "0::/job_7\n", V2, v2__job_7__memory_dot_max=limit)
    assert usable_memory(environment, proc) == gibibytes * GIB


@pytest.mark.usefixtures("many_cpus")
@pytest.mark.parametrize(("limit", "workers"), [("9223372036854771712", 16), (str(2 * GIB), 3), (str(GIB // 8), 1)])
def test_there_is_one_worker_per_cpu_but_no_more_than_fit_in_memory(tmp_path: Path, limit: str, workers: int) -> None:
    proc = groups(tmp_path, "4:memory:/job_7\n", V1, memory__job_7__memory_dot_limit_in_bytes=limit)
    assert usable_workers({}, proc) == workers


@pytest.mark.skipif(CPUS < 2, reason="needs two CPUs")
def test_a_real_kernel_quota_is_seen() -> None:
    quota, value = "cpu.cfs_quota_us", "150000"
    group = Path("/sys/fs/cgroup/cpu/daddy-encode-test")
    if not group.parent.is_dir():
        group, quota, value = Path("/sys/fs/cgroup/daddy-encode-test"), "cpu.max", "150000 100000"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error.strerror}")
    try:
        try:
            (group / quota).write_text(value)
        except OSError as error:
            pytest.skip(f"no quota can be set here: {error.strerror}")
        program = (
            f"import os\nopen({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
            "from daddy_encode.cluster.limits import usable_cpus\nprint(usable_cpus({}))"
        )
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "1\n"
    finally:
        group.rmdir()


def test_a_tmp_dir_may_contain_variables_of_the_machine_that_encodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_DISK", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "daddy").mkdir()
    monkeypatch.delenv("NO_SUCH_DISK", raising=False)
    assert scratch("$NODE_DISK/daddy") == scratch("~/daddy") == tmp_path / "daddy"
    assert scratch(None) is None
    with pytest.raises(SettingsError, match="not set on this machine"):
        scratch("$NO_SUCH_DISK/daddy")
    for mistyped in ("$NODE_DISK/dady", __file__):
        with pytest.raises(SettingsError, match=r"--tmp-dir /.*: is no directory on this machine"):
            scratch(mistyped)
    assert list(tmp_path.iterdir()) == [tmp_path / "daddy"]
