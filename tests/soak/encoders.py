"""Encoders to kill and to fail at a chosen system call, quickly: forked from a Python that has imported everything."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

# A clean run ends within a second; only a hang takes so long, on a busy machine as well.
HANG_SECONDS = 90.0
# In the environment of all that an encoder starts: by it, what is left of one is found. Not a name like an option's
# variable: to warn of such a one every command would be imported, also while calls of its files fail.
MARK = "SOAK_OF_DADDY_ENCODE"

SERVER = """
import importlib, json, os, signal, sys
for name in json.loads(sys.stdin.readline()):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
from daddy_encode.cli.main import main
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.update(asked["environment"])
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(file, descriptor)
            os.close(file) if file != log or descriptor == 2 else None
        sys.argv = ["daddy-encode", *asked["arguments"]]
        # Until it is traced: so the counts of its calls are the same each time.
        os.kill(os.getpid(), signal.SIGSTOP)
        main()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

# The modules that one run has loaded in the end, also those that it imports when it needs them.
LOADED = """
import atexit, json, sys
from daddy_encode.cli.main import main
atexit.register(lambda: print(json.dumps([name for name in sys.modules if not name.startswith("__")])))
main()
"""


def loaded_modules(*arguments: str | Path) -> list[str]:
    """The modules that `daddy-encode` with `arguments` loads."""
    command = [sys.executable, "-c", LOADED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANG_SECONDS)
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return modules


@dataclass(frozen=True)
class Fault:
    """What strace does to the encoder.

    Attributes:
        call: The system call.
        number: Which of a thread's calls, from 1.
        error: The error that it gives; None: the process is killed there.
    """

    call: str
    number: int
    error: str | None

    @property
    def injection(self) -> str:
        """strace's option."""
        what = "signal=KILL" if self.error is None else f"error={self.error}"
        return f"inject={self.call}:{what}:when={self.number}"

    def __str__(self) -> str:
        return f"{self.call} {self.number} {self.error or 'killed'}"


@dataclass(frozen=True)
class Ended:
    """What became of an encoder.

    Attributes:
        status: Its exit status, or the negative number of the signal that ended it; None: it did not end.
        log: What it said.
        calls: What strace saw.
        left: The processes that it left.
    """

    status: int | None
    log: str
    calls: str
    left: list[str]


class Encoders:
    """A context manager around one Python that starts encoders, one at a time."""

    def __init__(self, strace: str, modules: list[str], scratch: Path) -> None:
        scratch.mkdir()
        self._strace, self._scratch = strace, scratch
        self._count = 0
        # A thread of OpenBLAS would be lost in each fork.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._send(modules)

    def __enter__(self) -> Encoders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.kill()
        self._server.wait()
        self._server.stdout.close()

    def run(self, arguments: list[str], options: list[str], environment: Mapping[str, str]) -> Ended:
        """`daddy-encode` with `arguments`, traced with strace's `options`, where there are any, without its ffmpeg."""
        self._count += 1
        mark = f"{os.getpid()}-{self._scratch.name}-{self._count}"
        log, calls, told = (self._scratch / name for name in ("log", "calls", "told"))
        self._send({"arguments": arguments, "environment": {**environment, MARK: mark}, "log": str(log)})
        pid = int(self._receive() or 0)
        _until(lambda: _state(pid) == "T")
        calls.write_text("")
        with ExitStack() as stack:
            if options:
                # -b: a program that is started is let go.
                command = [self._strace, "-f", "-b", "execve", "-o", str(calls), *options, "-p", str(pid)]
                stream = stack.enter_context(told.open("w"))
                tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stream)
                stack.callback(_end, tracer)
                _until(lambda: "attached" in told.read_text())
            os.kill(pid, signal.SIGCONT)
            status = self._receive()
            if status is None:
                os.kill(pid, signal.SIGKILL)
                self._receive()
        left = _ended(mark)
        return Ended(int(status) if status is not None else None, log.read_text(), calls.read_text(), left)

    def _send(self, what: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()

    def _receive(self) -> str | None:
        """A line of the server; None where none comes."""
        stream = self._server.stdout
        assert stream is not None
        if not select.select([stream], [], [], HANG_SECONDS)[0]:
            return None
        return stream.readline()


def _end(tracer: subprocess.Popen[bytes]) -> None:
    """Wait for a tracer of which nothing is left to trace."""
    with suppress(subprocess.TimeoutExpired):
        tracer.wait(HANG_SECONDS)
    tracer.kill()
    tracer.wait()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def _ended(mark: str) -> list[str]:
    """Wait until nothing runs that was started with `mark`; what does not end is killed, and named."""
    end = time.monotonic() + HANG_SECONDS
    while found := _marked(mark):
        if time.monotonic() > end:
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return list(found.values())
        time.sleep(0.02)
    return []


def _marked(mark: str) -> dict[int, str]:
    words = f"{MARK}={mark}\0".encode()
    found = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and words in (process / "environ").read_bytes() + b"\0":
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")[:200]
    return found
