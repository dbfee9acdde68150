"""The proof that a job's videos show its frames: what may be deleted needs one, and only a verification makes one."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import FrameListing, check_unchanged
from daddy_encode.errors import TransientError
from daddy_encode.spool.held_file import SAFELY, opened_directory, sha256_of
from daddy_encode.spool.paths import JobPaths, Kind
from daddy_encode.spool.publish import reported
from daddy_encode.spool.receipt import Receipt

# Known to this module alone, but for `prove`, which verifies.
_VERIFIED = object()


class FileIdentity(Struct, frozen=True):
    """Which file it is, and that it has not been written to since.

    Attributes:
        device: The number of its file system.
        inode: Its number there.
        size: In bytes.
        mtime_ns: When it was last written to, in nanoseconds.
        ctime_ns: When its inode last changed, in nanoseconds: nobody can set that back.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @staticmethod
    def of(status: os.stat_result) -> FileIdentity:
        """That of a file with this status."""
        return FileIdentity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Nearness(Struct, frozen=True):
    """How near one frame of a video is to what its settings should give.

    Attributes:
        kind: Of the video.
        frame: Which of its recording's frames it shows, from 0.
        psnr: In dB, over all samples of the frame: YUV 4:2:0 of an MP4, RGB of a GIF; infinite where all are the same.
        ssim: The structural similarity of the same, at most 1.
    """

    kind: Kind
    frame: int
    psnr: float
    ssim: float


class Proof:
    """A job's frames were read to the last, and its videos show them, each as its settings say.

    `daddy_encode.archive.verify.prove.prove` alone makes one, where a verification against the frames has found nothing
    wrong. Before anything is deleted, `check` has to say that all is still as it was then.

    Attributes:
        paths: Where the job's files are.
        listing: Its frames, as they were listed before the first was read and again after the last: what may be deleted
            are `listing.frames.names`, through the descriptor of the same JobDirectory.
        receipt: What was verified.
        receipt_sha256: Of the receipt's bytes, in hexadecimal digits.
        outputs: Which file each of its videos is; each has the SHA-256 that the receipt says.
        worst: The frame that is least near to what it should be, of each video.
    """

    __slots__ = ("listing", "outputs", "paths", "receipt", "receipt_sha256", "worst")

    def __init__(
        self,
        verified: object,
        paths: JobPaths,
        listing: FrameListing,
        receipt: Receipt,
        receipt_sha256: str,
        outputs: Mapping[Kind, FileIdentity],
        worst: Mapping[Kind, Nearness],
    ) -> None:
        """For `prove` alone. Raises TypeError for anybody else."""
        if verified is not _VERIFIED:
            raise TypeError("a proof is made by a verification, by nothing else")
        for name, value in (
            ("paths", paths),
            ("listing", listing),
            ("receipt", receipt),
            ("receipt_sha256", receipt_sha256),
            ("outputs", dict(outputs)),
            ("worst", dict(worst)),
        ):
            object.__setattr__(self, name, value)

    paths: JobPaths
    listing: FrameListing
    receipt: Receipt
    receipt_sha256: str
    outputs: Mapping[Kind, FileIdentity]
    worst: Mapping[Kind, Nearness]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a proof stays as it was made")

    @property
    def worst_psnr(self) -> float:
        """The PSNR of the worst frame of all the videos, in dB."""
        return min(nearness.psnr for nearness in self.worst.values())

    def check(self, directory: JobDirectory) -> None:
        """Check that the frames, the receipt and the videos are those of the proof.

        Args:
            directory: The job's, the one that the proof was made with.

        Raises:
            ChangedError: The frames are others, or the directory is.
            TransientError: The receipt or a video is another, or cannot be read now.
            Skipped: A file is another user's by now.
        """
        check_unchanged(directory, self.listing)
        self.check_outputs(directory)

    def check_outputs(self, directory: JobDirectory) -> None:
        """As `check`, of the receipt and the videos alone."""
        base = self.paths.base
        with reported(base.parent, "open"), opened_directory(base.parent, self.paths.top, make=False) as parent:
            for kind, identity in self.outputs.items():
                path = self.paths.output(kind)
                if _identity(path, parent, directory) != identity:
                    raise TransientError(f"{path}: has changed since it was verified; run again")
            if self._receipt_there(parent, directory) != self.receipt_sha256:
                raise TransientError(f"{self.paths.receipt}: has changed since it was verified; run again")

    def _receipt_there(self, parent: int, directory: JobDirectory) -> str:
        path = self.paths.receipt
        with open(_opened(path, parent, directory), "rb") as stream:
            return sha256_of(stream)


def _identity(path: Path, parent: int, directory: JobDirectory) -> FileIdentity:
    descriptor = _opened(path, parent, directory)
    try:
        return FileIdentity.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _opened(path: Path, parent: int, directory: JobDirectory) -> int:
    """A descriptor of a regular file of a trusted user in the directory `parent`."""
    with reported(path, "open"):
        try:
            descriptor = os.open(path.name, os.O_RDONLY | SAFELY, dir_fd=parent)
        except FileNotFoundError:
            raise TransientError(f"{path}: is gone since it was verified; run again") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise TransientError(f"{path}: is not a regular file any more; run again")
        directory.check_owner(status, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
