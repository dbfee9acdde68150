"""The watcher's own rhythm: how often it scans, and what it says meanwhile."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from daddy_encode.encoding.settings import make_settings
from daddy_encode.service.attempt import Attempt
from daddy_encode.service.stop import StopSwitch
from daddy_encode.service.watcher.scanner import IDLE_SECONDS, Scanner
from daddy_encode.service.watcher.wake import Waker
from daddy_encode.service.watcher.watcher import Watcher, WatchOptions
from daddy_encode.service.worker_pool import WorkerPool
from daddy_encode.spool.claims import Claims
from daddy_encode.spool.paths import JobPaths
from tests.jobs import context, encode
from tests.service.spools import write_job

INTERVAL = 10.0


class Clock:
    """A clock that goes on when somebody sleeps, and when a scan takes its time."""

    now = 1000.0

    def read(self) -> float:
        return self.now


class ClockWaker(Waker):
    """Sleeps by the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> bool:
        self._clock.now += seconds
        return False


class TimedScanner(Scanner):
    """Notes when each scan begins and ends; each takes the next of `durations`, in seconds."""

    def __init__(self, root: Path, clock: Clock, durations: Iterable[float], before: Callable[[], object]) -> None:
        super().__init__(root, make_settings(), clock=clock.read)
        self.times: list[tuple[float, float]] = []
        self._time = clock
        self._durations = iter(durations)
        self._before = before

    def scan(self) -> list[Attempt]:
        begin = self._time.now
        self._before()
        self._time.now += next(self._durations)
        self.times.append((begin, self._time.now))
        return super().scan()


def pauses(
    root: Path, seconds: float, durations: Iterable[float] = itertools.repeat(0.0), before: Callable[[], object] = int
) -> list[float]:
    """Watch `root` for so many seconds of a clock of ours; the pauses between scans."""
    clock, stop = Clock(), StopSwitch()
    scanner, waker = TimedScanner(root, clock, durations, before), ClockWaker(clock)
    options = WatchOptions(interval=INTERVAL, max_runtime=seconds)
    with WorkerPool(1, context(), Claims(60), stop, wake=waker.wake) as pool:
        Watcher(scanner, pool, waker, stop, options, lambda outcome: None, lambda ready: None, clock=clock.read).run()
    return [begin - end for (_, end), (begin, _) in itertools.pairwise(scanner.times)]


@pytest.fixture
def writing(tmp_path: Path) -> Path:
    """A spool with a job that is being written: something goes on in it."""
    (write_job(tmp_path / "spool" / "job") / "manifest.json").unlink()
    return tmp_path / "spool"


def test_scans_are_a_poll_interval_apart_less_a_jitter_and_twice_as_far_where_nothing_goes_on(
    tmp_path: Path, writing: Path
) -> None:
    busy = pauses(writing, 300)
    assert len(busy) >= 29
    assert all(0.8 * INTERVAL <= pause <= INTERVAL + 0.1 for pause in busy)
    assert len({round(pause, 3) for pause in busy}) > 1, "watchers that start together should drift apart"
    encode(write_job(tmp_path / "done" / "job"))
    idle = pauses(tmp_path / "done", 300)
    assert len(idle) >= 14
    assert all(2 * 0.8 * INTERVAL <= pause <= 2 * INTERVAL + 0.1 for pause in idle)


def test_scanning_takes_a_tenth_of_the_time_at_most_and_one_scan_that_hangs_delays_no_other(writing: Path) -> None:
    # The fourth and the fifth scan are slow both.
    *usual, slow = pauses(writing, 600, itertools.chain([1.0, 40.0, 1.0, 40.0, 40.0], itertools.repeat(1.0)))[:5]
    assert all(0.8 * INTERVAL <= pause <= INTERVAL + 0.1 for pause in usual)
    assert 400 <= slow <= 400.1


def test_a_lease_that_cannot_be_taken_away_is_no_work_and_is_tried_less_and_less_often(tmp_path: Path) -> None:
    job = write_job(tmp_path / "spool" / "job")
    encode(job)
    clock, stop = Clock(), StopSwitch()
    scanner, waker = TimedScanner(tmp_path / "spool", clock, itertools.repeat(0.0), int), ClockWaker(clock)
    options = WatchOptions(interval=INTERVAL, max_runtime=100_000, idle_exit=1000)
    # Of another encoder, which is alive for ever.
    with (
        Claims(86_400).hold(JobPaths.of(job), lambda: None),
        WorkerPool(1, context(), Claims(86_400), stop, wake=waker.wake) as pool,
    ):
        ready: list[set[JobPaths]] = []
        Watcher(scanner, pool, waker, stop, options, lambda outcome: None, ready.append, clock=clock.read).run()
    assert scanner.times[-1][1] <= 1000 + 1000 + INTERVAL, "it has ended by itself"
    assert len(ready) >= 40
    assert 2 <= len([paths for paths in ready if paths]) <= 12


def test_a_spool_is_idle_when_all_is_finished_or_nothing_has_changed_for_ten_minutes(tmp_path: Path) -> None:
    now = 1000.0
    scanner = Scanner(tmp_path, make_settings(), clock=lambda: now)
    scanner.scan()
    assert scanner.is_idle()
    job = write_job(tmp_path / "job")
    manifest = (job / "manifest.json").read_bytes()
    (job / "manifest.json").unlink()
    scanner.scan()
    assert not scanner.is_idle()
    now += IDLE_SECONDS + 1
    scanner.scan()
    assert scanner.is_idle(), "its rollout has died, perhaps"
    (job / "manifest.json").write_bytes(manifest)
    scanner.scan()
    assert not scanner.is_idle()
    encode(job)
    scanner.scan()
    assert scanner.is_idle()


def test_however_much_changes_one_line_a_minute_says_so_and_what_a_scan_costs(
    writing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    numbers = itertools.count()

    def write() -> None:
        job = writing / f"job-{next(numbers)}"
        job.mkdir()
        (job / "000000.png").touch()

    assert len(pauses(writing, 150, itertools.repeat(0.25), write)) > 10
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "2 writing; the scan took 0.250 s"
    assert [line.endswith("writing; the scan took 0.250 s") for line in lines] == [True, True, True, False]
    assert lines[-1] == "ending after 150 s, as asked"
