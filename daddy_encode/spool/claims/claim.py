"""One lease that this process holds: kept, and given up."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

from daddy_encode.spool.claims.directory import clear, read_marker, slurm_name, write_marker
from daddy_encode.spool.claims.marker import Marker
from daddy_encode.spool.held_file import by_descriptor, is_at
from daddy_encode.spool.slurm_process import write_slurm_process

# How often in a row what is in a lease's way is taken away: somebody may put it there again and again.
TRIES = 5


class Claim:
    """One lease that is held, and what to call when it is lost.

    It belongs to this process as long as its file is the one that was made, or nobody who is trusted has another there:
    what is removed or replaced by anybody else, while it was refreshed in time, is made again.
    """

    def __init__(
        self,
        directory: int,
        name: str,
        marker: Marker,
        descriptor: int | None,
        trusts: Callable[[os.stat_result], bool],
        on_lost: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._name = name
        self._marker = marker
        self._descriptor = descriptor
        self._trusts = trusts
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._is_closed = False
        self._has_slurm_record = False
        self._refreshed_at = time.monotonic()
        self._was_missing = False

    @property
    def is_held(self) -> bool:
        """Whether there is a lease."""
        return self._descriptor is not None

    def record_slurm_job(self) -> None:
        """Under Slurm, write down for `holder` which Slurm job this is."""
        if self.is_held:
            # By the descriptor: the directory's name may lead elsewhere by now.
            path = by_descriptor(self._directory) / slurm_name(self._name)
            self._has_slurm_record = write_slurm_process(path, self._name)

    def is_ours(self) -> bool:
        """Whether the claim, once taken, is still this process's."""
        with self._lock:
            if self._descriptor is None:
                return not self._is_closed
            with contextlib.suppress(OSError):
                found = read_marker(self._directory, self._name)
                return found is not None and found[1] is not None and found[1].token == self._marker.token
            return False

    def refresh(self, *, decide: bool = False) -> bool:
        """Give a sign of life; find out whether the claim was lost.

        Args:
            decide: Whether to know now. Default: a lease that is missing for the first time is looked for once more the
                next time.

        Returns:
            Whether it is still this process's.
        """
        with self._lock:
            if self._is_closed or self._descriptor is None:
                return not self._is_closed
            is_lost = self._is_lost() or (decide and self._was_missing and self._is_lost())
            if not is_lost:
                return True
            # Said once.
            os.close(self._descriptor)
            self._descriptor, self._is_closed = None, True
        self._on_lost()
        return False

    def _is_lost(self) -> bool:
        assert self._descriptor is not None
        now = time.monotonic()
        silent = now - self._refreshed_at
        try:
            if self._is_at_its_name():
                os.utime(self._descriptor)
                self._refreshed_at, self._was_missing = now, False
                return False
            if not self._was_missing:
                # An encoder of version 0.1.0 that tries to take it over may put it back.
                self._was_missing = True
                return False
            # After so long, others have had the right to it. Before that, nobody who is trusted has taken it away.
            return silent >= self._marker.seconds or not self._make_again()
        except OSError:
            # The file system is away, perhaps. Before the next time, others may take it.
            return silent >= self._marker.seconds * 2 / 3

    def _make_again(self) -> bool:
        assert self._descriptor is not None
        for _ in range(TRIES):
            try:
                descriptor = write_marker(self._directory, self._name, self._marker)
            except FileExistsError:
                found = read_marker(self._directory, self._name)
                if found is not None and (self._trusts(found[0]) or not clear(self._directory, self._name, found[0])):
                    return False
            else:
                os.close(self._descriptor)
                self._descriptor, self._was_missing = descriptor, False
                self._refreshed_at = time.monotonic()
                return True
        return False

    def _is_at_its_name(self) -> bool:
        assert self._descriptor is not None
        return is_at(self._name, self._directory, self._descriptor)

    def release(self) -> None:
        """Give the claim up, if it is still this process's."""
        with self._lock:
            self._on_lost = lambda: None
            self._is_closed = True
            if self._descriptor is not None:
                with contextlib.suppress(OSError):
                    if self._is_at_its_name():
                        if self._has_slurm_record:
                            with contextlib.suppress(FileNotFoundError):
                                os.unlink(slurm_name(self._name), dir_fd=self._directory)
                        os.unlink(self._name, dir_fd=self._directory)
                os.close(self._descriptor)
                self._descriptor = None
            os.close(self._directory)
