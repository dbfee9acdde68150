"""A job that is held while something becomes of its frames, as one that is encoded is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event
from typing import Protocol

from msgspec.structs import replace

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import ClaimedError, Interrupted
from daddy_encode.spool.claims import Claim, Claims
from daddy_encode.spool.held_file import by_descriptor
from daddy_encode.spool.orphans import remove_orphans
from daddy_encode.spool.paths import JobPaths


class Stop(Protocol):
    """What ends the work; see `StopSwitch`."""

    def is_set(self) -> bool: ...

    def event(self) -> AbstractContextManager[Event]: ...


@contextmanager
def claimed(paths: JobPaths, context: Context, claims: Claims, stop: Stop) -> Iterator[tuple[Context, Claim]]:
    """Hold the claim on a job for the length of the block.

    Args:
        paths: The job's names.
        context: Whose jobs are taken, how large frames may be, when to give up.
        claims: Where it is claimed.
        stop: Set by whoever wants the work ended.

    Yields:
        The context for the work, whose stop is set where `stop` is or the claim is lost, and whose `may_publish` asks
        for the claim; and the claim.

    Raises:
        ClaimedError: Another process works on it, or does so by now.
        Interrupted: The work was, since `stop` was set.
    """
    with stop.event() as event, claims.hold(paths, event.set) as claim:
        limits = replace(context.limits, stop=event)
        try:
            yield replace(context, limits=limits, may_publish=lambda: claim.refresh(decide=True)), claim
        except Interrupted:
            if stop.is_set() or claim.is_ours():
                raise
            raise ClaimedError(f"{paths.job}: another process took it over") from None


def remove_left(directory: JobDirectory, owners: Owners, owner: str) -> None:
    """Remove what a holder of the claim that was killed has left: the temporary files that were made for `owner`."""

    def may_go(status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and owners.trusts(status.st_uid)

    remove_orphans(by_descriptor(directory.descriptor), owner, may_go=may_go)
