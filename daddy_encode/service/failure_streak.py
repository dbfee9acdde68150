"""Whether it is this machine on which programs fail, and not the jobs."""

from __future__ import annotations

import os
import time

from daddy_encode.encoding.context import Context
from daddy_encode.encoding.receipts import failures_of, withdraw_failures
from daddy_encode.errors import ClaimedError, DaddyEncodeError, ProgramFailedError, ProgramUnusableError
from daddy_encode.service.attempt import Outcome, OutcomeKind
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from daddy_encode.spool.receipt import Failure

# On so many different jobs, at least, programs fail before it is the machine that is given up.
FEWEST_JOBS = 3
# Failures are taken back under the claim, which the other encoders of a machine that fails hold for a moment each.
CLAIM_SECONDS = 5.0
POLL_SECONDS = 0.1


class FailureStreak:
    """The attempts in which ffmpeg, or gifsicle, failed since the last one that made a video.

    What is written down of failures on this machine since then counts as well: other encoders on it, each with fewer
    failures, would else make jobs fail that none of them could have encoded.
    """

    def __init__(self, workers: int) -> None:
        """`workers`: how many jobs are encoded at a time."""
        # What is short, such as memory for a moment, may end all that are in progress.
        self._most = workers + FEWEST_JOBS
        self._host = os.uname().nodename
        self._since = time.time()
        # How often, on each job.
        self._failed: dict[JobPaths, int] = {}
        # Ours, whatever the clock does.
        self._own: list[Failure] = []

    def add(self, outcome: Outcome) -> DaddyEncodeError | None:
        """Take in what became of an attempt.

        Returns:
            Why no more jobs should be claimed, where it seems to be the machine's fault: so many jobs failed, more than
            are encoded at a time, or a few, each of them twice.
        """
        if outcome.kind is OutcomeKind.MADE:
            self._failed.clear()
            self._own.clear()
            self._since = time.time()
        if outcome.kind not in (OutcomeKind.DEFERRED, OutcomeKind.FAILED):
            return None
        if not isinstance(outcome.error, ProgramFailedError | ProgramUnusableError):
            return None
        self._own += outcome.failures[-1:]
        before = self._failed.get(outcome.paths, 0)
        self._failed[outcome.paths] = max(before + 1, sum(map(self._is_of_machine, outcome.failures)))
        jobs, fewest = len(self._failed), min(self._failed.values())
        if jobs < FEWEST_JOBS or (jobs < self._most and fewest < 2):
            return None
        return ProgramUnusableError(
            f"ffmpeg failed on all of the last {jobs} jobs on {self._host}, so no more are claimed: find out "
            f"what it lacks there, such as memory; the last time: {outcome.error}"
        )

    def has_others(self, context: Context) -> bool:
        """Whether other encoders on this machine have failed on all of these jobs as well, by what is written down."""
        if len(self._failed) < FEWEST_JOBS:
            return False
        return all(sum(map(self._is_of_machine, failures_of(paths, context))) > 1 for paths in self._failed)

    def withdraw(self, claims: Claims, context: Context) -> None:
        """Take back what was written down of failures that were not their jobs' fault."""
        end = time.monotonic() + CLAIM_SECONDS
        left = list(self._failed)
        while left := [paths for paths in left if not self._is_withdrawn(paths, claims, context)]:
            if time.monotonic() > end:
                # Whoever works on these writes down what becomes of them.
                return
            time.sleep(POLL_SECONDS)

    def _is_withdrawn(self, paths: JobPaths, claims: Claims, context: Context) -> bool:
        """Take back those of a job; return whether none is left to take back."""
        try:
            if any(map(self._is_of_machine, failures_of(paths, context))):
                with claims.hold(paths, lambda: None):
                    withdraw_failures(paths, self._is_of_machine, context)
        except ClaimedError:
            return False
        except DaddyEncodeError:
            pass
        return True

    def _is_of_machine(self, failure: Failure) -> bool:
        return failure in self._own or (failure.host == self._host and failure.finished >= self._since)
