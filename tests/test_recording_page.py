"""The scripts of docs/recording.md, run as they are pasted."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dump.reading import frame_files, manifest_of

PAGE = Path(__file__).parent.parent / "docs" / "recording.md"
SCRIPTS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
# It needs a GPU.
NOT_HERE = "import mani_skill"


def scripts(*, torch: bool) -> list[str]:
    return [script for script in SCRIPTS if NOT_HERE not in script and ("stable_baselines3" in script) == torch]


def first_words(script: str) -> str:
    """What the script imports of ours, and its environment, as a test's name."""
    names = re.findall(r"^from daddy_encode\S* import (\w+)|\"(\w+-v\d+|\w+/\w+)\"", script, re.MULTILINE)
    return "-".join(dict.fromkeys(ours or theirs for ours, theirs in names))


def assert_whole(folder: Path) -> None:
    manifests = list(folder.rglob("manifest.json"))
    assert manifests
    for path in manifests:
        manifest = manifest_of(path.parent)
        assert manifest["complete"]
        assert len(frame_files(path.parent)) == manifest["frames"] > 0


@pytest.mark.parametrize("script", scripts(torch=False), ids=first_words)
def test_a_script_runs_as_pasted(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(script)
    runpy.run_path("script.py", run_name="__main__")
    assert_whole(tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("script", scripts(torch=True), ids=first_words)
def test_a_script_with_torch_runs_as_pasted(script: str, tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed: see .ci/run")
    (tmp_path / "script.py").write_text(script)
    # A process of its own, whose file those of a SubprocVecEnv import.
    command = [sys.executable, "script.py"]
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_whole(tmp_path)


def test_every_script_is_one_of_these_or_compiles() -> None:
    assert len(scripts(torch=False)) >= 5
    assert len(scripts(torch=True)) == 2
    (other,) = (script for script in SCRIPTS if NOT_HERE in script)
    compile(other, "script.py", "exec")
