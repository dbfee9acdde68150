"""Wall time, processor time and memory of what a user calls, side by side in one run."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Command = Sequence[str | os.PathLike[str]]
# Runs a command; says its wall and processor seconds.
Call = Callable[[Command], tuple[float, float]]
# A command, or a function that says how long it took itself; it runs commands by what it is given.
Run = Command | Callable[[Call], tuple[float, float]]


@dataclass
class Measured:
    """What each round of one run took, in seconds; medians unless said otherwise.

    `peak`: the most memory that one of its commands and all below it had, in bytes, as in `peak_bytes`.
    """

    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    peak: int = 0

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus)

    @property
    def spread(self) -> str:
        """The shortest and the longest wall time."""
        return _spread(self.walls, 2)

    def wall_seconds(self, digits: int = 2) -> str:
        """Such as "0.44 s (0.39 to 0.48)", the wall time with the shortest and the longest."""
        return f"{self.wall:.{digits}f} s ({_spread(self.walls, digits)})"

    def cpu_seconds(self, digits: int = 2) -> str:
        """The same of processor time."""
        return f"{self.cpu:.{digits}f} s ({_spread(self.cpus, digits)})"

    @property
    def megabytes(self) -> str:
        """The peak of memory."""
        return f"{self.peak / 1e6:.0f}"


def _spread(seconds: list[float], digits: int) -> str:
    if len(seconds) == 1:
        return "one round"
    return f"{min(seconds):.{digits}f} to {max(seconds):.{digits}f}"


def measure(
    runs: Mapping[str, Run], repeat: int, before: Callable[[str], object] = lambda name: None
) -> dict[str, Measured]:
    """Run all of `runs` in turn, `repeat` times, so that a noisy minute falls on every side.

    One round before is not counted: programs and files are then in memory, for all of them. It measures the memory.

    Args:
        runs: By name. Of a command the time runs from its start to its end, and includes all that it starts.
        repeat: Rounds that count.
        before: Called with the name before each run, outside of its time.
    """
    measured = {name: Measured() for name in runs}
    for name, run in runs.items():
        before(name)
        measured[name].peak = _peak(run)
    for _ in range(repeat):
        for name, run in runs.items():
            before(name)
            wall, cpu = run(command_seconds) if callable(run) else command_seconds(run)
            measured[name].walls.append(wall)
            measured[name].cpus.append(cpu)
    return measured


def _peak(run: Run) -> int:
    if not callable(run):
        return peak_bytes(run)
    peaks = [0]

    def call(command: Command) -> tuple[float, float]:
        peaks.append(peak_bytes(command))
        return 0.0, 0.0

    run(call)
    return max(peaks)


def command_seconds(command: Command) -> tuple[float, float]:
    """Wall and processor seconds of a command and of all that it has started and waited for.

    Raises:
        SystemExit: It failed; with its command line and what it said.
    """
    with open(os.devnull, "r+b") as null:
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdin=null, stdout=null, stderr=subprocess.PIPE)
        assert child.stderr is not None
        with ended(child):
            said = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode:
        raise SystemExit(_failed(command, child.returncode, said))
    return wall, usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def ended(*children: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop, at the end, those of `children` that still run: they would write into a folder that is being removed."""
    try:
        yield
    finally:
        for child in children:
            if child.returncode is None:
                child.terminate()
                child.wait()


def timed(function: Callable[[], object]) -> Callable[[Call], tuple[float, float]]:
    """A run of `function` in this process: its wall time, and processor time of this process and its children."""

    def run(_: Call) -> tuple[float, float]:
        begin, before = time.perf_counter(), _own_seconds()
        function()
        return time.perf_counter() - begin, _own_seconds() - before

    return run


def peak_bytes(command: Command) -> int:
    """The peak memory of a command's process tree: the largest sum of its processes' peaks seen, in bytes.

    Looked at a hundred times a second, so not while it is timed.

    Raises:
        SystemExit: As `command_seconds`.
    """
    with tempfile.TemporaryFile() as said, open(os.devnull, "r+b") as null:
        child = subprocess.Popen(command, stdin=null, stdout=null, stderr=said)
        peak = 0
        with ended(child):
            while child.poll() is None:
                peak = max(peak, sum(map(_high_water, _tree([child.pid]))))
                time.sleep(0.01)
        said.seek(0)
        if child.returncode:
            raise SystemExit(_failed(command, child.returncode, said.read()))
    return peak


def _failed(command: Command, status: int, said: bytes) -> str:
    return f"{[*map(str, command)]} failed with {status}: {said.decode(errors='replace')}"


def own_seconds(command: Sequence[str | os.PathLike[str]]) -> float:
    """Processor seconds of a command's own process, without those that it starts, to a few hundredths."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ticks = 0
    while child.poll() is None:
        with contextlib.suppress(OSError):
            # Behind the name: user and system.
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
            ticks = max(ticks, int(fields[11]) + int(fields[12]))
        time.sleep(0.01)
    if child.returncode:
        raise SystemExit(f"{[*map(str, command)]} failed with {child.returncode}")
    return ticks / os.sysconf("SC_CLK_TCK")


def _tree(processes: Iterable[int]) -> list[int]:
    """These processes and all below them."""
    found: list[int] = []
    waiting = list(processes)
    while waiting:
        found.append(process := waiting.pop())
        for thread in _listed(Path(f"/proc/{process}/task")):
            with contextlib.suppress(OSError):
                waiting += map(int, (thread / "children").read_text().split())
    return found


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _high_water(process: int) -> int:
    """The peak resident memory of one process, in bytes; 0 where it has ended."""
    with contextlib.suppress(OSError, IndexError):
        return 1024 * int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0])
    return 0


def _own_seconds() -> float:
    # Not os.times(), which counts in hundredths.
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
