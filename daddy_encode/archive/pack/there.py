"""What has to be there still, whoever else is at work, just before something is removed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from daddy_encode.archive.pack.files import Looks, looks_of
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.listing import ChangedError, FrameListing, check_unchanged
from daddy_encode.encoding.stored.packed import PackedFrames
from daddy_encode.errors import TransientError
from daddy_encode.spool.publish import reported
from daddy_encode.spool.stored.names import FRAMES_MKV, PACK_RECORD


class _Files:
    """Files of a job's directory, as they were."""

    def __init__(self, directory: JobDirectory, names: Sequence[str]) -> None:
        self._directory = directory
        self._names = names
        self._before = self._now()

    def _now(self) -> list[tuple[Looks, int] | None]:
        descriptor = self._directory.descriptor
        with reported(self._directory.path, "examine"):
            return [looks_of(descriptor, name) for name in self._names]

    def is_there(self) -> bool:
        """Whether all are there, as they were."""
        return None not in self._before and self._now() == self._before


class PackedFiles(_Files):
    """The packed file and its record, while PNGs go."""

    def __init__(self, directory: JobDirectory, packed: PackedFrames | None = None) -> None:
        """Look at them; `packed`: what was opened of them before. Raises as `check`."""
        super().__init__(directory, (FRAMES_MKV, PACK_RECORD))
        if packed is not None and not packed.is_current(directory.descriptor):
            raise self._gone()

    def check(self) -> None:
        """Raise TransientError where they are not as they were."""
        if not self.is_there():
            raise self._gone()

    def _gone(self) -> TransientError:
        return TransientError(
            f"{self._directory.path / FRAMES_MKV}: is gone, or another by now, so the PNGs stay; run again"
        )


class UnpackedFiles(_Files):
    """The PNGs that were written, while the packed file goes."""

    def check(self) -> None:
        """Raise TransientError where they are not as they were."""
        with reported(self._directory.path, "examine"):
            # A client of NFS may remember what a file looked like that has gone.
            listed = frozenset(os.listdir(self._directory.descriptor))
        if not (listed.issuperset(self._names) and self.is_there()):
            raise TransientError(
                f"{self._directory.path}: PNGs that were written are gone, or others, so {FRAMES_MKV} stays; run again"
            )


def check_same_files(directory: JobDirectory, before: FrameListing) -> None:
    """Raise ChangedError where a job's frames are others; only the directory's time changes as we write in it."""
    after = check_unchanged(directory, before, lambda: True)
    if after.inodes_sha256 != before.inodes_sha256:
        raise ChangedError(directory.path)
