"""Looking at one job without touching a frame: its listing, its manifest, its receipt."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import get_args

from daddy_encode.errors import ManifestError
from daddy_encode.service.state import Seen
from daddy_encode.spool.frames import is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME, read_manifest
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import read_record

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Listing:
    """One directory: how many numbered PNGs, whether a manifest, which subfolders to look into."""

    frames: int
    has_manifest: bool
    folders: tuple[str, ...]

    @property
    def is_job(self) -> bool:
        return self.frames > 0 or self.has_manifest


def list_directory(path: str) -> tuple[Listing, list[os.DirEntry[str]]]:
    """List `path`. Hidden folders and links to folders do not count as folders. Raises OSError."""
    frames = 0
    has_manifest = False
    folders = []
    with os.scandir(path) as stream:
        entries = list(stream)
    for entry in entries:
        name = entry.name
        if name == MANIFEST_NAME:
            has_manifest = True
        elif is_frame_name(name):
            frames += 1
        elif not name.startswith(".") and entry.is_dir(follow_symlinks=False):
            folders.append(name)
    return Listing(frames, has_manifest, tuple(folders)), entries


def look(paths: JobPaths, listing: Listing, mtime_ns: int, beside: frozenset[str] | set[str] | None) -> Seen:
    """What is seen of the job at `paths`; `beside`: the names in its outputs' folder, None where not listed.

    A record is opened only where a listing shows it: a network file system remembers for a while that a file was not
    there when it was asked for.
    """
    manifest = digest = error = None
    if listing.has_manifest:
        try:
            if (found := read_manifest(paths.directory)) is not None:
                manifest, digest = found
        except ManifestError as fault:
            error = str(fault)
    receipt: Receipt | None = None
    if beside is None or paths.receipt.name in beside:
        try:
            if (record := read_record(paths.receipt, Receipt)) is not None:
                receipt = record[0]
        except ManifestError:
            pass  # a receipt that cannot be read proves nothing
    return Seen(
        frames=listing.frames,
        has_manifest=listing.has_manifest,
        manifest=manifest,
        manifest_sha256=digest,
        manifest_error=error,
        receipt=receipt,
        outputs=frozenset(kind for kind in KINDS if _is_there(paths, kind, beside)),
        mtime_ns=mtime_ns,
    )


def _is_there(paths: JobPaths, kind: Kind, beside: frozenset[str] | set[str] | None) -> bool:
    path = paths.output(kind)
    return path.exists() if beside is None else path.name in beside
