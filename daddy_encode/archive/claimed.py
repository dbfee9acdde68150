"""A job that is held while something becomes of its frames, as one that is encoded is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Event
from typing import Protocol

from msgspec.structs import replace

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.frames.job_directory import JobDirectory
from daddy_encode.encoding.frames.owners import Owners
from daddy_encode.errors import ClaimedError, Interrupted
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.held_file import by_descriptor
from daddy_encode.spool.orphans import remove_orphans
from daddy_encode.spool.paths import JobPaths


class Stop(Protocol):
    """What ends the work; see `StopSwitch`."""

    def is_set(self) -> bool: ...

    def event(self) -> AbstractContextManager[Event]: ...


@contextmanager
def claimed(paths: JobPaths, context: Context, claims: Claims, stop: Stop) -> Iterator[tuple[Context, bool]]:
    """Hold the claim on a job, and the one on its directory, for the length of the block.

    They are one and the same, but where the outputs are not beside the directory: whoever changes what is in it has to
    be alone there, whatever directory of outputs each was given.

    Args:
        paths: The job's names.
        context: Whose jobs are taken, how large frames may be, when to give up.
        claims: Where it is claimed.
        stop: Set by whoever wants the work ended.

    Yields:
        The context for the work, whose stop is set where `stop` is or a claim is lost, and whose `may_publish` asks
        for both; and whether there are leases, so that nobody else can be at work on it.

    Raises:
        ClaimedError: Another process works on it, or does so by now.
        Interrupted: The work was, since `stop` was set.
    """
    own = of_directory(paths)
    with ExitStack() as stack:
        event = stack.enter_context(stop.event())
        held = [stack.enter_context(claims.hold(each, event.set)) for each in dict.fromkeys((paths, own))]
        limits = replace(context.limits, stop=event)

        def may_publish() -> bool:
            return all(claim.refresh(decide=True) for claim in held)

        try:
            yield replace(context, limits=limits, may_publish=may_publish), all(claim.is_held for claim in held)
        except Interrupted:
            if stop.is_set() or all(claim.is_ours() for claim in held):
                raise
            raise ClaimedError(f"{paths.job}: another process took it over") from None


def of_directory(paths: JobPaths) -> JobPaths:
    """The names that a job has whose outputs are beside its directory: where that is claimed."""
    if paths.base.parent == paths.directory.parent:
        return paths
    beside = JobPaths.of(paths.directory)
    return beside if paths.pattern is None else beside.of_sequence(paths.pattern)


def remove_left(directory: JobDirectory, owners: Owners, owner: str) -> None:
    """Remove what a holder of the claim that was killed has left: the temporary files that were made for `owner`."""

    def may_go(status: os.stat_result) -> bool:
        return stat.S_ISREG(status.st_mode) and owners.trusts(status.st_uid)

    remove_orphans(by_descriptor(directory.descriptor), owner, may_go=may_go)
