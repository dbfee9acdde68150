"""What a job's directory shows without a frame being read: before the frames are, and again before a video appears."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import DaddyEncodeError, FrameError, TransientError
from daddy_encode.spool.frames import FrameSequence, frame_sequence
from daddy_encode.spool.manifest import MANIFEST_NAME, Manifest
from daddy_encode.spool.paths import JobPaths

# How often frames are read once more: others may go on writing beside them.
REREADS = 3


class ChangedError(TransientError):
    """The frames of a job are not those that were there before."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory}: its frames changed while they were encoded; run again when its rollout has ended"
        )


class FrameListing(Struct, frozen=True):
    """A job's frames; equal ones mean that nothing has changed in between.

    Attributes:
        frames: Their names.
        sha256: A digest of the names, sizes and modification times of manifest and frames.
        inodes_sha256: A digest of their inodes and the times of their inodes: other ones are other files, or files that
            were written to, owned or linked anew, whatever modification time they were given.
        directory_mtime_ns: The directory's modification time before it was listed, or that of the file that holds the
            frames, where that is later.
        pattern: Of the sequence, where it was asked for.
        promised: How many frames the manifest promises.
    """

    frames: FrameSequence
    sha256: str
    inodes_sha256: str
    directory_mtime_ns: int
    pattern: str | None = None
    promised: int | None = None


def list_frames(
    directory: JobDirectory,
    mtime_ns: int,
    manifest: os.stat_result | None,
    pattern: str | None = None,
    promised: int | None = None,
) -> FrameListing:
    """List a job's directory.

    Args:
        directory: The job's.
        mtime_ns: Its modification time, asked for before anything in it was looked at.
        manifest: The status of its manifest, asked for before that was read; None where there was none.
        pattern: Of the job's sequence. Default: the only one.
        promised: How many frames the manifest promises; see `frame_sequence`.

    Raises:
        FrameError: It cannot be listed, or leaves open which files are the frames.
    """
    frames = frame_sequence(directory.names(), str(directory.path), pattern, promised)
    if directory.packed is not None:
        # As when its PNGs were listed, so that a receipt that was made of these is one of it.
        packed = directory.packed
        return FrameListing(frames, packed.record.listing_sha256, packed.digest, mtime_ns, pattern, promised)
    listing, inodes = digests(directory, frames.names, manifest)
    mtime_ns = max(mtime_ns, directory.stored_mtime_ns)
    return FrameListing(frames, listing, inodes, mtime_ns, pattern, promised)


class BeforeListing(Struct, frozen=True):
    """What is looked at before the frames of a job's directory are listed, so that every change after it is noticed.

    Attributes:
        directory: The job's.
        mtime_ns: Its modification time, asked for before anything in it was looked at.
        status: Of its manifest, asked for before that was read; None where there is none.
        manifest: Its manifest; None where there is none.
        manifest_sha256: Of that; None where there is none.
    """

    directory: JobDirectory
    mtime_ns: int
    status: os.stat_result | None
    manifest: Manifest | None
    manifest_sha256: str | None

    def list_frames(self, pattern: str | None = None) -> FrameListing:
        """List the frames of the only sequence, or of that with `pattern`. Raises as the function of that name."""
        promised = self.manifest.frames if self.manifest else None
        return list_frames(self.directory, self.mtime_ns, self.status, pattern, promised)


def before_listing(directory: JobDirectory) -> BeforeListing:
    """Look at a job's directory, in the order that lets no change pass unseen. Raises ManifestError, Skipped."""
    mtime_ns = directory.mtime_ns()
    status = directory.status(MANIFEST_NAME)
    manifest, sha256 = directory.manifest() or (None, None)
    return BeforeListing(directory, mtime_ns, status, manifest, sha256)


def digests(directory: JobDirectory, names: Iterable[str], manifest: os.stat_result | None) -> tuple[str, str]:
    """The `sha256` and the `inodes_sha256` of a listing of these frames. Raises as `JobDirectory.status`."""
    listing, inodes = hashlib.sha256(), hashlib.sha256()
    _add(listing, inodes, MANIFEST_NAME, manifest)
    for name in names:
        _add(listing, inodes, name, directory.status(name))
    return listing.hexdigest(), inodes.hexdigest()


def listing_sha256(paths: JobPaths) -> str:
    """The `sha256` of the listing of a job's frames now; empty where it has none, or leaves them open."""
    with contextlib.suppress(DaddyEncodeError, OSError), JobDirectory(paths.directory, Owners(None)) as directory:
        manifest = directory.status(MANIFEST_NAME)
        promised = None
        with contextlib.suppress(DaddyEncodeError):
            found = directory.manifest()
            promised = found[0].frames if found else None
        return list_frames(directory, 0, manifest, paths.pattern, promised).sha256
    return ""


def check_unchanged(
    directory: JobDirectory, before: FrameListing, is_same: Callable[[], bool] = lambda: False
) -> FrameListing:
    """Check that a job's directory is in its place and shows what it showed `before`.

    Args:
        directory: The job's.
        before: Its listing before any frame was read.
        is_same: Asked where names, sizes and times are the same, but not the directory's time, or a file's inode: a
            file system may number them anew, and what is not ours may come and go beside the frames. Whether the frames
            hold the same bytes as when they were read. Default: they do not.

    Returns:
        What it shows now: that is the last thing that was looked at.

    Raises:
        ChangedError: It does not.
        Skipped: A file is another user's by now.
    """
    try:
        for _ in range(1 + REREADS):
            mtime_ns = directory.mtime_ns()
            manifest = directory.status(MANIFEST_NAME)
            after = list_frames(directory, mtime_ns, manifest, before.pattern, before.promised)
            if not directory.in_place() or (after.frames, after.sha256) != (before.frames, before.sha256):
                break
            if after == before:
                return after
            if not is_same():
                break
            # Reading them takes time, in which they may have changed.
            before = after
    except (FrameError, TransientError) as error:
        raise ChangedError(directory.path) from error
    raise ChangedError(directory.path)


def _add(listing: hashlib._Hash, inodes: hashlib._Hash, name: str, status: os.stat_result | None) -> None:
    if status is None:
        listing.update(f"{name!r} is not there\n".encode())
    else:
        listing.update(f"{name!r} {status.st_size} {status.st_mtime_ns}\n".encode())
        inodes.update(b"%d %d %d\n" % (status.st_dev, status.st_ino, status.st_ctime_ns))
