"""Whether it is this machine on which programs fail, and not the jobs."""

from __future__ import annotations

import contextlib
import itertools
import socket

from daddy_encode.encode.context import Context
from daddy_encode.encode.receipts import withdraw_failure
from daddy_encode.errors import DaddyEncodeError, ProgramFailedError, ProgramUnusableError
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths

# On so many different jobs, at least, programs fail before it is the machine that is given up.
FEWEST_JOBS = 3


class FailureStreak:
    """The attempts in which ffmpeg, or gifsicle, failed since the last one that made a video."""

    def __init__(self, workers: int) -> None:
        """`workers`: how many jobs are encoded at a time."""
        # What is short, such as memory for a moment, may end all that are in progress.
        self._most = workers + FEWEST_JOBS
        self._failed: dict[JobPaths, list[Outcome]] = {}

    def add(self, outcome: Outcome) -> DaddyEncodeError | None:
        """Take in what became of an attempt.

        Returns:
            Why no more jobs should be claimed, where it seems to be the machine's fault: so many jobs failed, more than
            are encoded at a time, or a few, each of them twice.
        """
        if outcome.kind is OutcomeKind.MADE:
            self._failed.clear()
        if outcome.kind not in (OutcomeKind.DEFERRED, OutcomeKind.FAILED):
            return None
        if not isinstance(outcome.error, ProgramFailedError | ProgramUnusableError):
            return None
        self._failed.setdefault(outcome.paths, []).append(outcome)
        jobs, fewest = len(self._failed), min(map(len, self._failed.values()))
        if jobs < FEWEST_JOBS or (jobs < self._most and fewest < 2):
            return None
        return ProgramUnusableError(
            f"ffmpeg failed on all of the last {jobs} jobs on {socket.gethostname()}, so no more are claimed: find out "
            f"what it lacks there, such as memory; the last time: {outcome.error}"
        )

    def withdraw(self, claims: Claims, context: Context) -> None:
        """Take back what was written down of failures that were not their jobs' fault."""
        for outcome in itertools.chain.from_iterable(self._failed.values()):
            if outcome.kind is OutcomeKind.DEFERRED and outcome.failure is not None:
                # Whoever works on the job by now writes down what becomes of it.
                with contextlib.suppress(DaddyEncodeError), claims.hold(outcome.paths, lambda: None):
                    withdraw_failure(outcome.paths, outcome.failure, context)
