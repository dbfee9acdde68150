"""Many jobs side by side, each claimed, encoded and released: one that fails never stops the others."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from daddy_encode.encoding.context import Context
from daddy_encode.errors import DaddyEncodeError, FfmpegUnusableError, one_line
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.failure_streak import FailureStreak
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.workers.attempt_job import JobAttempts, unexpected
from daddy_encode.service.workers.place import Place
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.orphans import remove_dead

if TYPE_CHECKING:
    from daddy_encode.service.workers.process import WorkerProcess, WorkerProcesses
    from daddy_encode.spool.claims.claims import Seen

log = logging.getLogger(__name__)

# A signal that comes just before the main thread begins to wait is handled only when the wait ends.
POLL_SECONDS = 0.2


class WorkerPool:
    """A context manager around threads and processes that encode what they are given.

    The work is ffmpeg's, but each frame is read and checked here, and the interpreter's lock lets one thread at a time
    do so. So where there are many workers, each is a process. The next job begins when one is encoded, not only when it
    is published.

    Attributes:
        count: How many jobs are encoded at a time.
        busy: How many were started whose outcomes have not been taken.
        fault: Why no job can be encoded on this machine: all is stopped then. None where nothing speaks against it.
    """

    def __init__(
        self,
        count: int,
        context: Context,
        claims: Claims,
        stop: StopSwitch,
        progress: Callable[[float], None] = lambda share: None,
        wake: Callable[[], None] = lambda: None,
        *,
        processes: int = 0,
        may_fork: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            count: How many jobs to encode at a time.
            context: What all jobs share.
            claims: Where each job is claimed.
            stop: Set by whoever wants the work ended.
            progress: Called with the frames that went to ffmpeg, from any thread. Default: not reported.
            wake: Called from a thread whenever there is room for a job or an outcome is ready. Default: nobody.
            processes: How many worker processes to start; where there can be none, threads of this process do their
                work. Default: none.
            may_fork: As for `WorkerProcesses`. Default: no.
        """
        self.busy = 0
        self.fault: DaddyEncodeError | None = None
        self._streak = FailureStreak(count)
        self.count = count
        self._context = context
        self._claims = claims
        self._stop = stop
        self._progress = progress
        self._wake = wake
        self._most_processes = min(processes, count)
        self._may_fork = may_fork
        self._attempts = JobAttempts(context, claims, stop, progress)
        self._here = Place(count)
        self._places = [self._here]
        self._processes: WorkerProcesses | None = None
        self._is_closing = False
        self._threads: set[threading.Thread] = set()
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        # Whether a job has left those that are encoded since the last wait.
        self._has_left = False
        self._outcomes: list[Outcome] = []

    def __enter__(self) -> WorkerPool:
        if self._context.tmp_dir is not None:
            # Of jobs that are done by now, or were other spools': no claim leads to them.
            remove_dead(self._context.tmp_dir)
        if self._most_processes:
            self._start_processes()
        return self

    def _start_processes(self) -> None:
        # Loaded where there are many jobs: one alone is not kept waiting.
        from daddy_encode.service.workers.messages import Shared
        from daddy_encode.service.workers.process import WorkerProcesses, log_level

        shared = Shared.of(self._context, self._claims.seconds, log_level())
        self._processes = WorkerProcesses(self._most_processes, shared, may_fork=self._may_fork)
        places = []
        with self._changed:
            for number, process in enumerate(self._processes.all):
                capacity = self.count // self._most_processes + (number < self.count % self._most_processes)
                places.append(Place(capacity, process))
                self._here.capacity -= capacity
            self._places += places
        self._stack.enter_context(self._stop.calling(self._stop_processes))
        for place in places:
            listener = threading.Thread(target=self._listen, args=(place,), name="worker process", daemon=True)
            try:
                listener.start()
                self._stack.callback(listener.join)
            except (RuntimeError, MemoryError):
                # No room for another thread.
                with self._changed:
                    self._places.remove(place)
                    self._here.capacity += place.capacity
                assert place.process is not None
                place.process.stop()
        self._stack.callback(self._stop_processes)

    def _stop_processes(self) -> None:
        for place in tuple(self._places):
            if place.process is not None:
                place.process.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop.set()
        with self._changed:
            while any(place.is_busy for place in self._places):
                self._changed.wait(POLL_SECONDS)
            self._is_closing = True
        for thread in tuple(self._threads):
            thread.join()
        self._stack.close()
        if self._processes is not None:
            self._processes.wait()
        if self.fault is not None or self._streak.has_others(self._context):
            self._streak.withdraw(self._claims, self._context)

    @property
    def room(self) -> bool:
        """Whether an attempt may be started."""
        return any(place.room > 0 for place in self._places)

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt at a job, while there is `room`; it counts as `busy` until its outcome is taken."""
        self.busy += 1
        number = next(self._numbers)
        with self._changed:
            # The one that has least to do.
            place = max(self._places, key=lambda place: (place.room, -len(place.tasks)))
            place.put(number, attempt)
            # Another may have taken its place when this one is told.
            process = place.process
        self._start_in(process, number, attempt)

    def _start_in(self, process: WorkerProcess | None, number: int, attempt: Attempt) -> None:
        if process is None:
            self._start_here(number, attempt)
        else:
            process.attempt(number, attempt, self._claims.seen(attempt.paths))

    def _start_here(self, number: int, attempt: Attempt) -> None:
        thread = threading.Thread(target=self._run, args=(number, attempt), name="encode")
        self._threads.add(thread)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            # The machine has no room for another thread now.
            self._threads.discard(thread)
            self._end(self._here, number, unexpected(attempt.paths, error))

    def outcomes(self) -> list[Outcome]:
        """The outcomes of the attempts that have ended since the last call."""
        with self._changed:
            ended, self._outcomes = self._outcomes, []
        self.busy -= len(ended)
        return ended

    def wait(self) -> None:
        """Wait until there is an outcome or new room for an attempt, or a moment."""
        with self._changed:
            if not self._outcomes and not self._has_left:
                self._changed.wait(POLL_SECONDS)
            self._has_left = False

    def _run(self, number: int, attempt: Attempt) -> None:
        outcome = self._attempts.run(attempt, lambda: self._encoded(self._here, number))
        self._end(self._here, number, outcome)
        self._threads.discard(threading.current_thread())

    def _encoded(self, place: Place, number: int) -> None:
        """Make room for another job."""
        with self._changed:
            place.encoding.discard(number)
            self._has_left = True
            self._changed.notify()
        self._wake()

    def _end(self, place: Place, number: int, outcome: Outcome) -> None:
        with self._changed:
            place.drop(number)
            self._outcomes.append(outcome)
            fault = self._streak.add(outcome)
            if isinstance(outcome.error, FfmpegUnusableError) and outcome.kind is OutcomeKind.STOPPED:
                fault = outcome.error
            self._changed.notify()
        if fault is not None and self.fault is None:
            self.fault = fault
            self._stop.set()
        self._begin_held(place)
        self._wake()

    def _listen(self, place: Place) -> None:
        """Take in what a worker process says, until its end, and what each says that takes its place."""
        while (process := place.process) is not None:
            try:
                process.listen(
                    on_encoded=lambda number: self._encoded(place, number),
                    on_progress=self._progress,
                    on_unclaimed=self._claims.say_unclaimed,
                    on_ended=lambda number, outcome, seen: self._ended_there(place, number, outcome, seen),
                )
            except Exception as error:
                # Whatever it is, its jobs do not wait for one that nobody listens to.
                log.debug("a worker process is not understood", exc_info=error)
            self._go_on(place, process, process.close())

    def _go_on(self, place: Place, process: WorkerProcess, how: str) -> None:
        """Let another process, or this one, take the place of one that has ended, and try its jobs once more."""
        with self._changed:
            capacity, place.capacity = place.capacity, 0
        assert self._processes is not None
        another = self._processes.another() if process.has_begun and not self._is_ending else None
        with self._changed:
            tried, ended = place.give_back(how, is_stopped=self._is_ending)
            place.process = another
            then = place if another is not None else self._here
            then.capacity += capacity
            if another is None:
                self._places.remove(place)
            then.held.update(tried)
            for number, outcome in ended.items():
                # Before anybody sees that there is nothing left to wait for.
                self._end(then, number, outcome)
        if another is not None and self._is_ending:
            # Nobody else tells it.
            another.stop()
        if not process.has_begun:
            log.debug("a worker process could not begin")
        elif not self._is_ending:
            more = f"; trying once more: {', '.join(str(one.paths.job) for one in tried.values())}" if tried else ""
            log.warning("%s", one_line(f"a worker process {how}{more}"))
        self._begin_held(then)
        self._wake()

    def _begin_held(self, place: Place) -> None:
        while True:
            with self._changed:
                begun, process = place.begin_held(), place.process
            if begun is None:
                return
            self._start_in(process, *begun)

    @property
    def _is_ending(self) -> bool:
        return self._is_closing or self._stop.is_set()

    def _ended_there(self, place: Place, number: int, outcome: Outcome, seen: Seen | None) -> None:
        self._claims.remember(outcome.paths, seen)
        self._end(place, number, outcome)


def run_jobs(pool: WorkerPool, attempts: Iterable[Attempt], stop: StopSwitch) -> Iterator[Outcome]:
    """Give `attempts` to `pool`, in order, and yield each outcome as it comes.

    After `stop` is set, what runs ends and nothing more begins.
    """
    waiting = iter(attempts)
    while True:
        while pool.room and not stop.is_set() and (attempt := next(waiting, None)) is not None:
            pool.start(attempt)
        if not pool.busy:
            return
        pool.wait()
        yield from pool.outcomes()
