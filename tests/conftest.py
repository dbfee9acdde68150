"""Shared fixtures; parts of the system that a machine may lack."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests import users
from tests.users import Lab, User

# No test asserts on a clock: a loaded machine is slow, not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell starts `pytest &` with SIGINT ignored; the processes that tests start would inherit that and miss a Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Require = Callable[[str, str], str]
# Which a command handles.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put back what a command that a test runs in its own process has set up: logging, signals, scheduling."""
    logger = logging.getLogger("daddy_encode")
    handlers, level, propagates = list(logger.handlers), logger.level, logger.propagate
    actions = {number: signal.getsignal(number) for number in SIGNALS}
    policy = os.sched_getscheduler(0)
    yield
    if os.sched_getscheduler(0) != policy:
        os.sched_setscheduler(0, policy, os.sched_param(0))
    logger.handlers, logger.propagate = handlers, propagates
    logger.setLevel(level)
    for number, action in actions.items():
        if signal.getsignal(number) is not action:
            signal.signal(number, action)


@pytest.fixture(scope="session")
def require_program() -> Require:
    """Call with a program and its Debian package: skips where it is absent, fails where CI says it must be there."""

    def require(program: str, package: str) -> str:
        path = shutil.which(program)
        if path is None:
            missing(f"{program} is missing: install the Debian package {package}")
        return str(path)

    return require


def missing(reason: str) -> NoReturn:
    """Skip, or fail where DADDY_ENCODE_REQUIRE_SYSTEM is set."""
    if os.environ.get("DADDY_ENCODE_REQUIRE_SYSTEM"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def nobody() -> User:
    """Another user, who owns nothing."""
    return users.nobody()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A group of two real users, and a third one outside it."""
    with users.lab() as made:
        yield made


@pytest.fixture
def shared(lab: Lab, tmp_path: Path) -> Path:
    """A folder of the group, as labs have it: the victim's, mode 2775, without the sticky bit."""
    return lab.folder(tmp_path / "shared")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """An empty folder for jobs."""
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with a job in each state but claimed and abandoned. All tests read it, and none writes."""
    from tests.media import run_command
    from tests.service.spools import write_job

    spool = tmp_path_factory.mktemp("states") / "spool"
    for index, name in enumerate(["done", "failed one", "partly done", "gone"]):
        write_job(spool / "run" / name, index)
    (spool / "run" / "failed one" / "000002.png").write_bytes(b"")
    run_command("encode", spool, "--video", "both")
    write_job(spool / "run" / "ready")
    (write_job(spool / "run" / "writing") / "manifest.json").unlink()
    (write_job(spool / "run" / "waiting") / "000003.png").unlink()
    (write_job(spool / "run" / "bad manifest") / "manifest.json").write_text("{")
    (spool / "run" / "partly done.gif").unlink()
    shutil.rmtree(spool / "run" / "gone")
    return spool


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job of 12 frames, 64x48, with its manifest."""
    from daddy_encode import save_frames_as_png
    from tests.media import moving_square

    save_frames_as_png(moving_square(12), tmp_path / "spool" / "episode-0003", meta={"seed": 7})
    return tmp_path / "spool" / "episode-0003"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        missing("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def pngcheck(require_program: Require) -> Callable[[list[Path]], None]:
    """Assert that pngcheck has nothing to say about these files."""
    program = require_program("pngcheck", "pngcheck")

    def check(paths: list[Path]) -> None:
        done = subprocess.run([program, "-q", *map(str, paths)], capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    return check


@pytest.fixture
def ffmpeg_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of the ffmpeg that this process uses; there is no file yet."""
    from daddy_encode.encoding import probe
    from tests import stand_in

    # Found before the variable is set.
    assert stand_in.REAL
    path = tmp_path / "bin" / "ffmpeg"
    path.parent.mkdir()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
    probe.forget_ffmpeg()
    yield path
    probe.forget_ffmpeg()


@pytest.fixture
def stand_in(ffmpeg_path: Path) -> Callable[[str], Path]:
    """Call with a shell script: it is what ffmpeg does; see `write_ffmpeg`."""
    from tests.stand_in import write_ffmpeg

    return lambda script: write_ffmpeg(ffmpeg_path, script)
