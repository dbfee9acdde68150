"""Wall time, processor time and memory of what a user calls, side by side in one run."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# A command, or a function that says how long it took itself: wall and processor seconds.
Run = Sequence[str | os.PathLike[str]] | Callable[[], tuple[float, float]]


@dataclass
class Measured:
    """What each round of one run took, in seconds; medians unless said otherwise."""

    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

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


def _spread(seconds: list[float], digits: int) -> str:
    if len(seconds) == 1:
        return "one round"
    return f"{min(seconds):.{digits}f} to {max(seconds):.{digits}f}"


def measure(
    runs: Mapping[str, Run], repeat: int, before: Callable[[str], object] = lambda name: None
) -> dict[str, Measured]:
    """Run all of `runs` in turn, `repeat` times, so that a noisy minute falls on every side.

    One round before is not counted: programs and files are then in memory, for all of them.

    Args:
        runs: By name. Of a command the time runs from its start to its end, and includes all that it starts.
        repeat: Rounds that count.
        before: Called with the name before each run, outside of its time.
    """
    measured = {name: Measured() for name in runs}
    for round_ in range(repeat + 1):
        for name, run in runs.items():
            before(name)
            wall, cpu = run() if callable(run) else command_seconds(run)
            if round_:
                measured[name].walls.append(wall)
                measured[name].cpus.append(cpu)
    return measured


def command_seconds(command: Sequence[str | os.PathLike[str]]) -> tuple[float, float]:
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
        raise SystemExit(f"{[*map(str, command)]} failed with {child.returncode}: {said.decode(errors='replace')}")
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


def timed(function: Callable[[], object]) -> Callable[[], tuple[float, float]]:
    """A run of `function` in this process: its wall time, and processor time of this process and its children."""

    def run() -> tuple[float, float]:
        begin, before = time.perf_counter(), _own_seconds()
        function()
        return time.perf_counter() - begin, _own_seconds() - before

    return run


def peak_bytes(command: Sequence[str | os.PathLike[str]]) -> int:
    """The peak memory of a command's process tree: the largest sum of its processes' peaks seen, in bytes.

    Looked at a hundred times a second, so not while it is timed.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    with ended(child):
        while child.poll() is None:
            peak = max(peak, sum(map(_high_water, _tree([child.pid]))))
            time.sleep(0.01)
    if child.returncode:
        raise SystemExit(f"{[*map(str, command)]} failed with {child.returncode}")
    return peak


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
