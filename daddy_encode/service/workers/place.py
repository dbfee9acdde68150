"""Where jobs are attempted, what is in progress there, and what becomes of it where that has died."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from daddy_encode.errors import DaddyEncodeError, Interrupted, TransientError
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind

if TYPE_CHECKING:
    from daddy_encode.service.workers.process import WorkerProcess

# So many times the jobs that may be encoded at a time may be in progress: the others wait for the disk, which on a
# network takes longer than all else about a short video. A watcher counts the programs of `--on-done` among them.
JOBS_PER_WORKER = 2


class Given(NamedTuple):
    """An attempt that is in progress, and when it was begun, in seconds since the epoch."""

    attempt: Attempt
    since: float

    @classmethod
    def now(cls, attempt: Attempt) -> Given:
        """One that is begun."""
        # As a receipt's `finished` is rounded, so that whatever ends later compares as later.
        return cls(attempt, round(time.time(), 3))


class Place:
    """Where jobs are attempted: in threads of this process, or in a worker process.

    Attributes:
        capacity: How many are encoded at a time.
        process: The worker process; None: this one.
        tasks: What is in progress, by number.
        encoding: Which of these are encoded still.
        held: What comes next, by number: each of those that a worker process has died with alone, as it may be why.
    """

    def __init__(self, capacity: int, process: WorkerProcess | None = None) -> None:
        self.capacity = capacity
        self.process = process
        self.tasks: dict[int, Given] = {}
        self.encoding: set[int] = set()
        self.held: dict[int, Attempt] = {}

    @property
    def is_busy(self) -> bool:
        """Whether there is anything to do here."""
        return bool(self.tasks or self.held)

    @property
    def room(self) -> int:
        """How many more may be started now."""
        if self.held:
            return 0
        return min(self.capacity - len(self.encoding), JOBS_PER_WORKER * self.capacity - len(self.tasks))

    def put(self, number: int, attempt: Attempt) -> None:
        """Begin an attempt here."""
        self.tasks[number] = Given.now(attempt)
        self.encoding.add(number)

    def drop(self, number: int) -> None:
        """An attempt has ended."""
        self.tasks.pop(number, None)
        self.encoding.discard(number)

    def give_back(self, how: str, *, is_stopped: bool) -> tuple[dict[int, Attempt], dict[int, Outcome]]:
        """Take out all there is to do, by number, where the worker process has ended.

        Args:
            how: How it has ended, for people.
            is_stopped: Whether nothing more is to begin.

        Returns:
            The attempts to go on with, and the outcomes of the others.
        """
        tasks, self.tasks, self.encoding = self.tasks, {}, set()
        held, self.held = self.held, {}
        was_tried = self.process is not None and self.process.has_begun
        attempts: dict[int, Attempt] = {}
        outcomes: dict[int, Outcome] = {}
        for number, (attempt, since) in (tasks | {number: Given(held[number], 0.0) for number in held}).items():
            if is_stopped:
                error: DaddyEncodeError = Interrupted(f"{attempt.paths.job}: stopped before it was encoded")
                outcomes[number] = Outcome(attempt.paths, OutcomeKind.STOPPED, error=error)
            elif number in held or not was_tried:
                attempts[number] = attempt
            elif attempt.died_since is None:
                # It may have been done, or have failed, just before, unheard; and there is a lease.
                known = replace(attempt, check_done_first=True, had_receipt=True, has_lease=True, skip_failed=False)
                attempts[number] = replace(known, died_since=since)
            else:
                # It may be what kills them.
                text = f"{attempt.paths.job}: a worker process {how} while encoding it, for the second time"
                error = TransientError(f"{text}; if memory is short, use fewer --workers")
                outcomes[number] = Outcome(attempt.paths, OutcomeKind.DEFERRED, error=error)
        return attempts, outcomes

    def begin_held(self) -> tuple[int, Attempt] | None:
        """Begin the next of those that are held, where it is its turn."""
        for number, attempt in self.held.items():
            if not self.tasks or attempt.died_since is None:
                del self.held[number]
                self.put(number, attempt)
                return number, attempt
        return None
