"""A signal's handler that ends a recording, at every line of what it may interrupt. A hang ends the whole run."""

from __future__ import annotations

import _thread
import contextlib
import faulthandler
import functools
import itertools
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import gymnasium as gym
import pytest

from daddy_encode.dump import FrameWriter
from daddy_encode.dump.gymnasium import RecordFrames
from daddy_encode.dump.worker import process
from daddy_encode.errors import SpoolError
from tests.dump.reading import assert_same, frame_files, manifest_of, pixels_of
from tests.media import noise
from tests.service.spools import until

HANG_SECONDS = 120
FRAMES = noise(3, 8, 8)
# What runs in the rollout's thread, and not what may be anybody's.
INTERRUPTED = ("dump/writer.py", "worker/client.py", "dump/exit_hook.py", "recording/calls.py", "episodes/recorder.py")


@pytest.fixture(autouse=True)
def hangs_are_failures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    monkeypatch.setattr(process, "_impossible", True)
    yield
    faulthandler.cancel_dump_traceback_later()


class Interrupt:
    """Calls a handler once, before the line of that number among those that run in this thread."""

    def __init__(self, number: int, handler: Callable[[], None], *, leaves: bool = False) -> None:
        self.left, self.handler = number, handler
        # Python handles no signal between the end of a call and the `finally` around it, of which calls.py is made.
        self.files = [name for name in INTERRUPTED if not (leaves and name.endswith("calls.py"))]
        self.came = False

    def __enter__(self) -> Interrupt:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(tuple(self.files)):
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0 and not self.came:
                self.came = True
                sys.settrace(None)
                self.handler()
        return None if self.came else self._trace


def record(writer: FrameWriter) -> int:
    """Write and close as a rollout does, and return how many frames were taken."""
    taken = 0
    try:
        for frame in FRAMES:
            taken += writer.write(frame)
    except SpoolError as error:
        assert "closed" in str(error)
    writer.close()
    return taken


def closes(writer: FrameWriter) -> None:
    writer.close("told to stop")


def closes_and_leaves(writer: FrameWriter) -> None:
    writer.close("told to stop")
    raise SystemExit


def discards(writer: FrameWriter) -> None:
    writer.discard()


THREADS: list[threading.Thread] = []


def lets_a_thread_close(writer: FrameWriter) -> None:
    THREADS.append(threading.Thread(target=writer.close, args=["told to stop"], daemon=True))
    THREADS[-1].start()


@pytest.mark.parametrize(
    ("handler", "step"),
    [
        pytest.param(closes, 3, marks=pytest.mark.soak),
        pytest.param(closes_and_leaves, 3, marks=pytest.mark.soak),
        (discards, 6),
        pytest.param(lets_a_thread_close, 5, marks=pytest.mark.soak),
    ],
)
def test_a_handler_may_end_a_recording_at_any_line(
    handler: Callable[[FrameWriter], None], step: int, tmp_path: Path
) -> None:
    for number in itertools.count(0, step):
        directory = tmp_path / f"{number}"
        writer = FrameWriter(directory, workers=1, processes=False, min_free=0)
        taken = None
        interrupt = Interrupt(number, functools.partial(handler, writer), leaves=handler is closes_and_leaves)
        with contextlib.suppress(SystemExit), interrupt:
            taken = record(writer)
        with contextlib.suppress(SpoolError):  # the one that was interrupted
            writer.close()
        while THREADS:
            THREADS.pop().join()
        assert writer.closed, number
        if handler is discards and interrupt.came:
            assert not directory.exists(), number
            continue
        manifest = manifest_of(directory)
        assert manifest["frames"] == len(frame_files(directory)), number
        assert taken in (None, manifest["frames"]), number
        assert_same(pixels_of(directory), list(FRAMES[: manifest["frames"]]))
        if not interrupt.came:
            break
        # A handler that comes after all frames may also be late.
        late = (manifest["frames"], manifest["complete"], manifest["error"]) == (len(FRAMES), True, None)
        assert late or (manifest["complete"], manifest["error"]) == (False, "told to stop"), number
    assert number > 200


class Grey(gym.Env[Any, Any]):
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012
    observation_space = action_space = gym.spaces.Discrete(2)
    render_mode = "rgb_array"

    def reset(self, **_: Any) -> tuple[int, dict[str, Any]]:
        return 0, {}

    def step(self, _: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return 0, 1.0, False, False, {}

    def render(self) -> Any:
        return FRAMES[0]


@pytest.mark.parametrize("leave", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_a_handler_may_close_a_recorded_environment_at_any_line(
    leave: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(env: RecordFrames) -> None:
        env.close()
        if leave:
            raise SystemExit

    threads = _thread._count()
    for number in itertools.count(0, 3):
        folder = tmp_path / f"{number}"
        env = RecordFrames(Grey(), folder, min_free=0)
        interrupt = Interrupt(number, functools.partial(end, env), leaves=leave)
        with warnings.catch_warnings():
            # A folder in which there is no frame is gone, but the handler says so.
            warnings.filterwarnings("ignore", message=".*there are no frames" + "|.*interrupted" * leave)
            with contextlib.suppress(SystemExit), interrupt:
                env.reset()
                env.step(0)
            env.close()
        # What was interrupted while it began ends in the background.
        until(lambda: _thread._count() <= threads, "the end of all threads")
        for job in folder.iterdir():
            manifest = manifest_of(job)
            assert manifest["frames"] == len(frame_files(job)), number
            assert leave or manifest["frames"], number
            assert leave or manifest["complete"], number
        if not interrupt.came:
            break
    assert number > 200
