"""Jobs to verify, and what can go wrong with them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daddy_encode.archive.verify.alone import verify_alone
from daddy_encode.archive.verify.beside import verify_beside_frames
from daddy_encode.archive.verify.result import VerifiedJob
from daddy_encode.encoding.ffmpeg.process import RunLimits
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.png.pixels import MAX_PIXELS
from tests.media import ffmpeg

# What is left in a job's directory when its frames are gone.
STAYS = {"manifest.json", "rollout.json"}


def names(job: Path) -> set[str]:
    return {path.name for path in job.iterdir()}


def limits() -> RunLimits:
    return RunLimits(threading.Event())


def alone(job: Path, owners: Owners | None = None) -> VerifiedJob:
    return verify_alone(JobPaths.of(job), owners or Owners(), limits())


def beside(job: Path, paths: JobPaths | None = None) -> VerifiedJob:
    return verify_beside_frames(paths or JobPaths.of(job), Owners(), limits(), MAX_PIXELS)


def faults(result: VerifiedJob) -> str:
    return "\n".join(result.lines())


def output(job: Path, kind: str) -> Path:
    return job.with_name(f"{job.name}.{kind}")


def change_receipt(job: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = output(job, "receipt.json")
    receipt = json.loads(path.read_text())
    change(receipt)
    path.write_text(json.dumps(receipt))


def sign(job: Path, kind: str, **more: object) -> None:
    """Have the receipt say of the video that is there what its bytes are, as if it had been made so."""
    path = output(job, kind)
    data = path.read_bytes()

    def change(receipt: dict[str, Any]) -> None:
        for record in receipt["outputs"]:
            if record["format"] == kind:
                values = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                record.update(**values, mtime_ns=path.stat().st_mtime_ns, **more)

    change_receipt(job, change)


def copy_job(job: Path, to: Path) -> Path:
    """A copy of a job with its videos and its receipt, times and all."""
    to.mkdir(parents=True, exist_ok=True)
    for path in job.parent.iterdir():
        if path.name == job.name:
            shutil.copytree(path, to / path.name)
        elif path.name.startswith(f"{job.name}."):
            shutil.copy2(path, to / path.name)
    return to / job.name


def run_ffmpeg(*arguments: str | Path) -> None:
    command = [ffmpeg(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)
