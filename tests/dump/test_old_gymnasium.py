"""Gymnasium 0.29.1, which CleanRL and ManiSkill pin, in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SOURCE = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist")
TESTS = ["test_record_video.py", "test_record_vector.py"]


def run(*command: str | Path, cwd: Path) -> str:
    # Nothing of the environment that runs this test.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.soak
def test_with_gymnasium_0_29_1_the_extra_leaves_it_and_the_same_tests_pass(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    install = (python, "-m", "pip", "install", "-q", "--retries", "5")
    run(*install, "gymnasium[classic-control]==0.29.1", "pytest", "hypothesis", cwd=tmp_path)
    run(*install, "--upgrade", f"{source}[gym]", cwd=tmp_path)
    version = run(python, "-c", "import gymnasium; print(gymnasium.__version__)", cwd=tmp_path)
    said = run(python, "-m", "pytest", "-q", *(f"tests/dump/{name}" for name in TESTS), cwd=source)
    assert version == "0.29.1\n"
    assert " passed" in said
    assert "failed" not in said
