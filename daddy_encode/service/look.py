"""Looking at one job without touching a frame: its listing, its manifest, its receipt."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from daddy_encode.errors import ManifestError, Skipped
from daddy_encode.service.state import Seen, has_failed
from daddy_encode.spool.claims import FOLDER, claimed_names
from daddy_encode.spool.frames import is_frame_name
from daddy_encode.spool.manifest import MANIFEST_NAME, read_manifest
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.receipt import Receipt
from daddy_encode.spool.records import Check, read_record

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Listing:
    """One directory: all names in it, how many are numbered PNGs, the subfolders to look into."""

    names: frozenset[str]
    frames: int
    folders: tuple[str, ...]

    @property
    def has_manifest(self) -> bool:
        return MANIFEST_NAME in self.names

    @property
    def is_job(self) -> bool:
        return self.frames > 0 or self.has_manifest


def list_directory(path: str) -> Listing:
    """List `path`. Hidden folders and links to folders do not count as folders. Raises OSError."""
    names = []
    frames = 0
    folders = []
    with os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            names.append(name)
            if name[-4:].lower() == ".png" and is_frame_name(name):
                frames += 1
            elif name[0] != "." and entry.is_dir(follow_symlinks=False):
                folders.append(name)
    return Listing(frozenset(names), frames, tuple(folders))


@dataclass(frozen=True)
class Beside:
    """What lies where the jobs of one folder have their outputs: all names there, and the jobs that have a lease.

    names: None where it is not known; each record is then asked for.
    """

    names: Set[str] | None
    claimed: Set[str]


UNKNOWN = Beside(None, frozenset())


def beside(paths: JobPaths, names: Set[str] | None = None) -> Beside:
    """What lies beside the outputs of the job at `paths`; `names`: of that folder, where it was listed already."""
    folder = paths.base.parent
    if names is None:
        try:
            names = frozenset(os.listdir(folder))
        except FileNotFoundError:
            return Beside(frozenset(), frozenset())
        except OSError:
            return UNKNOWN
    return Beside(names, claimed_names(folder) if FOLDER in names else frozenset())


def look(paths: JobPaths, listing: Listing, mtime_ns: int, around: Beside, check: Check | None = None) -> Seen:
    """What is seen of the job at `paths`; `check`: whose receipts count, None for everybody's.

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
    receipt = None if around.names is not None and paths.receipt.name not in around.names else _receipt(paths, check)
    return Seen(
        frames=listing.frames,
        has_manifest=listing.has_manifest,
        manifest=manifest,
        manifest_sha256=digest,
        manifest_error=error,
        receipt=receipt,
        outputs=frozenset(kind for kind in KINDS if _is_there(paths.output(kind), around)),
        mtime_ns=mtime_ns,
    )


def failed_before(paths: JobPaths, mtime_ns: int, check: Check | None = None) -> bool:
    """Whether a receipt that counts says that the job failed as it is, its directory having this time."""
    digest = None
    with contextlib.suppress(ManifestError):
        if (found := read_manifest(paths.directory)) is not None:
            digest = found[1]
    return has_failed(_receipt(paths, check), mtime_ns, digest)


def _receipt(paths: JobPaths, check: Check | None) -> Receipt | None:
    try:
        found = read_record(paths.receipt, Receipt, check=check)
    except (ManifestError, Skipped):
        # One that cannot be read, or that anybody wrote, proves nothing.
        return None
    return found[0] if found else None


def _is_there(path: Path, around: Beside) -> bool:
    return path.exists() if around.names is None else path.name in around.names
