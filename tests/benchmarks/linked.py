"""Spools of many jobs, quickly: hard links to the frames of a few."""

from __future__ import annotations

import json
import os
from pathlib import Path


def linked(source: Path, job: Path, count: int | None = None) -> Path:
    """A job whose frames are hard links to those of another, `source`, over and over.

    Args:
        source: A dump of ours.
        job: Made; it is returned.
        count: How many frames. Default: as many as `source` has.
    """
    job.mkdir(parents=True)
    names = sorted(path.name for path in source.glob("*.png"))
    for index in range(count or len(names)):
        os.link(source / names[index % len(names)], job / f"{index:06d}.png")
    manifest = json.loads((source / "manifest.json").read_text())
    (job / "manifest.json").write_text(json.dumps({**manifest, "frames": count or len(names)}))
    return job
