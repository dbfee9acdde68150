"""Many encoders on one spool, in one process and in virtual time: which jobs they try, and which work is done twice.

What decides is the real code: `encode_all` with its order and its pauses, `Claims` with its leases and heartbeats. It
works on real files in a temporary directory, but each call that asks a file server takes some virtual milliseconds, and
each encoder, on a node of its own, is told what a client with a cache is told. One of NFS asks anew whenever something
is opened; else a file's status is what it was up to `acregmin` seconds ago, and a name that was not there is not there
until its directory is opened, or was asked about more than `acdirmin` seconds ago. One of FUSE (`opening_asks=False`),
measured with bindfs, goes on saying what it knows to the last second, after an opening and of an open file, too; only
making a file asks (O_EXCL is refused, and the name is there from then on).

Looking whether a job is done, encoding and publishing are of the simulation. The same seed gives the same run.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from daddy_encode.errors import ClaimedError, DaddyEncodeError, SpoolError
from daddy_encode.service import encode_all as service
from daddy_encode.service.attempt import Attempt, Outcome, OutcomeKind
from daddy_encode.service.found_jobs import FoundJob
from daddy_encode.service.stop import StopSwitch
from daddy_encode.spool import held_file
from daddy_encode.spool.claims import Claims, claim, claims, directory, heartbeat, marker
from daddy_encode.spool.paths import JobPaths

# Of the system's calls, those that ask a file server that knows names and times.
ASKING = ("open", "stat", "unlink", "rename", "link", "mkdir", "rmdir", "listdir", "utime")
# What an encoder asks besides about each job that is not done, to see whose it is: the directory and the manifest.
CALLS_BEFORE_A_CLAIM = 3


@dataclass(frozen=True)
class Scene:
    """What is simulated; times in seconds.

    Attributes:
        encoders: How many, each encoding one job at a time.
        jobs: How many.
        seed: Of all that is drawn.
        start: Within how long all encoders start.
        shortest: The shortest encode.
        longest: The longest one; between them all are as likely.
        fastest: The shortest call to the file server.
        slowest: The longest one.
        acregmin: How old at most the status of a file may be.
        acdirmin: How old at most what is known of a directory may be.
        opening_asks: Whether to open something makes a client ask anew.
        negative: Where it does not, how long a name that was not there is not there; 0 is FUSE's default.
        killed: How many encoders are killed, once each, and started anew on another node.
        lease: After how long without a sign of life a job is taken over.
        in_order: Whether whoever meets another encoder tries the next job all the same.
    """

    encoders: int = 64
    jobs: int = 2048
    seed: int = 1
    start: float = 5.0
    shortest: float = 2.0
    longest: float = 16.0
    fastest: float = 0.001
    slowest: float = 0.020
    acregmin: float = 3.0
    acdirmin: float = 30.0
    opening_asks: bool = True
    negative: float = 0.0
    killed: int = 6
    lease: float = 60.0
    in_order: bool = False


@dataclass
class Simulated:
    """What came of it; times in seconds.

    Attributes:
        useful: Of encoding each job once.
        again: Of encoding what another encoder had encoded, or was encoding.
        lost: Of encodes that were cut short with their encoder.
        twice: How many jobs were encoded by two.
        refused: How many claims were tried that another encoder held.
        calls: How often the file server was asked, by call.
        took: From the first start to the last end.
        published: How many jobs have a video.
    """

    useful: float = 0.0
    again: float = 0.0
    lost: float = 0.0
    twice: int = 0
    refused: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    took: float = 0.0
    published: int = 0

    @property
    def double_work(self) -> float:
        """The share of the encoding that was for nothing, beside what died with its encoder."""
        return self.again / (self.useful + self.again)


def simulate(scene: Scene) -> Simulated:
    """Run all encoders until each has seen every job done."""
    folder = Path(tempfile.mkdtemp(prefix="daddy-encode-simulation-"))
    try:
        world = _World(scene, folder)
        with world.patched():
            world.run()
        return world.result
    finally:
        shutil.rmtree(folder)


class _Killed(BaseException):
    """Raised in whatever an encoder that was killed would go on with."""


class _Known(Exception):
    """A status that is known without asking."""

    def __init__(self, status: os.stat_result) -> None:
        self.status = status


class _Task:
    """A thread of an encoder: one runs at a time, all others wait for their moment."""

    def __init__(self, encoder: _Encoder) -> None:
        self.encoder = encoder
        self.baton = threading.Semaphore(0)
        # Virtual seconds that it is behind.
        self.debt = 0.0


class _World:
    """The clock, the nodes, and whose turn it is."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        self.random = random.Random(scene.seed)
        self.now = 0.0
        self.result = Simulated()
        self.running: _Task
        self._due: list[tuple[float, int, _Task]] = []
        self._turns = 0
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._faults: list[BaseException] = []
        self._encoders: list[_Encoder] = []
        self.durations = {
            JobPaths.of(path, folder): self.random.uniform(scene.shortest, scene.longest) for path in self._make_jobs()
        }
        # By job, the encodes that go on.
        self.encoding: Counter[JobPaths] = Counter()
        # Open files, and the directory and the name by which each was opened.
        self.descriptors: dict[int, tuple[int, str]] = {}
        # By directory: how often a name in it came or went.
        self.versions: Counter[int] = Counter()

    def _make_jobs(self) -> list[Path]:
        paths = [self.folder / f"job-{number:05d}" for number in range(self.scene.jobs)]
        for path in paths:
            path.mkdir()
        return paths

    def run(self) -> None:
        scene = self.scene
        for _ in range(scene.encoders):
            self.start_encoder(self.random.uniform(0, scene.start))
        wall = sum(self.durations.values()) / scene.encoders
        for victim in self.random.sample(self._encoders, scene.killed):
            self._plan_a_kill(victim, self.random.uniform(scene.start, max(scene.start + 1, 0.9 * wall)))
        self._next()
        self._ended.wait()
        for thread in self._threads:
            thread.join()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if self._faults:
            raise self._faults[0]
        self.result.took = self.now
        self.result.useful = sum(self.durations.values())
        self.result.published = sum(os.path.exists(paths.receipt) for paths in self.durations)

    def start_encoder(self, delay: float) -> None:
        encoder = _Encoder(self, len(self._encoders))
        self._encoders.append(encoder)
        self.spawn(encoder, encoder.run, delay)

    def _plan_a_kill(self, victim: _Encoder, moment: float) -> None:
        def kill() -> None:
            victim.is_killed = True
            self.start_encoder(self.random.uniform(1, self.scene.lease))

        self.spawn(_Encoder(self, -1), kill, moment)

    # Turns.

    def spawn(self, encoder: _Encoder, function: Callable[[], object], delay: float = 0.0) -> None:
        """Run `function` in a thread of `encoder`, from now or later on."""
        task = _Task(encoder)

        def body() -> None:
            task.baton.acquire()
            try:
                if not encoder.is_killed:
                    function()
            except _Killed:
                pass
            except BaseException as fault:
                self._faults.append(fault)
            self._next()

        thread = threading.Thread(target=body, daemon=True)
        self._threads.append(thread)
        self._put(self.now + delay, task)
        thread.start()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for the task that runs."""
        task = self.running
        due = self.now + seconds + task.debt
        task.debt = 0.0
        if self._due and self._due[0][0] <= due:
            self._put(due, task)
            self._next()
            task.baton.acquire()
        else:
            self.now = due
        if task.encoder.is_killed:
            raise _Killed

    def _put(self, due: float, task: _Task) -> None:
        self._turns += 1
        heapq.heappush(self._due, (due, self._turns, task))

    def _next(self) -> None:
        if not self._due or self._faults:
            self._ended.set()
            return
        self.now, _, self.running = heapq.heappop(self._due)
        self.running.baton.release()

    def ask(self, call: str, times: int = 1) -> None:
        """Ask the file server: half of the time passes before it answers, half after that."""
        self.result.calls[call] += times
        for _ in range(times):
            half = self.random.uniform(self.scene.fastest, self.scene.slowest) / 2
            self.sleep(half)
            self.running.debt += half

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """The package's code, with this world's clock, files and threads."""
        clock = SimpleNamespace(monotonic=lambda: self.now + self.running.debt, sleep=self.sleep, time=time.time)
        threads = SimpleNamespace(
            Lock=lambda: _Lock(self),
            Event=lambda: SimpleNamespace(wait=self.sleep),
            Thread=lambda target, **_: SimpleNamespace(start=lambda: self.spawn(self.running.encoder, target)),
        )
        files = _Files(self)
        with contextlib.ExitStack() as stack:
            for module in (claims, claim, directory, held_file):
                stack.enter_context(mock.patch.object(module, "os", files))
            for module in (claims, claim, directory, service):
                stack.enter_context(mock.patch.object(module, "time", clock))
            for module in (claims, claim, heartbeat):
                stack.enter_context(mock.patch.object(module, "threading", threads))
            for module in (claims, marker):
                stack.enter_context(
                    mock.patch.object(module, "host_name", lambda: f"node-{self.running.encoder.number}")
                )
            own = SimpleNamespace(randrange=lambda stop: self.running.encoder.random.randrange(stop))
            stack.enter_context(mock.patch("random.SystemRandom", lambda: own))
            if self.scene.in_order:
                stack.enter_context(mock.patch.object(service._Order, "go_elsewhere", lambda order: None))
            yield


class _Lock:
    """A lock between tasks of an encoder."""

    def __init__(self, world: _World) -> None:
        self._world = world
        self._is_held = False

    def __enter__(self) -> None:
        while self._is_held:
            self._world.sleep(0.001)
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False


class _Files:
    """The module `os` as an encoder's node has it: calls take time, and what was told lately is told again."""

    def __init__(self, world: _World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name == "getpid":
            return lambda: self._world.running.encoder.number
        if name not in ASKING:
            return real

        def asked(*arguments: Any, **options: Any) -> Any:
            world, encoder = self._world, self._world.running.encoder
            if encoder.is_killed:
                raise _Killed
            above, entry = _entry(arguments[0], options)
            is_new = name == "open" and bool(arguments[1] & os.O_CREAT)
            if name in ("open", "stat") and not is_new:
                try:
                    encoder.check_told(name, above, entry)
                except _Known as known:
                    return known.status
            world.ask(name)
            try:
                answer = real(*arguments, **options)
            except FileNotFoundError as error:
                encoder.keep_missing(above, entry, error)
                raise
            except FileExistsError:
                encoder.told.pop((above, entry), None)
                raise
            if name != "open" or is_new or world.scene.opening_asks:
                encoder.told.pop((above, entry), None)
            if is_new or name in ("unlink", "rename", "link", "mkdir", "rmdir"):
                world.versions[above] += 1
                encoder.opened(above)
            elif name == "stat":
                encoder.keep(above, entry, answer)
            if name == "open":
                world.descriptors[answer] = above, entry
                is_directory = arguments[1] & os.O_DIRECTORY and not arguments[1] & os.O_PATH
                if is_directory and world.scene.opening_asks:
                    encoder.opened(os.fstat(answer).st_ino)
            return answer

        return asked

    def fstat(self, descriptor: int) -> os.stat_result:
        world, encoder = self._world, self._world.running.encoder
        status = os.fstat(descriptor)
        if descriptor not in world.descriptors or world.scene.opening_asks:
            return status
        above, entry = world.descriptors[descriptor]
        return encoder.status_of_open(above, entry, status)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
        self._world.descriptors.pop(descriptor, None)


def _entry(name: Any, options: dict[str, Any]) -> tuple[int, str]:
    """The directory that a name is in, by its number, and the name there."""
    above = options.get("dir_fd", options.get("src_dir_fd"))
    if above is not None:
        return os.fstat(above).st_ino, str(name)
    if isinstance(name, int):
        return 0, str(name)
    return os.stat(os.path.dirname(name)).st_ino, os.path.basename(name)


class _Encoder:
    """One `daddy-encode encode`, on a node of its own; also the pool that its `encode_all` gives attempts to."""

    fault: DaddyEncodeError | None = None

    def __init__(self, world: _World, number: int) -> None:
        self.number = number
        self.is_killed = False
        self.random = random.Random(f"{world.scene.seed} {number}")
        # By directory and name: the status, and until when it is taken to be so; or that it was not there, and in which
        # version of the directory.
        self.told: dict[tuple[int, str], tuple[os.stat_result | OSError, float]] = {}
        # By directory: its version as it is known, and until when that is taken to be so.
        self._known: dict[int, tuple[int, float]] = {}
        self._world = world
        self._outcomes: list[Outcome] = []

    def opened(self, directory: int) -> None:
        """What is known of a directory is as it is now."""
        self._known[directory] = (
            self._world.versions[directory],
            self._world.now + self.random.uniform(0, self._world.scene.acdirmin),
        )

    def _version(self, directory: int) -> int:
        if directory not in self._known or self._known[directory][1] <= self._world.now:
            self._world.ask("stat")
            self.opened(directory)
        return self._known[directory][0]

    def keep(self, directory: int, name: str, status: os.stat_result) -> None:
        """Keep the status of a file for a while."""
        kept = self._world.scene.acregmin
        if self._world.scene.opening_asks:
            kept = self.random.uniform(0, kept)
        self.told[directory, name] = status, self._world.now + kept

    def keep_missing(self, directory: int, name: str, error: FileNotFoundError) -> None:
        """Keep that there is nothing of a name."""
        if self._world.scene.opening_asks:
            self.told[directory, name] = error, self._version(directory)
        else:
            self.told[directory, name] = error, self._world.now + self._world.scene.negative

    def check_told(self, call: str, directory: int, name: str) -> None:
        """Raise what is known without asking: that nothing is there, or, of a status, that it is known."""
        if (directory, name) not in self.told:
            return
        told, when = self.told[directory, name]
        if isinstance(told, OSError):
            if self._world.now < when if not self._world.scene.opening_asks else self._version(directory) == when:
                raise told
        elif call == "stat" and self._world.now < when:
            raise _Known(told)

    def status_of_open(self, directory: int, name: str, status: os.stat_result) -> os.stat_result:
        """What is said of an open file: as it was told before, if that was this file."""
        told, when = self.told.get((directory, name), (None, 0.0))
        if isinstance(told, os.stat_result) and self._world.now < when and os.path.samestat(told, status):
            return told
        self.keep(directory, name, status)
        return status

    def run(self) -> None:
        world = self._world
        world.ask("listdir", 2)
        listed = frozenset(os.listdir(world.folder))
        found = [FoundJob(paths, 1000, True, False, False, paths.receipt.name in listed) for paths in world.durations]
        self._claims = Claims(world.scene.lease)
        service.encode_all(found, self, StopSwitch(), lambda outcome, job: None, lease=world.scene.lease)  # type: ignore[arg-type]

    # What `run_jobs` asks of a pool.

    @property
    def busy(self) -> int:
        return len(self._outcomes)

    @property
    def room(self) -> bool:
        return not self._outcomes

    def start(self, attempt: Attempt) -> None:
        self._outcomes.append(Outcome(attempt.paths, *self._attempt(attempt.paths)))

    def wait(self) -> None:
        pass

    def outcomes(self) -> list[Outcome]:
        ended, self._outcomes = self._outcomes, []
        return ended

    # What a worker does.

    def _attempt(self, paths: JobPaths) -> tuple[OutcomeKind, None, DaddyEncodeError | None]:
        world = self._world
        if self._is_done(paths):
            return OutcomeKind.DONE, None, None
        world.ask("before a claim", CALLS_BEFORE_A_CLAIM)
        is_lost = threading.Event()
        try:
            with self._claims.hold(paths, is_lost.set) as held:
                if self._is_done(paths):
                    return OutcomeKind.DONE, None, None
                return self._encode(paths, held, is_lost), None, None
        except ClaimedError as error:
            world.result.refused += 1
            return OutcomeKind.CLAIMED, None, error
        except SpoolError as error:
            return OutcomeKind.DEFERRED, None, error

    def _is_done(self, paths: JobPaths) -> bool:
        try:
            _Files(self._world).stat(str(paths.receipt))
        except FileNotFoundError:
            return False
        return True

    def _encode(self, paths: JobPaths, held: Any, is_lost: threading.Event) -> OutcomeKind:
        world, duration = self._world, self._world.durations[paths]
        begin = world.now
        is_second = os.path.exists(paths.receipt) or world.encoding[paths] > 0
        world.encoding[paths] += 1
        try:
            world.sleep(duration)
        except _Killed:
            world.result.lost += min(duration, world.now - begin)
            raise
        finally:
            world.encoding[paths] -= 1
        if is_second:
            world.result.again += duration
            world.result.twice += 1
        if is_lost.is_set() or not held.refresh(decide=True):
            return OutcomeKind.CLAIMED
        world.ask("publish", 4)
        paths.receipt.touch()
        above, name = _entry(paths.receipt, {})
        world.versions[above] += 1
        self.opened(above)
        self.told.pop((above, name), None)
        return OutcomeKind.MADE
