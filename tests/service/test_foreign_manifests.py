"""Manifests of other users: asked whose they are before they are read, and small in memory whatever they hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Require
from tests.service.spools import TIMEOUT, write_job
from tests.spool.test_hostile_records import LARGE_META

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


# Not the rusage of a child, which begins with its parent's.
WITH_PEAK = """
import atexit, re
from daddy_encode.cli.main import main
atexit.register(lambda: print("PEAK", re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]))
main()
"""


def peak_mb(*arguments: str | Path) -> float:
    """The most memory that `daddy-encode` with `arguments` has had at a time."""
    command = [sys.executable, "-c", WITH_PEAK, *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False).stdout
    return int(told.rpartition("PEAK ")[2]) / 1024


def write_foreign_jobs(spool: Path, *, hostile: bool) -> Path:
    """Twelve jobs of another user's, whose manifests promise more frames than there are."""
    for index in range(12):
        job = write_job(spool / f"job-{index}")
        manifest = json.loads((job / "manifest.json").read_text())
        text = json.dumps({**manifest, "frames": 1000, "meta": "HERE"}).encode()
        meta = list(LARGE_META.values())[index % len(LARGE_META)] if hostile else b"0"
        (job / "manifest.json").write_bytes(text.replace(b'"HERE"', b'{"x": ' + meta + b"}"))
        for path in (job, *job.iterdir()):
            os.chown(path, 65534, -1)
    return spool


@pytest.fixture(scope="module")
def spools(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Twelve foreign jobs as usual, and twelve with large manifests."""
    top = tmp_path_factory.mktemp("foreign")
    usual = write_foreign_jobs(top / "usual", hostile=False)
    hostile = write_foreign_jobs(top / "hostile", hostile=True)
    assert sum((job / "manifest.json").stat().st_size for job in hostile.iterdir()) > 12 * 3_500_000
    return usual, hostile


@pytest.mark.parametrize(
    "command",
    [
        ("watch", "--once"),
        pytest.param(("watch", "--once", "--trust-owner", "any"), marks=pytest.mark.soak),
        ("status",),
    ],
    ids=" ".join,
)
def test_twelve_foreign_manifests_of_4_mib_cost_little_memory(
    command: tuple[str, ...], spools: tuple[Path, Path]
) -> None:
    name, *options = command
    usual, hostile = (peak_mb(name, spool, *options) for spool in spools)
    assert hostile < usual + 64


def test_a_manifest_of_a_user_who_is_not_trusted_is_not_read(spool: Path, require_program: Require) -> None:
    job = write_job(spool / "job")
    os.chown(job / "manifest.json", 65534, -1)
    trace = spool.parent / "trace"
    strace = [require_program("strace", "strace"), "-f", "--seccomp-bpf", "-y", "-e", "trace=read", "-o", str(trace)]
    command = [*strace, sys.executable, "-m", "daddy_encode"]
    told = subprocess.run(
        [*command, "watch", spool, "--once"], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert "skipped: it belongs to nobody, not to you" in told.stderr
    assert trace.stat().st_size > 0
    assert f"<{job}/manifest.json>" not in trace.read_text()
