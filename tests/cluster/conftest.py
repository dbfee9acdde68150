"""The Slurm that all tests of this folder share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import PROGRAMS, Slurm
from tests.conftest import missing


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A real Slurm; skips, or fails in CI, where a Debian package is absent."""
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            missing(f"{program} is missing: install the Debian package {package}")
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder, Slurm(Path(folder)) as it:
        yield it
