"""Archives of frames, made by Python's tarfile: what may be wrong with one is put into it by hand."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path


def loose(job: Path) -> dict[str, bytes]:
    """The loose frames of a job, by their names."""
    return {path.name: path.read_bytes() for path in sorted(job.glob("*.png"))}


def into_tar(job: Path, make: Callable[[tarfile.TarFile, dict[str, bytes]], None] | None = None) -> Path:
    """Replace a job's loose frames by an archive, of which `make` (default: `add_all`) writes the entries."""
    frames = loose(job)
    path = job / "frames.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        (make or add_all)(archive, dict(frames))
    for name in frames:
        (job / name).unlink()
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes, **fields: object) -> None:
    """One more entry; `fields` are those of TarInfo."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    archive.addfile(info, io.BytesIO(data))


def add_all(archive: tarfile.TarFile, frames: dict[str, bytes]) -> None:
    for name, data in frames.items():
        add(archive, name, data)


def signed(header: bytes) -> bytes:
    """A header with its right checksum."""
    block = bytearray(header)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
