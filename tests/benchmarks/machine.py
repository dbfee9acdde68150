"""The machine and the versions that figures were measured with; no name of a host or a path."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from tests.media import ffmpeg

# Whatever of these is installed is named.
PACKAGES = (
    "numpy",
    "pillow",
    "imageio",
    "imageio-ffmpeg",
    "isal",
    "click",
    "msgspec",
    "watchdog",
    "gymnasium",
    "mediapy",
    "moviepy",
    "av",
    "opencv-python-headless",
    "mujoco",
    "ale-py",
)
# Program, its argument that asks for the version.
PROGRAMS = {"gifski": "--version", "gifsicle": "--version"}


def machine() -> str:
    """Processor, cores, memory, system: one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}"


def versions() -> dict[str, str]:
    """Of Python, ffmpeg, the packages and the programs that are compared."""
    found = {"Python": platform.python_version(), "ffmpeg": _first_version([ffmpeg(), "-version"])}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for program, asked in PROGRAMS.items():
        if path := find_program(program):
            found[program] = _first_version([path, asked])
    return found


def find_program(name: str) -> str | None:
    """The path of a peer's program: what DADDY_ENCODE_NAME says, or on PATH; None where there is none.

    gifski's npm package ships the program.
    """
    return shutil.which(os.environ.get(f"DADDY_ENCODE_{name.upper()}") or name)


def _first_version(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+(\.\d+)+", said)
    return match[0] if match else "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()
