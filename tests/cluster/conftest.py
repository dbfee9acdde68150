"""The Slurm that all tests of this folder share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import PROGRAMS, Slurm
from tests.conftest import Require


@pytest.fixture(scope="session")
def slurm(require_program: Require) -> Iterator[Slurm]:
    """A real Slurm; skips, or fails in CI, where a Debian package is absent."""
    for program, package in PROGRAMS.items():
        require_program(program, package)
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder, Slurm(Path(folder)) as it:
        yield it
