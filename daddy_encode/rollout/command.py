"""The command that encodes a run: one that this process starts, and one that a person reads."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

PACKAGE = Path(__file__).absolute().parents[1]


def encode_options(video: str | None, video_fps: str | None, environ: Mapping[str, str]) -> list[str]:
    """The encoder's options for what this command line asks for, where `environ` would have it make something else.

    Elsewhere the manifests say it, and the command stays one that is easily read.
    """
    given = {"video": video, "video-fps": video_fps}
    names = {name: f"DADDY_ENCODE_{name.replace('-', '_').upper()}" for name in given}
    return [f"--{name}={value}" for name, value in given.items() if value is not None and names[name] in environ]


def python_command(directory: Path, options: Sequence[str] = ()) -> list[str]:
    """The encoder of `directory` as a program of this Python, whatever is on the PATH; see `encoder_environment`."""
    return [sys.executable, "-m", "daddy_encode", "encode", os.path.abspath(directory), *options]


def encoder_environment() -> dict[str, str]:
    """What the environment of the encoder has besides this one's."""
    return {
        # No library that the encoder loads can allocate GPU memory.
        "CUDA_VISIBLE_DEVICES": "",
        # The daddy_encode of this process, from any directory.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH")))),
        # The encoder must not import a random.py from the working directory (Python 3.11 and later).
        "PYTHONSAFEPATH": "1",
    }


def printed_command(directory: Path, options: Sequence[str] = ()) -> str:
    """The command that encodes `directory`, for a person to read and to run, in any directory and on any node."""
    program = Path(sys.executable).with_name("daddy-encode")
    if program.exists() and _is_installed():
        found = shutil.which("daddy-encode")
        name = "daddy-encode" if found is not None and os.path.samefile(found, program) else str(program)
        return shlex.join([name, "encode", os.path.abspath(directory), *options])
    environment = [f"{name}={value}" for name, value in encoder_environment().items()]
    return shlex.join(["env", *environment, *python_command(directory, options)])


def _is_installed() -> bool:
    """Whether the daddy-encode that is installed is the one that runs here, not that of another checkout."""
    try:
        distribution = metadata.distribution("daddy-encode")
        # PEP 610: of an editable installation, the checkout.
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            package = Path(unquote(urlparse(origin["url"]).path), PACKAGE.name)
        else:
            package = Path(str(distribution.locate_file(PACKAGE.name)))
        return os.path.samefile(package, PACKAGE)
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError):
        return False
